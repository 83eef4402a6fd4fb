import { expect, test } from '@jest/globals'
import { estimateMemory } from '../../../src/memory/estimate-memory.ts'
import { SAMPLE_PLAN, sampleRun } from '../sample-run.ts'

/** Embedding and head of the sample: 32,000 × 1,024 each. */
const OUTER = 2 * 32_000 * 1024

const STATES = new Set(['weights', 'wider embeddings', 'gradients', 'optimizer states', 'wider states of embeddings'])

function stateBytes(outerWeights: 'float32' | null, rank = 0): number {
  const plan = { ...SAMPLE_PLAN, sequenceLength: 16, precision: { ...SAMPLE_PLAN.precision, outerWeights } }
  const { components } = estimateMemory(sampleRun(plan, { rank }))
  const states = components.filter(({ name }) => STATES.has(name))
  return states.reduce((sum, { bytes }) => sum + bytes, 0)
}

test('wider embeddings cost two bytes more in the weight, the gradient and both moments', () => {
  expect(stateBytes('float32') - stateBytes(null)).toBe(OUTER * 2 * 4)
})

test('frozen ones cost only the weight', () => {
  expect(stateBytes('float32', 8) - stateBytes(null, 8)).toBe(OUTER * 2)
})

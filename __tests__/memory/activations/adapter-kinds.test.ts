import { describe, expect, test } from '@jest/globals'
import { denseUpdates } from '../../../src/memory/activations/dense-updates.ts'
import { estimateMemory } from '../../../src/memory/estimate-memory.ts'
import { tokensPerPass } from '../../../src/memory/tokens-per-pass.ts'
import type { AdapterPlan, TrainingPlan } from '../../../src/plan/training-plan.ts'
import type { AdapterType } from '../../../src/plan/vocabulary.ts'
import { SAMPLE_PLAN, sampleRun } from '../sample-run.ts'

const RANK = 8
const LAYERS = 4
/** Of the sample's seven projections in one layer. */
const LAYER_WEIGHTS = 2 * 1024 * 1024 + 2 * 1024 * 256 + 3 * 1024 * 2816

function adapterOf(type: AdapterType): AdapterPlan {
  return {
    type,
    rank: RANK,
    targetModules: 'all-linear',
    excludeModules: [],
    targetParameters: [],
    layersToTransform: null,
    rankPattern: {},
    modulesToSave: [],
    dtype: 'float32',
    dropout: 0,
    bias: 'none',
    virtualTokens: 100,
    kernels: [],
    targetRule: 'peft',
  }
}

const run = (type: AdapterType, plan: Partial<TrainingPlan> = {}) =>
  sampleRun({ adapter: adapterOf(type), gradientCheckpointing: 'none', ...plan }, { rank: RANK })

describe('updates as large as the matrices', () => {
  test.each([
    ['lora', 0],
    ['vera', 0],
    ['loha', 1],
    ['lokr', 1],
    ['boft', 1.5],
    ['waveft', 2],
    ['hra', RANK + 3],
  ] as const)('%s keeps %d of them per adapted matrix, in float32', (type, matrices) => {
    expect(denseUpdates(run(type)).kept.bytes).toBe(matrices * LAYERS * LAYER_WEIGHTS * 4)
  })

  test('with re-computation those of one layer at a time', () => {
    const { kept, hump } = denseUpdates(run('loha', { gradientCheckpointing: 'full' }))
    expect(kept.bytes).toBe(0)
    expect(hump.bytes).toBe(LAYER_WEIGHTS * 4)
  })

  test('they are there at the peak', () => {
    const named = (type: AdapterType): number | undefined =>
      estimateMemory(run(type)).components.find(({ name }) => name === 'updates of adapted weights')?.bytes
    expect(named('loha')).toBe(LAYERS * LAYER_WEIGHTS * 4)
    expect(named('lora') ?? 0).toBe(0)
  })
})

test('blocks of the input that are summed first, and one factor per element, keep less than a float32 copy of the input', () => {
  const allocated = (type: AdapterType): number => estimateMemory(run(type)).allocatedBytes
  expect(allocated('miss')).toBeLessThan(allocated('lora'))
  expect(allocated('bone')).toBe(allocated('miss'))
  expect(allocated('ia3')).toBeLessThan(allocated('lora'))
})

test.each([
  ['prompt', 100],
  ['p_tuning', 100],
  ['prefix', 0],
  ['lora', 0],
] as const)('%s lengthens every sequence by %d tokens', (type, added) => {
  const plan = { ...SAMPLE_PLAN, microBatchSize: 4 }
  expect(tokensPerPass({ ...plan, adapter: adapterOf(type) })).toBe(tokensPerPass(plan) + 4 * added)
})

import { expect, test } from '@jest/globals'
import { estimateMemory } from '../../../src/memory/estimate-memory.ts'
import type { ReinforcementPlan } from '../../../src/plan/training-plan.ts'
import { SAMPLE_PLAN, sampleRun } from '../sample-run.ts'

const PPO: ReinforcementPlan = {
  referenceModel: 'none',
  generations: 1,
  promptLength: 8,
  completionLength: 8,
  iterations: 1,
  generation: 'none',
  colocatedMemoryShare: 0,
  sleepMode: false,
  rewardModel: false,
  valueModel: true,
}

test('a value model costs its weights and both moments', () => {
  const run = sampleRun({ ...SAMPLE_PLAN, sequenceLength: 16, reinforcement: PPO })
  const { components } = estimateMemory(run)
  const bytes = (name: string): number => components.find(entry => entry.name === name)?.bytes ?? 0
  expect(bytes('value model')).toBe(run.counts.total * 2)
  expect(bytes('states of the value model')).toBe(run.counts.total * 4)
})

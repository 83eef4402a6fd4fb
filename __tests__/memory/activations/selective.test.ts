import { expect, test } from '@jest/globals'
import { activationItems } from '../../../src/memory/activations/activation-items.ts'
import type { TrainingPlan } from '../../../src/plan/training-plan.ts'
import { sampleRun } from '../sample-run.ts'

function items(over: Partial<TrainingPlan>): { readonly kept: number; readonly hump: number } {
  const run = sampleRun({ framework: 'megatron', gradientCheckpointing: 'selective', ...over })
  const { kept, hump } = activationItems(run, { tokens: 2048, stage: 'only' })
  return { kept: kept.bytes, hump: hump.bytes }
}

test('Megatron computes the scores again: kept is what a flash kernel keeps, and one layer’s scores come back', () => {
  const flash = items({ attention: 'flash' })
  const explicit = items({ attention: 'eager' })
  const all = items({ attention: 'eager', gradientCheckpointing: 'none' })
  expect(explicit.kept).toBe(flash.kept)
  expect(all.kept).toBeGreaterThan(explicit.kept)
  // four layers of the sample
  expect(explicit.hump - all.hump).toBeCloseTo((all.kept - explicit.kept) / 4, 0)
})

test('a flash kernel has no scores to compute again', () => {
  expect(items({ attention: 'flash' })).toEqual(items({ attention: 'flash', gradientCheckpointing: 'none' }))
})

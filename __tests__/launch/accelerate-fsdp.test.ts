import { describe, expect, test } from '@jest/globals'
import { fsdpOfPlan } from '../../src/launch/accelerate-fsdp.ts'
import { byDefault, type MutablePlanDraft, statedValue } from '../../src/plan/plan-draft.ts'
import type { DataParallelism, Framework } from '../../src/plan/vocabulary.ts'

function draft(
  framework: Framework,
  data: DataParallelism,
  more: { libraries?: Readonly<Record<string, string>>; adapter?: 'lora'; compute?: 'float32' | 'bfloat16' } = {},
): MutablePlanDraft {
  return {
    framework: byDefault(framework, 'test'),
    'parallelism.data': byDefault(data, 'test'),
    'precision.weights': byDefault('bfloat16', 'test'),
    'precision.compute': byDefault(more.compute ?? 'bfloat16', 'test'),
    libraries: byDefault(more.libraries ?? {}, 'test'),
    ...(more.adapter ? { 'adapter.type': byDefault(more.adapter, 'test') } : {}),
  }
}

describe('fsdpOfPlan', () => {
  test.each([
    ['trl', 'fsdp1', {}, 'float32', true],
    ['transformers', 'fsdp2', {}, 'float32', true],
    ['trl', 'fsdp1', { accelerate: '0.29.3' }, undefined, true],
    ['trl', 'fsdp1', { transformers: '4.40.0' }, undefined, true],
    ['trl', 'fsdp1', { transformers: '4.44' }, 'float32', true],
    ['trl', 'fsdp2', { accelerate: '1.10.1' }, 'float32', false],
    ['trl', 'fsdp2', { transformers: '4.56.2' }, 'float32', false],
    ['axolotl', 'fsdp1', {}, 'float32', true],
    ['axolotl', 'fsdp2', {}, undefined, true],
    ['litgpt', 'fsdp1', {}, undefined, true],
    ['torchtitan', 'fsdp2', {}, undefined, undefined],
    ['trl', 'zero3', {}, undefined, undefined],
  ] as const)('%s, %s, %j: weights lifted to %s, whole gradients %s', (framework, data, libraries, weights, noSync) => {
    const rules = fsdpOfPlan(draft(framework, data, { libraries }))
    expect(statedValue(rules['precision.weights'])).toBe(weights)
    expect(statedValue(rules['parallelism.noSync'])).toBe(noSync)
  })

  test('frozen weights stay as they are, adapters are lifted', () => {
    const rules = fsdpOfPlan(draft('trl', 'fsdp1', { adapter: 'lora' }))
    expect(rules['precision.weights']).toBeUndefined()
    expect(statedValue(rules['adapter.dtype'])).toBe('float32')
  })

  test('a plan that says how trained weights are held is taken at its word', () => {
    const stated = { ...draft('trl', 'fsdp1'), 'precision.trainedWeights': byDefault('bfloat16' as const, 'test') }
    expect(fsdpOfPlan(stated)['precision.gradients']).toBeUndefined()
  })

  test('float32 products have no mixed precision to follow', () => {
    expect(fsdpOfPlan(draft('trl', 'fsdp1', { compute: 'float32' }))['precision.gradients']).toBeUndefined()
  })

  test('what the plan says of no_sync stands', () => {
    const own = { ...draft('trl', 'fsdp1'), 'parallelism.noSync': byDefault(false, 'test') }
    expect(statedValue(fsdpOfPlan(own)['parallelism.noSync'])).toBe(false)
  })
})

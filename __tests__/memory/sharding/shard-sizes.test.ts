import { describe, expect, test } from '@jest/globals'
import type { RankParameters } from '../../../src/memory/sharding/rank-parameters.ts'
import { expertTensorParallel, shardSizes } from '../../../src/memory/sharding/shard-sizes.ts'
import type { ParallelismPlan, TrainingPlan } from '../../../src/plan/training-plan.ts'
import { SAMPLE_PLAN } from '../sample-run.ts'

function plan(gpus: number, parallelism: Partial<ParallelismPlan>): TrainingPlan {
  return { ...SAMPLE_PLAN, gpus, parallelism: { ...SAMPLE_PLAN.parallelism, ...parallelism } }
}

function parameters(dense: number, experts: number): RankParameters {
  return {
    total: dense + experts,
    quantized: 0,
    unquantized: dense + experts,
    trainableBase: dense + experts,
    adapter: 0,
    savedModules: 0,
    trainable: dense + experts,
    trainableEmbedding: 0,
    embedding: 0,
    head: 0,
    outputMatrix: 0,
    trainableLayer: 0,
    untiedEmbedding: 0,
    largestLayer: 0,
    layers: 1,
    largestTrainable: 0,
    largestLayerMatrix: 0,
    expandedInLayer: 0,
    expandedStacks: 0,
    expertTotal: experts,
    trainableExperts: experts,
  }
}

describe('shardSizes', () => {
  test.each([
    ['zero1', 1, 1, 8],
    ['zero2', 1, 8, 8],
    ['zero3', 8, 8, 8],
    ['ddp', 1, 1, 1],
  ] as const)('%s divides weights by %d, gradients by %d and states by %d', (data, weights, gradients, states) => {
    expect(shardSizes(plan(8, { data }), parameters(1, 0))).toEqual({
      dataParallel: 8,
      weights,
      quantized: weights,
      gradients,
      states,
    })
  })

  test.each([
    // gpus, tensor, pipeline, expert → ranks of one expert, states of dense and expert parameters together
    [8, 2, 1, 8, 1, 200 / (100 / 4 + 100)],
    [16, 1, 2, 8, 1, 200 / (100 / 8 + 100)],
    [8, 1, 1, 2, 1, 200 / (100 / 8 + 100 / 4)],
    [16, 2, 1, 2, 2, 200 / (100 / 8 + 100 / 4)],
    [8, 4, 2, 4, 1, 200 / (100 / 1 + 100 / 1)],
  ] as const)(
    '%d GPUs, tensor %d, pipeline %d, expert %d: expert states are spread over what expert ranks leave',
    (gpus, tensor, pipeline, expert, shared, states) => {
      const spread = plan(gpus, { data: 'distributed_optimizer', tensor, pipeline, expert })
      expect(expertTensorParallel(spread)).toBe(shared)
      expect(shardSizes(spread, parameters(100, 100)).states).toBeCloseTo(states, 9)
    },
  )

  test('a plan may keep experts whole beside tensor-parallel ranks', () => {
    const spread = plan(8, { data: 'distributed_optimizer', tensor: 2, expert: 4, expertTensor: 1 })
    expect(expertTensorParallel(spread)).toBe(1)
    expect(expertTensorParallel(plan(8, { tensor: 2, expert: 4 }))).toBe(2)
    // 4 of 8 ranks hold other experts, so that two share the states of one
    expect(shardSizes(spread, parameters(0, 100)).states).toBeCloseTo(2, 9)
  })
})

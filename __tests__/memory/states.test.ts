import { describe, expect, test } from '@jest/globals'
import { estimateMemory } from '../../src/memory/estimate-memory.ts'
import type { MemoryEstimate, MomentName } from '../../src/memory/memory-estimate.ts'
import type { ParallelismPlan, TrainingPlan } from '../../src/plan/training-plan.ts'
import { SAMPLE_PLAN, sampleRun } from './sample-run.ts'

const TOTAL = sampleRun({}).counts.total

function parallel(changes: Partial<ParallelismPlan>): Pick<TrainingPlan, 'parallelism'> {
  return { parallelism: { ...SAMPLE_PLAN.parallelism, ...changes } }
}

function bytesAt(estimate: MemoryEstimate, moment: MomentName, name: string): number {
  const items = estimate.moments.find(entry => entry.name === moment)?.items ?? []
  return items.filter(entry => entry.name === name).reduce((sum, { bytes }) => sum + bytes, 0)
}

describe('gradients between micro-steps', () => {
  test.each([
    ['fsdp2 without reduction', { data: 'fsdp2', noSync: true }, 4, 2 * TOTAL],
    ['fsdp2 that reduces', { data: 'fsdp2', noSync: false }, 4, (2 * TOTAL) / 8],
    ['fsdp1 without accumulation', { data: 'fsdp1', noSync: true }, 1, 0],
    ['ddp', { data: 'ddp', noSync: true }, 4, 2 * TOTAL],
    ['zero2', { data: 'zero2' }, 1, (2 * TOTAL) / 8],
  ] as const)('%s', (_name, changes, gradientAccumulationSteps, bytes) => {
    const estimate = estimateMemory(sampleRun({ ...parallel(changes), gpus: 8, gradientAccumulationSteps }))
    expect(bytesAt(estimate, 'end of forward', 'gradients')).toBeCloseTo(bytes, 6)
  })

  test('the step sees the reduced ones', () => {
    const run = sampleRun({ ...parallel({ data: 'fsdp2', noSync: true }), gpus: 8, gradientAccumulationSteps: 4 })
    expect(bytesAt(estimateMemory(run), 'optimizer step', 'gradients')).toBeCloseTo((2 * TOTAL) / 8, 6)
  })
})

test('masters of 16 bits take half of float32 ones', () => {
  const masters = (masterWeightBytes: number) =>
    bytesAt(
      estimateMemory(sampleRun({ precision: { ...SAMPLE_PLAN.precision, masterWeights: true, masterWeightBytes } })),
      'optimizer step',
      'master weights',
    )
  expect([masters(4), masters(2)]).toEqual([4 * TOTAL, 2 * TOTAL])
})

describe('offload', () => {
  test.each(['zero2', 'zero3'] as const)('%s keeps gradients beside the offloaded states', data => {
    const precision = { ...SAMPLE_PLAN.precision, masterWeights: true, optimizerStates: 'float32' } as const
    const plan = { precision, gpus: 8, gpusPerNode: 8 }
    const on = estimateMemory(sampleRun({ ...plan, ...parallel({ data }) }))
    const off = estimateMemory(sampleRun({ ...plan, ...parallel({ data, offload: 'optimizer' }) }))
    expect(bytesAt(on, 'gradients complete', 'gradients')).toBeGreaterThan(0)
    expect(bytesAt(off, 'gradients complete', 'gradients')).toBeLessThan(bytesAt(on, 'gradients complete', 'gradients'))
    expect(on.hostBytes).toBe(0)
    // float32 weights, gradients and two moments.
    expect(off.hostBytes).toBeCloseTo(16 * TOTAL, 3)
  })
})

describe('optimizer step', () => {
  const step = (changes: Partial<TrainingPlan>) =>
    bytesAt(estimateMemory(sampleRun(changes)), 'optimizer step', 'optimizer step')

  test('foreach AdamW makes one list of the parameters, before torch 2.1 two', () => {
    expect(step({ optimizerImplementation: 'foreach' })).toBe(2 * TOTAL)
    expect(step({ optimizerImplementation: 'foreach', libraries: { torch: '2.0.1' } })).toBe(4 * TOTAL)
    expect(step({ optimizerImplementation: 'fused' })).toBe(0)
  })

  test('Adafactor copies one tensor at a time into float32', () => {
    const half = step({ optimizer: 'adafactor' })
    const full = step({
      optimizer: 'adafactor',
      precision: { ...SAMPLE_PLAN.precision, weights: 'float32', gradients: 'float32', compute: 'float32' },
    })
    expect(half).toBe(2 * full)
    expect(half).toBeLessThan(16 * TOTAL)
  })

  test('BAdam trains one block at 16 bytes a parameter', () => {
    const badam = estimateMemory(sampleRun({ optimizer: 'badam' }))
    const adamw = estimateMemory(sampleRun({ optimizer: 'adamw' }))
    const layer = bytesAt(badam, 'optimizer step', 'gradients') / 2
    expect(bytesAt(badam, 'optimizer step', 'float32 copies of the active block')).toBe(10 * layer)
    expect(badam.allocatedBytes).toBeLessThan(adamw.allocatedBytes)
  })
})

describe('a quantised model that every rank loads', () => {
  const atLoad = (changes: Partial<ParallelismPlan>, plan: Partial<TrainingPlan>) => {
    const estimate = estimateMemory(sampleRun({ ...parallel(changes), gpus: 4, ...plan }))
    const sum = estimate.moments.find(({ name }) => name === 'after load')?.bytes ?? 0
    return { whole: bytesAt(estimate, 'after load', 'whole model while loading'), sum }
  }
  const NF4 = { quantization: 'nf4' } as const
  const one = estimateMemory(sampleRun(NF4))
  const weights = bytesAt(one, 'after load', 'weights') + bytesAt(one, 'after load', 'quantized weights')

  test.each([
    ['fsdp2', 1],
    ['fsdp1', 3 / 4],
  ] as const)('%s holds %d of it beside the shards', (data, share) => {
    expect(atLoad({ data, loadsWhole: true }, NF4).whole).toBeCloseTo(weights * share, 0)
  })

  test.each([
    ['rank 0 alone loads', { data: 'fsdp2', loadsWhole: false }, NF4],
    ['weights that are not quantised wait in host memory', { data: 'fsdp2', loadsWhole: true }, {}],
    ['nothing is sharded', { data: 'ddp', loadsWhole: true }, NF4],
  ] as const)('nothing more when %s', (_when, changes, plan) => {
    expect(atLoad(changes, plan).whole).toBe(0)
  })
})

describe('4-bit weights that are packed into bytes', () => {
  const details = { ...SAMPLE_PLAN.quantizationDetails, packsInBytes: true }
  const quantized = (data: ParallelismPlan['data'], plan: Partial<TrainingPlan>) => {
    const run = sampleRun(
      { ...parallel({ data, loadsWhole: true }), gpus: 4, quantization: 'nf4', ...plan },
      { rank: 8 },
    )
    const { total, embedding, head } = run.counts
    const inLayers = total - embedding - head
    return estimateMemory({ ...run, counts: { ...run.counts, quantized: inLayers, unquantized: embedding + head } })
  }
  const weightsOf = (estimate: MemoryEstimate) => bytesAt(estimate, 'after load', 'quantized weights')
  const whole = weightsOf(quantized('ddp', {}))

  test.each<[string, ParallelismPlan['data'], Partial<TrainingPlan>, number]>([
    ['are whole on every rank of FSDP2', 'fsdp2', { quantizationDetails: details }, 1],
    ['are sharded by FSDP2 in a floating type', 'fsdp2', {}, 4],
    ['are sharded by ZeRO-3', 'zero3', { quantizationDetails: details }, 4],
  ])('%s', (_what, data, plan, ranks) => {
    expect(whole).toBeGreaterThan(1e7)
    expect(weightsOf(quantized(data, plan))).toBeCloseTo(whole / ranks, 0)
  })

  test('are not gathered, nor held twice while loading', () => {
    const [packed, sharded] = [quantized('fsdp2', { quantizationDetails: details }), quantized('fsdp2', {})]
    const gathered = (estimate: MemoryEstimate) => bytesAt(estimate, 'backward', 'gathered weights')
    const loaded = (estimate: MemoryEstimate) => bytesAt(estimate, 'after load', 'whole model while loading')
    expect(gathered(packed)).toBeLessThan(0.1 * gathered(sharded))
    expect(loaded(packed)).toBeCloseTo(loaded(sharded) - whole, 0)
  })
})

describe('generation under ZeRO-3', () => {
  const GRPO: NonNullable<TrainingPlan['reinforcement']> = {
    referenceModel: 'none',
    generations: 8,
    promptLength: 512,
    completionLength: 512,
    iterations: 1,
    generation: 'transformers',
    colocatedMemoryShare: 0,
    sleepMode: false,
    rewardModel: false,
    valueModel: false,
  }
  const gatheredWith = (reinforcement: Partial<typeof GRPO>, data: ParallelismPlan['data'] = 'zero3') => {
    const plan = { stage: 'grpo', reinforcement: { ...GRPO, ...reinforcement } } as const
    const estimate = estimateMemory(sampleRun({ ...parallel({ data }), gpus: 4, ...plan }))
    return bytesAt(estimate, 'generation', 'gathered weights')
  }

  test.each([
    ['the policy', {}, 1],
    ['policy and value model', { valueModel: true }, 2],
    ['nothing when told not to', { gathersForGeneration: false }, 0],
    ['nothing when a server generates', { generation: 'vllm_server' }, 0],
  ] as const)('%s', (_what, reinforcement, models) => {
    expect(gatheredWith(reinforcement)).toBe(models * 2 * TOTAL)
  })

  test('a model that is whole anyway is not gathered', () => {
    expect(gatheredWith({}, 'zero2')).toBe(0)
  })
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { findGpu, GPUS } from '../../src/hardware/gpu-catalogue.ts'
import { estimateMemory, type Timelines } from '../../src/memory/estimate-memory.ts'
import { requiredComponents } from '../../src/memory/required-components.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import {
  ATTENTION_KERNELS,
  DATA_PARALLELISMS,
  FRAMEWORKS,
  FUSED_KERNELS,
  LOSSES,
  OFFLOADS,
  OPTIMIZER_IMPLEMENTATIONS,
  OPTIMIZERS,
  STAGES,
} from '../../src/plan/vocabulary.ts'
import { SAMPLE_PLAN, sampleRun } from './sample-run.ts'

const plans = fc.record({
  microBatchSize: fc.integer({ min: 1, max: 16 }),
  sequenceLength: fc.integer({ min: 64, max: 8192 }),
  gradientAccumulationSteps: fc.integer({ min: 1, max: 8 }),
  gradientCheckpointing: fc.constantFrom<TrainingPlan['gradientCheckpointing']>('none', 'full', 'selective', {
    every: 2,
  }),
  attention: fc.constantFrom<TrainingPlan['attention']>('eager', 'sdpa', 'flash'),
  loss: fc.constantFrom<TrainingPlan['loss']>('full_logits', 'full_logits_native', 'chunked', 'fused_linear'),
  optimizerImplementation: fc.constantFrom<TrainingPlan['optimizerImplementation']>('fused', 'foreach', 'loop'),
})

const COLOCATED: NonNullable<TrainingPlan['reinforcement']> = {
  referenceModel: 'none',
  generations: 8,
  promptLength: 512,
  completionLength: 1024,
  iterations: 1,
  generation: 'vllm_colocate',
  colocatedMemoryShare: 0.3,
  sleepMode: false,
  rewardModel: false,
  valueModel: false,
}

const ADAPTER: NonNullable<TrainingPlan['adapter']> = {
  type: 'lora',
  rank: 8,
  targetModules: 'all-linear',
  excludeModules: [],
  targetParameters: [],
  layersToTransform: null,
  rankPattern: {},
  modulesToSave: [],
  dtype: 'float32',
  dropout: 0,
  bias: 'none',
  virtualTokens: 0,
  kernels: [],
  targetRule: 'peft',
}

const DATA = ['none', 'ddp', 'zero1', 'zero2', 'zero3', 'fsdp1', 'fsdp2'] as const

function parallel(data: TrainingPlan['parallelism']['data']): Pick<TrainingPlan, 'parallelism'> {
  return { parallelism: { ...SAMPLE_PLAN.parallelism, data } }
}

const everything = fc.record({
  optimizer: fc.constantFrom(...OPTIMIZERS),
  optimizerImplementation: fc.constantFrom(...OPTIMIZER_IMPLEMENTATIONS),
  loss: fc.constantFrom(...LOSSES),
  stage: fc.constantFrom(...STAGES),
  framework: fc.constantFrom(...FRAMEWORKS),
  fusedKernels: fc.constantFrom(...FUSED_KERNELS),
  attention: fc.constantFrom(...ATTENTION_KERNELS),
  compile: fc.boolean(),
  variableLength: fc.boolean(),
  activationOffload: fc.boolean(),
  expandableSegments: fc.boolean(),
  gradientCheckpointing: fc.constantFrom<TrainingPlan['gradientCheckpointing']>('none', 'full', 'selective', {
    every: 3,
  }),
})

test.each([
  ['fsdp2', 2, 4],
  ['fsdp1', 2, 1],
  ['fsdp2', 1, 1],
] as const)('%s over %i pipeline stages holds its gradients %i times between micro-steps', (data, pipeline, times) => {
  const precision = { ...SAMPLE_PLAN.precision, weights: 'float32', gradients: 'float32' } as const
  const parallelism = { ...SAMPLE_PLAN.parallelism, data, pipeline }
  const plan = {
    framework: 'torchtitan',
    precision,
    parallelism,
    gpus: 4 * pipeline,
    gradientAccumulationSteps: 8,
  } as const
  const estimate = estimateMemory(sampleRun(plan))
  const gradients = (moment: string): number =>
    estimate.moments.find(({ name }) => name === moment)?.items.find(({ name }) => name === 'gradients')?.bytes ?? 0
  expect(gradients('end of forward')).toBeCloseTo(times * gradients('optimizer step'), 0)
})

describe('blocks that freed logits leave behind', () => {
  const cached = (plan: Partial<TrainingPlan>): number =>
    estimateMemory(sampleRun({ sequenceLength: 4096, ...plan })).components.find(({ name }) => name === 'cached blocks')
      ?.bytes ?? 0
  const logits = 4096 * 32_000
  const shards = (data: 'fsdp2' | 'ddp' | 'zero2') => ({ ...parallel(data), gpus: 8 })

  test('a trainer that drops its 16-bit logits has their block idle beside the loss', () => {
    const peak = 12 * logits
    const added =
      cached({ framework: 'torchtitan', expandableSegments: true, ...shards('fsdp2') }) -
      cached({ framework: 'torchtitan', expandableSegments: true, ...shards('fsdp2'), compile: true })
    expect(added).toBeGreaterThan(2 * logits)
    expect(added).toBeLessThan(2 * logits + 0.12 * peak)
  })

  test('a loss that adds nothing to the end of forward has them idle too', () => {
    const plan = { framework: 'trl', loss: 'full_logits_float32', sequenceLength: 4096 } as const
    const estimate = estimateMemory(sampleRun({ ...plan, adapter: ADAPTER, ...shards('zero2') }, { rank: 8 }))
    const [forward, loss] = ['end of forward', 'loss'].map(
      moment => estimate.moments.find(({ name }) => name === moment)?.bytes,
    )
    expect(forward).toBe(loss)
    expect(estimate.components.find(({ name }) => name === 'cached blocks')?.note).toContain('of freed logits')
  })

  test('kept logits leave none, and 16-bit ones that forward casts do', () => {
    const kept = cached({ framework: 'transformers', ...shards('zero2') })
    const cast = cached({ framework: 'transformers', loss: 'full_logits_float32', ...shards('zero2') })
    expect(cast - kept).toBeCloseTo(2 * logits + 0.12 * 2 * logits, -1)
  })

  test('on one stream they and the layer’s blocks serve each other: the larger counts', () => {
    const dropped = cached({ framework: 'trl' })
    const one = estimateMemory(sampleRun({ sequenceLength: 4096, framework: 'trl' }))
    const [loss] = one.components.filter(({ name }) => name === 'logits and loss')
    expect(loss?.bytes).toBe(12 * logits)
    expect(dropped).toBeGreaterThanOrEqual(2 * logits)
    expect(dropped).toBeLessThan(4 * logits)
  })
})

describe('what FSDP holds beside the layers', () => {
  const sharded = (data: 'fsdp1' | 'fsdp2', changes: Partial<TrainingPlan> = {}) =>
    estimateMemory(sampleRun({ framework: 'trl', gpus: 8, ...parallel(data), ...changes }))
  const gathered = (changes: Partial<TrainingPlan>, data: 'fsdp1' | 'fsdp2' = 'fsdp1'): number =>
    sharded(data, changes)
      .moments.find(({ name }) => name === 'loss')
      ?.items.find(({ name }) => name === 'gathered weights')?.bytes ?? 0
  const unit = gathered({ checkpointingReentrant: false }) - gathered({ checkpointingReentrant: true })

  test('one layer is gathered ahead of the backward pass unless re-entrant checkpointing hides the order', () => {
    expect(unit).toBeGreaterThan(0)
    const never = { gradientCheckpointing: 'none' } as const
    expect(gathered({ ...never, checkpointingReentrant: true })).toBe(gathered({ checkpointingReentrant: false }))
    expect(gathered({ checkpointingReentrant: true }, 'fsdp2')).toBe(
      gathered({ checkpointingReentrant: false }, 'fsdp2'),
    )
  })

  test('under autocast alone layers are gathered as stored', () => {
    const stored = {
      ...SAMPLE_PLAN.precision,
      weights: 'float32',
      gradients: 'float32',
      optimizerStates: 'float32',
    } as const
    const cast = gathered({ precision: { ...stored, autocast: true } })
    expect(cast).toBeCloseTo(2 * gathered({ precision: stored }), 0)
  })

  test('streams that gather and reduce keep their blocks: expandable segments do not join them', () => {
    const cached = (data: 'ddp' | 'fsdp1' | 'fsdp2') => {
      const run = sampleRun({
        framework: 'trl',
        gpus: 8,
        expandableSegments: true,
        sequenceLength: 4096,
        ...parallel(data),
      })
      return estimateMemory(run).components.find(({ name }) => name === 'cached blocks')?.bytes ?? 0
    }
    // two units in flight and the gradients of embedding and head before they are reduced
    expect(cached('fsdp1') - cached('ddp')).toBeGreaterThan(2 * unit)
    expect(cached('fsdp2') - cached('ddp')).toBeGreaterThan(2 * unit)
  })

  test('embedding and head as units of their own are not there while layers run backward', () => {
    const apart = { parallelism: { ...parallel('fsdp2').parallelism, wrap: 'outer' } } as const
    const moment = (changes: Partial<TrainingPlan>) =>
      sharded('fsdp2', { framework: 'torchtune', ...changes }).moments.find(({ name }) => name === 'backward')?.bytes ??
      0
    expect(moment(apart)).toBeLessThan(moment({}))
  })
})

test('every dimension of model parallelism has a communicator, and experts connect all pairs of a node', () => {
  const nccl = (changes: Partial<TrainingPlan['parallelism']>, gpus = 16) =>
    estimateMemory(
      sampleRun({
        framework: 'megatron',
        gpus,
        parallelism: { ...SAMPLE_PLAN.parallelism, data: 'distributed_optimizer', ...changes },
      }),
    ).components.find(({ name }) => name === 'NCCL')?.bytes ?? 0
  const mib = 2 ** 20
  expect(nccl({ tensor: 2 }) - nccl({})).toBeCloseTo((544 + 688) * mib, 0)
  expect(nccl({ tensor: 8 })).toBe(nccl({ tensor: 2 }))
  expect(nccl({ tensor: 16 }) - nccl({})).toBeCloseTo(688 * mib, 0)
  expect(nccl({ expert: 8 }) - nccl({})).toBeGreaterThan(3e9)
  expect(nccl({ expert: 16 })).toBe(nccl({ expert: 8 }))
})

describe('cache of varying lengths', () => {
  const gpu = findGpu('a100-sxm-80gb')
  const varying = { packing: false, dataset: { ...SAMPLE_PLAN.dataset, padding: 'longest' } } as const
  const estimateOf = (plan: Partial<TrainingPlan>) => estimateMemory({ ...sampleRun(plan), gpu })

  test('fills the card at most, and what must fit is what a run of one shape needs', () => {
    const shape = { microBatchSize: 48, sequenceLength: 2048 }
    const [fixed, varied] = [estimateOf(shape), estimateOf({ ...shape, ...varying })]
    expect(varied.deviceBytes).toBe(gpu?.usableBytes)
    expect(varied.requiredBytes).toBe(fixed.deviceBytes)
    expect(varied.requiredHighBytes).toBeLessThan(varied.deviceBytes)
    expect(varied.components.find(({ name }) => name === 'reclaimable cache')?.bytes).toBe(
      varied.deviceBytes - varied.requiredBytes,
    )
    expect(requiredComponents(varied.components).reduce((sum, { bytes }) => sum + bytes, 0)).toBe(varied.requiredBytes)
  })

  test('grows with the loss where there is room: 2.5 generations of logits up to 2,048 tokens', () => {
    const varied = estimateOf(varying)
    expect(varied.deviceBytes - varied.requiredBytes).toBeCloseTo(2.5 * 2048 * 32_000 * 14, -1)
  })

  test('tensors that do not fit are over the limit with and without it', () => {
    const varied = estimateOf({ ...varying, microBatchSize: 256 })
    expect(varied.requiredBytes).toBe(varied.deviceBytes)
    expect(varied.requiredBytes).toBeGreaterThan(gpu?.usableBytes ?? 0)
  })
})

describe('estimateMemory', () => {
  test.each<[string, Partial<TrainingPlan>]>([
    ['a run', {}],
    ['eager attention', { attention: 'eager' }],
    ['a pipeline', { gpus: 4, parallelism: { ...SAMPLE_PLAN.parallelism, pipeline: 2 } }],
    ['an engine on the same card', { reinforcement: COLOCATED }],
  ])('%s: cards that share what does not depend on them need what they need alone', (_name, plan) => {
    const timelines: Timelines = new Map()
    for (const gpu of GPUS) {
      const run = { ...sampleRun(plan), gpu }
      expect(estimateMemory(run, timelines)).toEqual(estimateMemory(run))
    }
    expect(timelines.size).toBeLessThan(2 * GPUS.length)
  })

  test('every combination of options gives finite figures with notes and sources', () => {
    const layout = fc.record({
      data: fc.constantFrom(...DATA_PARALLELISMS),
      tensor: fc.constantFrom(1, 2),
      pipeline: fc.constantFrom(1, 2),
      context: fc.constantFrom(1, 2),
      offload: fc.constantFrom(...OFFLOADS),
      sequenceParallel: fc.boolean(),
      pipelineInterleave: fc.constantFrom(1, 2),
    })
    fc.assert(
      fc.property(everything, layout, (plan, parallelism) => {
        const merged = { ...SAMPLE_PLAN.parallelism, ...parallelism }
        const estimate = estimateMemory(sampleRun({ ...plan, parallelism: merged, gpus: 16 }))
        expect(Number.isFinite(estimate.deviceBytes)).toBe(true)
        expect(estimate.components.every(item => item.bytes > 0 || item.name === 'cached blocks')).toBe(true)
        expect(estimate.components.every(item => item.note !== '' && item.source !== '')).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('pure 16-bit AdamW keeps 8 bytes per parameter after load and gradients', () => {
    const run = sampleRun({ microBatchSize: 1, sequenceLength: 64 })
    const step = estimateMemory(run).moments.find(moment => moment.name === 'optimizer step')
    const states = step?.items
      .filter(item => item.name !== 'cuBLAS workspace')
      .reduce((sum, item) => sum + item.bytes, 0)
    expect(states).toBe(8 * run.counts.total)
  })

  test.each(DATA)('%s: components sum to the device figure, moments to their items', data => {
    fc.assert(
      fc.property(plans, plan => {
        const estimate = estimateMemory(sampleRun({ ...plan, ...parallel(data), gpus: data === 'none' ? 1 : 8 }))
        const sum = estimate.components.reduce((total, item) => total + item.bytes, 0)
        expect(sum).toBeCloseTo(estimate.deviceBytes, 3)
        expect(estimate.allocatedBytes).toBe(Math.max(...estimate.moments.map(moment => moment.bytes)))
        expect(estimate.reservedBytes).toBeGreaterThanOrEqual(estimate.allocatedBytes)
        expect(estimate.lowBytes).toBeLessThanOrEqual(estimate.deviceBytes)
        expect(estimate.highBytes).toBeGreaterThanOrEqual(estimate.deviceBytes)
      }),
    )
  })

  test.each(DATA)('%s: grows with batch, length and layers', data => {
    fc.assert(
      fc.property(plans, plan => {
        const base = { ...plan, ...parallel(data), gpus: data === 'none' ? 1 : 8 }
        const bytes = estimateMemory(sampleRun(base)).allocatedBytes
        const larger = { ...base, microBatchSize: plan.microBatchSize + 1 }
        const longer = { ...base, sequenceLength: plan.sequenceLength + 64 }
        expect(estimateMemory(sampleRun(larger)).allocatedBytes).toBeGreaterThanOrEqual(bytes)
        expect(estimateMemory(sampleRun(longer)).allocatedBytes).toBeGreaterThanOrEqual(bytes)
        expect(estimateMemory(sampleRun(base, { layers: 5 })).allocatedBytes).toBeGreaterThan(bytes)
      }),
    )
  })

  test('grows with the rank of the adapter', () => {
    const bytes = [4, 8, 64].map(
      rank => estimateMemory(sampleRun({ adapter: { ...ADAPTER, rank } }, { rank })).allocatedBytes,
    )
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b))
    expect(new Set(bytes).size).toBe(3)
  })

  test.each([
    ['fsdp1', true, 'full', 3],
    ['fsdp1', false, 'full', 0],
    ['fsdp1', true, 'none', 0],
    ['fsdp2', true, 'full', 0],
    ['zero3', true, 'full', 0],
    ['ddp', true, 'full', 0],
  ] as const)(
    '%s, re-entrant %s, checkpointing %s: adapters leave %i gradients of the inputs of 4 layers',
    (data, checkpointingReentrant, gradientCheckpointing, inputs) => {
      const plan = { ...parallel(data), gpus: 8, checkpointingReentrant, gradientCheckpointing, microBatchSize: 2 }
      const { moments } = estimateMemory(sampleRun({ ...plan, adapter: ADAPTER }, { rank: 8 }))
      const items = moments.find(({ name }) => name === 'backward')?.items ?? []
      const retained = items.find(({ name }) => name === 'retained gradients of layer inputs')?.bytes ?? 0
      // 2 sequences of 2,048 tokens, 1,024 wide, 2 bytes
      expect(retained).toBe(inputs * 2 * 2048 * 1024 * 2)
      const full = estimateMemory(sampleRun(plan)).moments.flatMap(moment => moment.items)
      expect(full.some(({ name }) => name === 'retained gradients of layer inputs')).toBe(false)
    },
  )

  test.each([
    ['foreach', 'none', false, true],
    ['foreach', 'fsdp2', false, true],
    ['foreach', 'zero2', false, false],
    ['fused', 'none', false, false],
    ['foreach', 'none', true, false],
  ] as const)(
    '%s step, %s, varying lengths %s: its lists lie idle beside a pass: %s',
    (step, data, variableLength, apart) => {
      const plan = { ...parallel(data), gpus: data === 'none' ? 1 : 8, optimizerImplementation: step, variableLength }
      const { moments, components } = estimateMemory(sampleRun({ ...plan, packing: false, sequenceLength: 256 }))
      const named = (name: string) => moments.find(moment => moment.name === name)
      const always = new Set(named('after load')?.items.map(item => item.name))
      const above = (name: string) =>
        (named(name)?.items ?? []).filter(item => !always.has(item.name)).reduce((sum, item) => sum + item.bytes, 0)
      const pass = Math.max(...['end of forward', 'loss', 'head backward', 'backward'].map(above))
      const cached = components.find(({ name }) => name === 'cached blocks')?.bytes ?? 0
      expect(cached >= Math.min(pass, above('optimizer step')) - 1).toBe(apart)
    },
  )

  test('states shrink from DDP to ZeRO-1, ZeRO-2 and ZeRO-3', () => {
    const names = new Set(['weights', 'gradients', 'optimizer states'])
    const states = (['ddp', 'zero1', 'zero2', 'zero3'] as const).map(data => {
      const { moments } = estimateMemory(sampleRun({ ...parallel(data), gpus: 8 }))
      const step = moments.find(moment => moment.name === 'optimizer step')
      return step?.items.filter(item => names.has(item.name)).reduce((sum, item) => sum + item.bytes, 0) ?? 0
    })
    expect(states).toEqual([...states].sort((a, b) => b - a))
    expect(new Set(states).size).toBe(4)
  })

  test.each(['fsdp1', 'fsdp2', 'ddp'] as const)('%s on one GPU equals none', data => {
    fc.assert(
      fc.property(plans, plan => {
        const sharded = estimateMemory(sampleRun({ ...plan, ...parallel(data) }))
        expect(sharded.allocatedBytes).toBe(estimateMemory(sampleRun(plan)).allocatedBytes)
      }),
    )
  })
})

test('NeMo Automodel re-computes norms, attention and MLP apart, and keeps the input of each', () => {
  const of = (framework: 'nemo-automodel' | 'transformers') =>
    estimateMemory(sampleRun({ framework, gradientCheckpointing: 'full', sequenceLength: 4096 })).moments.find(
      ({ name }) => name === 'backward',
    )?.items ?? []
  const bytes = (framework: 'nemo-automodel' | 'transformers', item: RegExp): number =>
    of(framework).find(({ name }) => item.test(name))?.bytes ?? 0
  expect(bytes('nemo-automodel', /^checkpoints/)).toBe(4 * bytes('transformers', /^checkpoints/))
  expect(bytes('nemo-automodel', /^re-computed/)).toBeLessThan(bytes('transformers', /^re-computed/))
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Gpu } from '../../src/hardware/gpu.ts'
import { GPUS } from '../../src/hardware/gpu-catalogue.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import type { TimeEstimate } from '../../src/time/time-estimate.ts'
import { runOf } from './runs.ts'

/** Terms that exist only between ranks. */
const COMMUNICATION = [
  'tensor-parallel collectives',
  'context-parallel exchange',
  'expert all-to-all',
  'sharded weights',
  'gradient averaging',
  'pipeline bubble',
  'stragglers',
]
const ADAPTER = 'adapter: { type: lora, rank: 16, target_modules: all-linear }'

const plans = fc.record({
  framework: fc.constantFrom('transformers', 'torchtune', 'megatron', 'torchtitan', 'litgpt'),
  micro_batch_size: fc.integer({ min: 1, max: 16 }),
  gradient_accumulation_steps: fc.integer({ min: 1, max: 8 }),
  sequence_length: fc.constantFrom(128, 1024, 4096, 32_768),
  gradient_checkpointing: fc.constantFrom('none', 'full', 'selective'),
  attention: fc.constantFrom('flash', 'sdpa', 'eager'),
  optimizer_implementation: fc.constantFrom('fused', 'foreach'),
  compile: fc.boolean(),
  adapter: fc.boolean(),
  quantized: fc.boolean(),
})
type Settings = typeof plans extends fc.Arbitrary<infer T> ? T : never

function yaml({ adapter, quantized, ...keys }: Settings, rest = ''): string {
  const lines = Object.entries(keys).map(([key, value]) => `${key}: ${value}`)
  const kind = adapter ? [ADAPTER, quantized ? 'quantization: nf4' : ''] : []
  return `${[...lines, ...kind, 'packing: true', rest].join('\n')}\n`
}

function timed(text: string, gpu: Gpu): TimeEstimate {
  const time = estimateTime({ ...runOf(text), gpu })
  if (time === null) throw new Error('the GPU is known')
  return time
}

const cards = fc.constantFrom(...GPUS.filter(({ vendor }) => vendor === 'nvidia' || vendor === 'amd'))

describe('any plan on any card', () => {
  test('is above the floor of the hardware, and its utilisation below one', () => {
    fc.assert(
      fc.property(plans, cards, (settings, gpu) => {
        const time = timed(yaml(settings), gpu)
        expect(time.stepSeconds).toBeGreaterThan(time.floorStepSeconds)
        expect(time.lowStepSeconds).toBeGreaterThanOrEqual(time.floorStepSeconds)
        expect(time.modelFlopsUtilization).toBeLessThan(1)
      }),
      { numRuns: 300 },
    )
  })

  test('communicates with nobody alone', () => {
    fc.assert(
      fc.property(plans, cards, (settings, gpu) => {
        const names = timed(yaml(settings, 'gpus: 1'), gpu).stepComponents.map(({ name }) => name)
        expect(names.filter(name => COMMUNICATION.includes(name))).toEqual([])
      }),
      { numRuns: 100 },
    )
  })

  test.each(['micro_batch_size', 'sequence_length', 'gradient_accumulation_steps'] as const)(
    'takes longer with twice the %s',
    key => {
      fc.assert(
        fc.property(plans, cards, (settings, gpu) => {
          const more = { ...settings, [key]: 2 * settings[key] }
          expect(timed(yaml(more), gpu).stepSeconds).toBeGreaterThan(timed(yaml(settings), gpu).stepSeconds)
        }),
        { numRuns: 150 },
      )
    },
  )

  test('takes no longer in any term on a card that is twice as fast in everything', () => {
    fc.assert(
      fc.property(plans, cards, (settings, gpu) => {
        const [slow, fast] = [timed(yaml(settings), gpu), timed(yaml(settings), faster(gpu))]
        const seconds = new Map(slow.stepComponents.map(item => [item.name, item.seconds]))
        for (const item of fast.stepComponents) {
          // a faster stream hides less of the launches
          if (item.name === 'host launches') continue
          expect(item.seconds).toBeLessThanOrEqual((seconds.get(item.name) ?? 0) * 1.0001)
        }
        expect(fast.stepSeconds).toBeLessThanOrEqual(slow.stepSeconds)
      }),
      { numRuns: 150 },
    )
  })

  test('two nodes are never faster per GPU than one', () => {
    const data = fc.constantFrom('ddp', 'zero1', 'zero2', 'zero3', 'fsdp1', 'fsdp2')
    fc.assert(
      fc.property(plans, data, fc.constantFrom(8, 16, 64), cards, (settings, kind, gpus, gpu) => {
        const layout = `gpus_per_node: 8\nparallelism: { data: ${kind} }`
        const one = timed(yaml(settings, `gpus: 8\n${layout}`), gpu)
        const more = timed(yaml(settings, `gpus: ${gpus}\n${layout}`), gpu)
        expect(withoutOptimizer(more)).toBeGreaterThanOrEqual(withoutOptimizer(one) * 0.9999)
      }),
      { numRuns: 150 },
    )
  })
})

/** Sharding divides the optimizer's work; nothing else may fall with more nodes. */
function withoutOptimizer({ stepSeconds, stepComponents }: TimeEstimate): number {
  return stepSeconds - (stepComponents.find(({ name }) => name === 'optimizer')?.seconds ?? 0)
}

function faster(gpu: Gpu): Gpu {
  const twice = (value: number | null | undefined) => (value == null ? null : 2 * value)
  const { peak, matmulCeiling } = gpu
  return {
    ...gpu,
    memoryBandwidth: 2 * gpu.memoryBandwidth,
    peak: {
      fp32: twice(peak.fp32),
      tf32: twice(peak.tf32),
      fp16: twice(peak.fp16),
      bf16: twice(peak.bf16),
      fp8: twice(peak.fp8),
      fp4: twice(peak.fp4),
      int8: twice(peak.int8),
    },
    matmulCeiling: matmulCeiling
      ? { bits16: 2 * matmulCeiling.bits16, bits8: twice(matmulCeiling.bits8), bits4: twice(matmulCeiling.bits4) }
      : null,
  }
}

describe('fully sharded weights under a pipeline', () => {
  const seconds = (parallelism: string, accumulation: number) => {
    const yaml = `gpus: 16\nframework: torchtitan\nmicro_batch_size: 1\nsequence_length: 2048\npacking: true\ngradient_accumulation_steps: ${accumulation}\nparallelism: ${parallelism}\n`
    return estimateTime(runOf(yaml))?.stepComponents.find(({ name }) => name === 'sharded weights')?.seconds ?? 0
  }

  test('FSDP2 gathers once a step', () => {
    const once = seconds('{ data: fsdp2, pipeline: 2 }', 2)
    expect(once).toBeGreaterThan(0)
    expect(seconds('{ data: fsdp2, pipeline: 2 }', 8)).toBeCloseTo(once, 9)
  })

  test('without a pipeline every micro-batch gathers', () =>
    expect(seconds('{ data: fsdp2 }', 8)).toBeCloseTo(4 * seconds('{ data: fsdp2 }', 2), 6))
})

test('tensor-parallel traffic is half hidden in full training with sequence parallelism', () => {
  const seconds = (rest: string) => {
    const yaml = `gpus: 8\nframework: megatron\nfused_kernels: transformer_engine\nmicro_batch_size: 1\nsequence_length: 4096\npacking: true\n${rest}\n`
    return estimateTime(runOf(yaml))?.stepComponents.find(({ name }) => name === 'tensor-parallel collectives')?.seconds
  }
  const whole = seconds('parallelism: { tensor: 8 }')
  expect(whole).toBeGreaterThan(0)
  expect(seconds('parallelism: { tensor: 8, sequence_parallel: true }')).toBeCloseTo((whole ?? 0) / 2, 9)
  const adapter = 'adapter: { type: lora, rank: 8, target_modules: all-linear }'
  expect(seconds(`${adapter}\nparallelism: { tensor: 8, sequence_parallel: true }`)).toBeCloseTo(whole ?? 0, 9)
})

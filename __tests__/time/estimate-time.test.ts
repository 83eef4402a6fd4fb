import { describe, expect, test } from '@jest/globals'
import type { Gpu } from '../../src/hardware/gpu.ts'
import type { Run } from '../../src/plan/run.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import type { TimeEstimate } from '../../src/time/time-estimate.ts'
import { runOf } from './runs.ts'

function timed(run: Run): TimeEstimate {
  const time = estimateTime(run)
  if (time === null) throw new Error('the GPU is known')
  return time
}

const BASE = 'micro_batch_size: 4\ngradient_accumulation_steps: 2\nsequence_length: 2048\npacking: true\n'
const PLANS = {
  full: BASE,
  checkpointed: `${BASE}gradient_checkpointing: full\n`,
  lora: `${BASE}adapter: { type: lora, rank: 16, target_modules: all-linear }\n`,
  qlora: `${BASE}adapter: { type: lora, rank: 16, target_modules: all-linear }\nquantization: nf4\n`,
  compiled: `${BASE}compile: true\n`,
  eager: `${BASE}attention: eager\n`,
  fsdp: `${BASE}gpus: 8\nparallelism: { data: fsdp2 }\n`,
  zero2: `${BASE}gpus: 8\nparallelism: { data: zero2 }\n`,
  tensor: `${BASE}gpus: 8\nframework: megatron\nparallelism: { data: ddp, tensor: 4, pipeline: 2 }\n`,
  nodes: `${BASE}gpus: 16\nparallelism: { data: zero3 }\n`,
  offload: `${BASE}gpus: 8\nparallelism: { data: zero3, offload: optimizer }\n`,
}
const CASES = Object.entries(PLANS)

test('an unknown GPU has no time', () => expect(estimateTime(runOf(BASE, null))).toBeNull())

describe.each(CASES)('%s', (_, yaml) => {
  const time = timed(runOf(yaml))

  test('components sum to the step', () => {
    expect(time.stepComponents.reduce((sum, item) => sum + item.seconds, 0)).toBeCloseTo(time.stepSeconds, 9)
    for (const item of time.stepComponents) expect(item.seconds).toBeGreaterThan(0)
  })

  test('the step is above the floor and inside its interval', () => {
    expect(time.floorStepSeconds).toBeGreaterThan(0)
    expect(time.stepSeconds).toBeGreaterThan(time.floorStepSeconds)
    expect(time.lowStepSeconds).toBeLessThan(time.stepSeconds)
    expect(time.highStepSeconds).toBeGreaterThan(time.stepSeconds)
  })

  test('every component names its inputs and source', () => {
    for (const item of time.stepComponents) {
      expect(item.note).not.toBe('')
      expect(item.source).not.toBe('')
    }
  })

  test('no term grows on a GPU that is faster in everything', () => {
    const run = runOf(yaml)
    const faster = timed({ ...run, gpu: run.gpu && scaled(run.gpu, 2) })
    const seconds = new Map(faster.stepComponents.map(item => [item.name, item.seconds]))
    for (const item of time.stepComponents) {
      if (item.name !== 'host launches') expect(seconds.get(item.name) ?? 0).toBeLessThanOrEqual(item.seconds * 1.0001)
    }
    expect(faster.stepSeconds).toBeLessThan(time.stepSeconds)
  })

  test.each(['micro_batch_size: 8', 'sequence_length: 4096', 'gradient_accumulation_steps: 4'])(
    'grows with %s',
    line => {
      const key = line.split(':')[0] ?? ''
      const more = yaml.replace(new RegExp(`${key}: \\d+`), line)
      expect(timed(runOf(more)).stepSeconds).toBeGreaterThan(time.stepSeconds)
    },
  )
})

function scaled(gpu: Gpu, factor: number): Gpu {
  const peak = Object.fromEntries(Object.entries(gpu.peak).map(([key, value]) => [key, value && value * factor]))
  return {
    ...gpu,
    peak: { ...gpu.peak, ...peak },
    memoryBandwidth: gpu.memoryBandwidth * factor,
    matmulCeiling: gpu.matmulCeiling ? { ...gpu.matmulCeiling, bits16: gpu.matmulCeiling.bits16 * factor } : null,
  }
}

test('one GPU communicates with nobody', () => {
  const names = timed(runOf(`${BASE}gpus: 1\n`)).stepComponents.map(item => item.name)
  for (const name of [
    'tensor-parallel collectives',
    'sharded weights',
    'gradient averaging',
    'pipeline bubble',
    'stragglers',
  ]) {
    expect(names).not.toContain(name)
  }
})

test.each(['ddp', 'zero1', 'zero2', 'zero3', 'fsdp1', 'fsdp2'])(
  '%s: two nodes are never faster per GPU than one',
  data => {
    const one = timed(runOf(`${BASE}gpus: 8\nparallelism: { data: ${data} }\n`))
    const two = timed(runOf(`${BASE}gpus: 16\nparallelism: { data: ${data} }\n`))
    // sharding halves the optimizer's part of a GPU; the rest must not get faster
    const rest = (time: TimeEstimate) =>
      time.stepSeconds - (time.stepComponents.find(item => item.name === 'optimizer')?.seconds ?? 0)
    expect(rest(two)).toBeGreaterThanOrEqual(rest(one))
  },
)

test('recomputation and full training cost more than none and adapters', () => {
  const seconds = (yaml: string) => timed(runOf(yaml)).stepSeconds
  expect(seconds(PLANS.checkpointed)).toBeGreaterThan(seconds(PLANS.full))
  expect(seconds(PLANS.lora)).toBeLessThan(seconds(PLANS.full))
  expect(seconds(PLANS.qlora)).toBeGreaterThan(seconds(PLANS.lora))
  expect(seconds(PLANS.eager)).toBeGreaterThan(seconds(PLANS.full))
})

describe('the article: 1.5 s per step for 7B × 32 × 1,024 on an A100', () => {
  const article = 'micro_batch_size: 32\nsequence_length: 1024\ndataset: { samples: 10000, epochs: 3 }\n'

  test('is about three times the chip', () => {
    const time = timed(runOf(article))
    expect(time.floorStepSeconds / 1.5).toBeGreaterThan(2.7)
    expect(time.floorStepSeconds / 1.5).toBeLessThan(3.2)
    expect(time.findings.map(item => item.code)).toContain('faster-than-hardware')
    expect(time.steps).toBe(939)
  })

  test('and four times with recomputation', () => {
    const time = timed(runOf(`${article}gradient_checkpointing: full\n`))
    expect(time.floorStepSeconds / 1.5).toBeGreaterThan(3.6)
  })
})

test('a run is start-up, steps and what is asked for', () => {
  const time = timed(runOf(`${BASE}dataset: { samples: 800, epochs: 2 }\nretries: 2\n`))
  expect(time.steps).toBe(200)
  expect(time.components.map(item => item.name)).toEqual(['start-up', 'training steps', 'checkpoints'])
  expect(time.components.reduce((sum, item) => sum + item.seconds, 0)).toBeCloseTo(time.runSeconds ?? 0, 6)
  expect(time.totalSeconds).toBe(2 * (time.runSeconds ?? 0))
  expect(time.energyKwh).toBeGreaterThan(0)
})

test('an unknown dataset gives a step and no run', () => {
  const time = timed(runOf(BASE))
  expect([time.steps, time.runSeconds, time.totalSeconds, time.energyKwh]).toEqual([null, null, null, null])
  expect(time.findings.map(item => item.code)).toContain('unknown-dataset-size')
})

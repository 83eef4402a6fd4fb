import { describe, expect, test } from '@jest/globals'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { busBandwidth, domainsOf, fabricOf } from '../../src/hardware/interconnect.ts'
import type { CalibrationPlan, OverheadPlan } from '../../src/plan/training-plan.ts'
import { ceilingsOf } from '../../src/time/ceilings.ts'
import { CONSTANT_NAMES, EFFICIENCY } from '../../src/time/efficiency.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { runOf } from './runs.ts'

const BASE = 'micro_batch_size: 2\nsequence_length: 1024\npacking: true\ndataset: { max_steps: 100 }\n'

function seconds(yaml: string, part: 'stepComponents' | 'components', name: string, gpu?: string): number {
  const time = estimateTime(runOf(yaml, gpu))
  return time?.[part].find(item => item.name === name)?.seconds ?? 0
}

describe('stages', () => {
  test('a preference pair is two sequences', () => {
    const sft = seconds(BASE, 'stepComponents', 'output head')
    expect(seconds(`${BASE}stage: dpo\n`, 'stepComponents', 'output head')).toBeCloseTo(2 * sft, 9)
  })

  test('a compiled run compiles once', () => {
    expect(seconds(BASE, 'components', 'compile')).toBe(0)
    expect(seconds(`${BASE}compile: true\n`, 'components', 'compile')).toBeGreaterThan(40)
  })
})

test('an expected interval holds the estimate and widens for a GPU without rows', () => {
  const known = estimateTime(runOf(BASE, 'a100-sxm-80gb'))
  const unknown = estimateTime(runOf(BASE, 'rtx-5090'))
  if (known === null || unknown === null) throw new Error('both GPUs are known')
  const width = (time: typeof known) => (time.highStepSeconds - time.lowStepSeconds) / time.stepSeconds
  expect(width(unknown)).toBeGreaterThan(width(known))
  expect(unknown.intervalClass).toContain('unseen')
})

describe('calibration', () => {
  const row = (over: Partial<CalibrationPlan> = {}): CalibrationPlan => ({
    gpu: 'a100-sxm-80gb',
    training: 'full',
    framework: null,
    stepFactor: 1.2,
    low: 1.1,
    high: 1.3,
    runs: 3,
    ...over,
  })
  const timed = (calibration: readonly CalibrationPlan[]) => {
    const run = runOf(BASE)
    const time = estimateTime({ ...run, plan: { ...run.plan, calibration } })
    if (time === null) throw new Error('the GPU is known')
    return time
  }
  const plain = timed([])

  test.each([
    ['of this GPU and training', [row()], 1.2],
    ['of every training on this GPU', [row({ training: null })], 1.2],
    ['of this training before every training', [row({ training: null, stepFactor: 2 }), row()], 1.2],
    ['of another GPU', [row({ gpu: 'h100-sxm-80gb' })], 1],
    ['of this framework before every framework', [row({ stepFactor: 2 }), row({ framework: 'other' })], 1.2],
    ['of another framework', [row({ framework: 'axolotl' })], 1],
    ['of another training', [row({ training: 'adapter' })], 1],
  ] as const)('%s', (_name, rows, factor) => {
    const time = timed(rows)
    expect(time.stepSeconds).toBeCloseTo(factor * plain.stepSeconds, 9)
    const sum = time.stepComponents.reduce((total, { seconds }) => total + seconds, 0)
    expect(sum).toBeCloseTo(time.stepSeconds, 9)
    const training = time.components.find(({ name }) => name === 'training steps')
    expect(training?.note.includes('calibrated × 1.200 (1.100–1.300 in 3 runs)')).toBe(factor !== 1)
  })
})

describe('overheads of the policy', () => {
  const SPOT = `${BASE}hardware: { price: { provider: aws, spot: true } }\n`
  const itemsOf = (yaml: string, overheads: OverheadPlan) => {
    const run = runOf(yaml)
    const time = estimateTime({ ...run, plan: { ...run.plan, overheads } })
    expect(time?.components.reduce((sum, { seconds }) => sum + seconds, 0)).toBeCloseTo(time?.runSeconds ?? 0, 9)
    return Object.fromEntries((time?.components ?? []).map(({ name, seconds }) => [name, seconds]))
  }

  test('start-up is what the policy says', () => {
    expect(itemsOf(BASE, { startUpSeconds: 300, interruptionShare: 0 })['start-up']).toBe(300)
  })

  test('interruptions lengthen a spot run and no other', () => {
    const share = { startUpSeconds: null, interruptionShare: 0.1 }
    const { 'spot interruptions': lost = 0, ...rest } = itemsOf(SPOT, share)
    expect(lost).toBeCloseTo(0.1 * Object.values(rest).reduce((sum, seconds) => sum + seconds, 0), 9)
    expect(itemsOf(BASE, share)).not.toHaveProperty('spot interruptions')
  })
})

describe('fabrics', () => {
  const gpu = findGpu('h100')
  if (gpu === null) throw new Error('the H100 is known')
  const fabric = fabricOf(gpu)

  test.each([
    [{ ranks: 8, stride: 1, domain: 8 }, 1],
    [{ ranks: 16, stride: 1, domain: 8 }, 2],
    [{ ranks: 8, stride: 8, domain: 8 }, 8],
    [{ ranks: 8, stride: 4, domain: 72 }, 1],
  ])('%j lies over %d domains', (group, domains) => expect(domainsOf(group)).toBe(domains))

  test('leaving the domain never gains', () => {
    for (const ranks of [2, 8, 16, 64, 512]) {
      const bus = busBandwidth(fabric.allReduce, fabric, { ranks, stride: 1, domain: 8 })
      expect(bus).toBeLessThanOrEqual(fabric.allReduce)
      expect(bus).toBeGreaterThan(0)
    }
  })
})

test.each([
  ['h100', 'float8', 1403e12],
  ['h100', 'bfloat16', 795e12],
  ['l40s', 'bfloat16', 269e12],
  // no ceiling was measured: shares of the datasheet
  ['l40', 'bfloat16', 144.8e12],
  ['h100-sxm-96gb', 'bfloat16', 680e12],
  ['gb300', 'bfloat16', 2174e12],
  ['gb300', 'mxfp8', 4315e12],
  ['v100', 'float16', 94.8e12],
  ['v100', 'bfloat16', 12.56e12],
] as const)('%s at %s: %d FLOP/s', (name, compute, flops) => {
  const gpu = findGpu(name)
  if (gpu === null) throw new Error('the GPU is known')
  expect(ceilingsOf(gpu, compute, EFFICIENCY).compute / flops).toBeCloseTo(1, 3)
})

test('shares are shares', () => {
  for (const name of CONSTANT_NAMES) {
    expect(EFFICIENCY[name]).toBeGreaterThan(0)
    if (/^(efficiency|exposed|attention)_/.test(name)) expect(EFFICIENCY[name]).toBeLessThanOrEqual(1)
  }
})

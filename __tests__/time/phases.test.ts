import { describe, expect, test } from '@jest/globals'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { busBandwidth, domainsOf, fabricOf } from '../../src/hardware/interconnect.ts'
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

test('a calibration factor scales the step and keeps its sum', () => {
  const plain = estimateTime(runOf(BASE))
  const calibrated = estimateTime(runOf(BASE), { factor: 1.2 })
  expect(calibrated?.stepSeconds).toBeCloseTo(1.2 * (plain?.stepSeconds ?? 0), 9)
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
  ['l40s', 'bfloat16', 289.6e12],
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

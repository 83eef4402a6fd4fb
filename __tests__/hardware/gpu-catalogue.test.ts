import { describe, expect, test } from '@jest/globals'
import { findGpu, GPUS, nearestGpus, searchGpus } from '../../src/hardware/gpu-catalogue.ts'
import { GIB } from '../../src/plan/units.ts'

describe('findGpu', () => {
  test.each([
    ['a100-sxm-80gb', 'a100-sxm-80gb'],
    ['A100-80GB', 'a100-sxm-80gb'],
    ['a100', 'a100-sxm-80gb'],
    ['NVIDIA A100-SXM4-40GB', 'a100-sxm-40gb'],
    ['NVIDIA A100 80GB PCIe', 'a100-pcie-80gb'],
    ['4090', 'rtx-4090'],
    ['RTX 4090', 'rtx-4090'],
    ['RTX4090', 'rtx-4090'],
    ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
    ['h100', 'h100-sxm-80gb'],
    ['NVIDIA H100 80GB HBM3', 'h100-sxm-80gb'],
    ['H100-NVL', 'h100-nvl-94gb'],
    ['H200', 'h200-sxm-141gb'],
    ['Tesla T4', 't4'],
    ['Tesla V100-SXM2-32GB', 'v100-sxm-32gb'],
    ['V100-32GB', 'v100-sxm-32gb'],
    ['RTX_A6000', 'rtx-a6000'],
    ['RTX6000-Ada', 'rtx-6000-ada'],
    ['AMD Instinct MI300X', 'mi300x'],
    ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 'rtx-pro-6000-blackwell'],
  ])('%s is %s', (name, id) => expect(findGpu(name)?.id).toBe(id))

  test('SkyPilot calls its 40 GB part A100', () => {
    expect(findGpu('A100', 'skypilot')?.id).toBe('a100-sxm-40gb')
    expect(findGpu('A100-80GB', 'skypilot')?.id).toBe('a100-sxm-80gb')
  })

  test('an unknown name is null and has near names', () => {
    expect(findGpu('a1000000')).toBeNull()
    expect(nearestGpus('h1000-sxm')).toContain('h100-sxm-80gb')
  })
})

test('aliases name one GPU each', () => {
  for (const gpu of GPUS) for (const alias of gpu.aliases) expect([alias, findGpu(alias)?.id]).toEqual([alias, gpu.id])
})

test.each([
  ['a100-sxm-80gb', 79.15],
  ['h100-sxm-80gb', 79.1],
  ['rtx-4090', 23.61],
  ['b300-sxm-288gb', 276.5],
  ['l4', 22.14],
])('%s lets a process allocate %d GiB', (id, gib) => {
  expect((findGpu(id)?.usableBytes ?? 0) / GIB).toBeCloseTo(gib, 2)
})

test('no GPU allocates more than its nominal memory', () => {
  for (const gpu of GPUS) expect(gpu.usableBytes).toBeLessThanOrEqual(gpu.nominalGb * GIB)
})

test('search needs every word', () => {
  expect(searchGpus('h100').map(gpu => gpu.id)).toEqual(expect.arrayContaining(['h100-sxm-80gb', 'h100-nvl-94gb']))
  expect(searchGpus('amd 300x').map(gpu => gpu.id)).toEqual(['mi300x'])
  expect(searchGpus('')).toHaveLength(GPUS.length)
})

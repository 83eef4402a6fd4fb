import { describe, expect, test } from '@jest/globals'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { findPrice, searchPrices } from '../../src/hardware/price-catalogue.ts'

describe('findPrice', () => {
  test('an instance is billed whole', () => {
    const eight = findPrice({ gpu: 'h100', gpus: 8, provider: 'lambda' })
    const three = findPrice({ gpu: 'h100', gpus: 3, provider: 'azure' })
    expect(eight).toMatchObject({ perGpuHour: 3.99, instanceType: 'gpu_8x_h100_sxm5', instances: 1, currency: 'USD' })
    expect(three).toMatchObject({ perInstanceHour: 98.32, instances: 1, instanceGpus: 8 })
    expect((three?.perGpuHour ?? 0) * 3).toBeCloseTo(98.32)
  })

  test('sixteen GPUs are two whole nodes', () => {
    expect(findPrice({ gpu: 'h100', gpus: 16, provider: 'aws' })).toMatchObject({ instances: 2, instanceGpus: 8 })
  })

  test('region and spot select', () => {
    expect(findPrice({ gpu: 'h100', gpus: 8, provider: 'aws', region: 'us-west-2' })?.perInstanceHour).toBe(55.04)
    expect(findPrice({ gpu: 'h100', gpus: 8, provider: 'aws', region: 'mars-1' })).toBeNull()
    const spot = findPrice({ gpu: 'h100', gpus: 8, provider: 'aws', spot: true })
    expect(spot).toMatchObject({ spot: true, perInstanceHour: 14.246, region: 'us-east-1' })
  })

  test('CNY rows answer when asked for', () => {
    expect(findPrice({ gpu: 'a100', currency: 'CNY' })).toMatchObject({ perGpuHour: 34.742, provider: 'alibaba' })
  })

  test('fresh prices win over stale ones', () => {
    expect(findPrice({ gpu: 'h100' })?.confidence).not.toBe('stale')
  })

  test('no row is null', () => expect(findPrice({ gpu: 'gaudi3' })).toBeNull())
})

test('every price names a GPU of the catalogue and a source', () => {
  for (const price of searchPrices('')) {
    expect(price.source).not.toBe('unknown')
    expect(findGpu(price.gpu)?.id).toBe(price.gpu)
    expect(price.perGpuHour).toBeGreaterThan(0)
  }
  const offers = searchPrices('h200 p5en')
  expect(offers.map(({ gpu, instanceType }) => [gpu, instanceType])).toEqual([['h200-sxm-141gb', 'p5en.48xlarge']])
})

import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { deviceInterval } from '../../src/memory/interval.ts'

const FACTORS = { name: 'sample', low: 0.9, high: 1.2, neededLow: 0.95, neededHigh: 1.08 }

describe('deviceInterval', () => {
  test.each([
    ['an unknown GPU keeps the factors', 50, 40, 1, null, 45, 60],
    ['far below the card keeps the factors', 50, 40, 1, 80, 45, 60],
    ['what fits ends at the card', 75, 60, 1, 80, 67.5, 80],
    ['what may not fit reaches beyond it', 79, 76, 1, 80, 71.1, 83.08],
    ['what overflows is as sure as its tensors', 90, 88, 1, 80, 84.6, 96.04],
  ] as const)('%s', (_name, deviceBytes, allocatedBytes, besideBytes, usableBytes, low, high) => {
    const interval = deviceInterval(FACTORS, { deviceBytes, allocatedBytes, besideBytes, usableBytes })
    expect(interval.low).toBeCloseTo(low, 9)
    expect(interval.high).toBeCloseTo(high, 9)
  })

  test('holds the estimate, whatever the figures', () => {
    const bytes = fc.double({ min: 0, max: 1e12, noNaN: true })
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.option(bytes), (allocatedBytes, cached, besideBytes, usableBytes) => {
        const deviceBytes = allocatedBytes + cached + besideBytes
        const { low, high } = deviceInterval(FACTORS, { deviceBytes, allocatedBytes, besideBytes, usableBytes })
        expect(low).toBeLessThanOrEqual(deviceBytes)
        expect(high).toBeGreaterThanOrEqual(deviceBytes)
      }),
    )
  })
})

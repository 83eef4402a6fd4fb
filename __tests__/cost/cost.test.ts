import { expect, test } from '@jest/globals'
import { estimateCost } from '../../src/cost/estimate-cost.ts'
import { estimateRuleOfThumb } from '../../src/cost/rule-of-thumb.ts'
import { findPrice } from '../../src/hardware/price-catalogue.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { planOf, runOf } from '../time/runs.ts'

const ARTICLE = 'micro_batch_size: 32\nsequence_length: 1024\ndataset: { samples: 10000, epochs: 3 }\n'
const PRICE = { perGpuHour: 27.08, currency: 'CNY' }
const MODEL = { parameters: 7e9, hiddenSize: 4096, layers: 32 }

test.each([
  [3, 3, 81.24],
  [2, 2, 54.16],
])('the article with %d retries', (retries, billedHours, cost) => {
  const rule = estimateRuleOfThumb({ ...MODEL, plan: planOf(`${ARTICLE}retries: ${retries}\n`), price: PRICE })
  expect(rule).toMatchObject({ fixedBytes: 56e9, stepsPerEpoch: 313, steps: 939, seconds: 1408.5, billedHours })
  expect((rule.dynamicBytes / 1e9).toFixed(2)).toBe('8.59')
  expect((rule.peakBytes / 1e9).toFixed(1)).toBe('64.6')
  expect(rule.cost).toBeCloseTo(cost, 9)
})

test('parts that need data or a price are null without', () => {
  const rule = estimateRuleOfThumb({ ...MODEL, plan: planOf('micro_batch_size: 32'), price: null })
  expect([rule.steps, rule.seconds, rule.billedHours, rule.cost, rule.currency]).toEqual([null, null, null, null, null])
})

test('cost is hours × GPUs × price × attempts, in one line', () => {
  const run = runOf(`${ARTICLE}gpus: 3\nparallelism: { data: ddp }\nretries: 2\n`, 'h100')
  const time = estimateTime(run)
  const price = findPrice({ gpu: 'h100', gpus: 3, provider: 'azure' })
  if (time?.runSeconds == null || price === null) throw new Error('time and price are known')
  const cost = estimateCost({ plan: run.plan, time, price })
  expect(cost?.run).toBeCloseTo((time.runSeconds / 3600) * 98.32, 6)
  expect(cost?.total).toBeCloseTo(2 * (cost?.run ?? 0), 9)
  expect(cost?.gpuHours).toBeCloseTo((time.runSeconds / 3600) * 3 * 2, 9)
  expect(cost?.formula).toMatch(/^\d+\.\d\d h × 3 GPUs × 32\.77 USD × 2 attempts = \d+\.\d\d USD$/)
  expect(cost?.billing).toContain('5 of 8 GPUs idle but billed')
})

test('no run time, no cost', () => {
  const run = runOf('micro_batch_size: 1')
  const time = estimateTime(run)
  if (time === null) throw new Error('the GPU is known')
  expect(estimateCost({ plan: run.plan, time, price: { ...PRICE, source: 'policy' } })).toBeNull()
})

import { expect, test } from '@jest/globals'
import { estimateCost } from '../../src/cost/estimate-cost.ts'
import { estimateRuleOfThumb } from '../../src/cost/rule-of-thumb.ts'
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

test('no run time, no cost', () => {
  const run = runOf('micro_batch_size: 1')
  const time = estimateTime(run)
  if (time === null) throw new Error('the GPU is known')
  expect(estimateCost({ plan: run.plan, time, price: { ...PRICE, source: 'policy' } })).toBeNull()
})

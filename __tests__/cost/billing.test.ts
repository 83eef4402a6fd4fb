import { describe, expect, test } from '@jest/globals'
import { type CostEstimate, estimateCost } from '../../src/cost/estimate-cost.ts'
import { findRunPrice } from '../../src/cost/run-price.ts'
import type { BillingPlan, NegotiatedPrice, PricePlan } from '../../src/plan/training-plan.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { runOf } from '../time/runs.ts'

interface Case {
  readonly name: string
  readonly gpu?: string
  readonly gpus?: number
  readonly retries?: number
  readonly price?: Partial<PricePlan>
  readonly billing?: Partial<BillingPlan>
  readonly exchange?: { readonly currency: string; readonly rate: number }
  /** Seconds that a run takes; the model's estimate is replaced, so that bills are round. */
  readonly seconds?: number
  readonly total: number
  readonly formula: string
}

const negotiated = (over: Partial<NegotiatedPrice>): NegotiatedPrice => ({
  gpu: 'h100-sxm-80gb',
  instanceGpus: 1,
  instance: null,
  perInstanceHour: 2,
  currency: 'USD',
  provider: null,
  region: null,
  spot: false,
  ...over,
})
const stated = (perGpuHour: number, currency = 'USD') => ({ perGpuHour, currency })

const CASES: readonly Case[] = [
  { name: 'one GPU', price: stated(2.5), total: 2.5, formula: '1.00 h × 1 GPU × $2.50 = $2.50' },
  { name: 'eight GPUs', gpus: 8, price: stated(2.5), total: 20, formula: '1.00 h × 8 GPUs × $2.50 = $20.00' },
  {
    name: 'attempts',
    gpus: 8,
    retries: 3,
    price: stated(2.5),
    total: 60,
    formula: '1.00 h × 8 GPUs × $2.50 × 3 attempts = $60.00',
  },
  {
    name: 'seconds that need decimals',
    seconds: 9779.4,
    retries: 3,
    price: stated(27.08, 'CNY'),
    total: 220.69,
    formula: '2.7167 h × 1 GPU × 27.08 CNY × 3 attempts = 220.70 CNY',
  },
  {
    name: 'started minutes, for every attempt',
    seconds: 3601,
    retries: 2,
    price: stated(6),
    billing: { unit: 'minute' },
    total: 12.2,
    formula: '1.017 h (61 started min) × 1 GPU × $6.00 × 2 attempts = $12.20',
  },
  {
    name: 'started hours, for every attempt',
    seconds: 3601,
    retries: 2,
    price: stated(6),
    billing: { unit: 'hour' },
    total: 24,
    formula: '2 started h × 1 GPU × $6.00 × 2 attempts = $24.00',
  },
  {
    name: 'three GPUs of an instance of eight',
    gpus: 3,
    price: { provider: 'azure' },
    total: 98.32,
    formula: '1.00 h × 1 Standard_ND96isr_H100_v5 of 8 GPUs, 5 idle, × $98.32 = $98.32',
  },
  {
    name: 'spot',
    gpus: 8,
    price: { provider: 'aws', spot: true },
    total: 14.246,
    formula: '1.00 h × 1 p5.48xlarge of 8 GPUs × $14.246 = $14.25',
  },
  {
    name: 'a discount off the catalogue',
    gpus: 8,
    price: { provider: 'azure' },
    billing: { discounts: { azure: 0.22, '*': 0.5 } },
    total: 76.6896,
    formula: '1.00 h × 1 Standard_ND96isr_H100_v5 of 8 GPUs × $98.32 × 0.78 (22 % off) = $76.69',
  },
  {
    name: 'no discount off a stated price',
    price: stated(2),
    billing: { discounts: { '*': 0.5 } },
    total: 2,
    formula: '1.00 h × 1 GPU × $2.00 = $2.00',
  },
  {
    name: 'a negotiated price per GPU',
    gpus: 4,
    billing: { prices: [negotiated({ gpu: 'b200-sxm-180gb', perInstanceHour: 9 }), negotiated({})] },
    total: 8,
    formula: '1.00 h × 4 GPUs × $2.00 = $8.00',
  },
  {
    name: 'a negotiated instance, billed whole',
    gpus: 12,
    billing: { prices: [negotiated({ instanceGpus: 8, instance: 'node', perInstanceHour: 20 })] },
    total: 40,
    formula: '1.00 h × 2 node of 8 GPUs, 4 idle, × $20.00 = $40.00',
  },
  {
    name: 'a negotiated price of another provider is not taken',
    gpus: 8,
    price: { provider: 'azure' },
    billing: { prices: [negotiated({ provider: 'aws' })] },
    total: 98.32,
    formula: '1.00 h × 1 Standard_ND96isr_H100_v5 of 8 GPUs × $98.32 = $98.32',
  },
  {
    name: 'reserved capacity costs nothing more',
    gpus: 8,
    price: stated(2.5),
    billing: { reserved: { 'h100-sxm-80gb': 8 } },
    total: 0,
    formula: '1.00 h × 0 GPUs × $2.50 = $0.00 (8 of 8 GPUs are reserved and paid for)',
  },
  {
    name: 'beyond the reserved capacity',
    gpus: 16,
    price: stated(2.5),
    billing: { reserved: { 'h100-sxm-80gb': 10 } },
    total: 15,
    formula: '1.00 h × 6 GPUs × $2.50 = $15.00 (10 of 16 GPUs are reserved and paid for)',
  },
  {
    name: 'another currency',
    gpus: 8,
    retries: 2,
    price: stated(2.5),
    exchange: { currency: 'CNY', rate: 7.1 },
    total: 284,
    formula: '1.00 h × 8 GPUs × $2.50 × 2 attempts × 7.10 CNY/USD = 284.00 CNY',
  },
  {
    name: 'everything at once',
    seconds: 12_345.6,
    gpus: 12,
    retries: 3,
    price: { provider: 'azure' },
    billing: { unit: 'minute', discounts: { '*': 0.125 }, reserved: { 'h100-sxm-80gb': 1 } },
    exchange: { currency: 'EUR', rate: 0.8637 },
    total: 1530.66,
    formula:
      '3.43333 h (206 started min) × 2 Standard_ND96isr_H100_v5 of 8 GPUs, 5 idle, × $98.32 × 0.875 (12.5 % off) × 3 attempts × 0.8637 EUR/USD = €1,530.66 (1 of 12 GPUs are reserved and paid for)',
  },
]

const NO_PRICE: PricePlan = { perGpuHour: null, currency: null, provider: null, region: null, spot: null }

function costOf({
  gpu = 'h100-sxm-80gb',
  gpus = 1,
  retries = 1,
  price,
  billing,
  exchange,
  seconds = 3600,
}: Case): CostEstimate {
  const run = runOf(`gpus: ${gpus}\nparallelism: { data: ddp }\ndataset: { max_steps: 10 }\n`, gpu)
  const plan = {
    ...run.plan,
    retries,
    hardware: { gpu, price: { ...NO_PRICE, ...price } },
    billing: { ...run.plan.billing, ...billing },
  }
  const time = estimateTime({ ...run, plan })
  const priced = findRunPrice(plan)
  if (time === null || priced.price === null) throw new Error('time and price are known')
  const cost = estimateCost({
    plan,
    time: { ...time, runSeconds: seconds },
    price: priced.price,
    exchange: exchange ?? null,
  })
  if (cost === null) throw new Error('the run has a length')
  return cost
}

/** What a reader's calculator gives for the line. */
function recomputed(formula: string): string {
  const [factors = ''] = formula.split(' = ')
  return factors
    .split(' × ')
    .reduce((total, factor) => total * Number.parseFloat(factor.replaceAll(/[$€£,]/g, '')), 1)
    .toFixed(2)
}

describe('the cost line', () => {
  test.each(CASES)('$name', row => {
    const cost = costOf(row)
    expect(cost.formula).toBe(row.formula)
    expect(Math.abs(cost.total - row.total)).toBeLessThan(0.5)
    expect(recomputed(cost.formula)).toBe(cost.total.toFixed(2))
    expect(cost.run * (row.retries ?? 1)).toBeCloseTo(cost.total, 9)
  })

  test('adds up to the cent whatever the length, price and rate', () => {
    for (let index = 1; index <= 300; index += 1) {
      const cost = costOf({
        name: '',
        gpus: 1 + (index % 13),
        retries: 1 + (index % 3),
        seconds: (index * 7919.31) % 900_000,
        price: stated(Number(((index * 0.37) % 40).toFixed(3)) + 0.01),
        exchange: { currency: 'CNY', rate: 7.0133 + index / 1000 },
        total: 0,
        formula: '',
      })
      expect(recomputed(cost.formula)).toBe(cost.total.toFixed(2))
      expect(cost.formula.replaceAll(',', '')).toContain(` = ${cost.total.toFixed(2)} CNY`)
    }
  })
})

describe('findRunPrice', () => {
  const plan = (gpu: string, price: Partial<PricePlan>) => ({
    ...runOf('gpus: 8\n', gpu).plan,
    hardware: { gpu, price: { ...NO_PRICE, ...price } },
  })

  test('a price stated for one GPU is not lent to another', () => {
    const lent = findRunPrice(plan('h100-sxm-80gb', { ...stated(1.8), gpu: 'a100-80gb' }))
    expect(lent.price).toBeNull()
    expect(lent.findings).toMatchObject([
      { code: 'no-price', message: expect.stringContaining('stated for a100-80gb') },
    ])
    expect(findRunPrice(plan('a100-sxm-80gb', { ...stated(1.8), gpu: 'a100-80gb' })).price?.perGpuHour).toBe(1.8)
  })

  test.each([
    ['2026-11-25', []],
    ['2027-02-07', []],
    ['2027-02-08', ['stale-price']],
  ])('a catalogue price of 2026-11-09 on %s', (today, codes) => {
    const priced = findRunPrice(plan('h100-sxm-80gb', { provider: 'azure' }), { today })
    expect(priced.price?.asOf).toBe('2026-11-09')
    expect(priced.findings.map(({ code }) => code)).toEqual(codes)
  })

  test('an undated price is said to be one', () => {
    const priced = findRunPrice(plan('a100-sxm-80gb', { provider: 'oci' }), { today: '2026-11-25' })
    expect(priced.findings).toMatchObject([
      { code: 'stale-price', message: expect.stringContaining('carries no date') },
    ])
  })
})

import { describe, expect, test } from '@jest/globals'
import { hardwareStrategies } from '../../src/advice/hardware-strategies.ts'
import { searchHardware } from '../../src/advice/search-hardware.ts'
import { comparablePrice } from '../../src/cost/comparable-price.ts'
import { estimateCost } from '../../src/cost/estimate-cost.ts'
import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import { estimateMemory } from '../../src/memory/estimate-memory.ts'
import { onCard } from '../../src/plan/on-card.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import type { HardwareReport } from '../../src/report/report.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { countsOf, llama7b, planOf } from '../time/runs.ts'

const BASE =
  'micro_batch_size: 4\ngradient_accumulation_steps: 8\nsequence_length: 1024\npacking: true\ngradient_checkpointing: full\n' +
  'adapter: { type: lora, rank: 16, target_modules: all-linear }\ndataset: { max_steps: 1000 }\nhardware: { gpu: a100-sxm-80gb }\n'
const architecture = llama7b()

function evaluate(written: TrainingPlan, card?: string) {
  const plan = card === undefined ? written : onCard(written, card)
  const run = { plan, architecture, counts: countsOf(architecture, plan), gpu: findGpu(plan.hardware.gpu ?? '') }
  const memory = estimateMemory(run)
  return { memory, time: estimateTime(run), cost: null, ruleOfThumb: null }
}

const GPU_IDS = ['rtx-4090', 'l40s', 'a100-sxm-80gb', 'h100-sxm-80gb', 'v100-sxm-16gb']

function search(plan: TrainingPlan, gpus: readonly string[] = GPU_IDS, memoryShare = 1): readonly HardwareReport[] {
  return searchHardware({
    plan,
    evaluate,
    memoryShare,
    gpus,
    costOf: (other, time) => {
      const found = comparablePrice(other, { statedFor: plan.hardware.gpu, currency: 'USD', exchangeRates: {} })
      return found && estimateCost({ plan: other, time, ...found })
    },
  })
}

describe('search', () => {
  const found = search(planOf(BASE))

  test('is sorted by cost, marks the cheapest and the fastest', () => {
    const costs = found.map(({ cost }) => cost ?? Number.NaN)
    expect(costs).toEqual(costs.toSorted((a, b) => a - b))
    expect(found[0]?.note).toContain('cheapest')
    const fastest = Math.min(...found.map(({ runSeconds }) => runSeconds))
    expect(found.find(({ note }) => note.includes('fastest'))?.runSeconds).toBe(fastest)
  })

  test('every row fits, lies inside its interval and shows how it is billed', () => {
    expect(found.length).toBeGreaterThan(8)
    for (const row of found) {
      expect(row.memoryBytes).toBeLessThan(row.usableBytes)
      expect(row.lowRunSeconds).toBeLessThan(row.runSeconds)
      expect(row.highRunSeconds).toBeGreaterThan(row.runSeconds)
      expect((row.highCost ?? 0) / (row.cost ?? 1)).toBeCloseTo(row.highRunSeconds / row.runSeconds, 6)
      expect(row.formula).toContain('=')
      expect(row.billing).not.toBe('')
    }
  })

  test('each kind and number of GPUs is there once, bfloat16 nowhere without its units', () => {
    const keys = found.map(({ gpu, gpus }) => `${gpu} ${gpus}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.some(key => key.startsWith('v100'))).toBe(false)
  })

  test('a run of unknown length is compared over stated steps', () => {
    const rows = search(planOf(BASE.replace('dataset: { max_steps: 1000 }\n', '')), ['a100-sxm-80gb'])
    expect(rows[0]?.comparedSteps).toBe(1000)
    expect(found[0]?.comparedSteps).toBeNull()
  })

  test('nothing is offered where the memory may not be used', () => {
    expect(search(planOf(BASE), GPU_IDS, 0.01)).toEqual([])
  })
})

describe('strategies', () => {
  const strategies = (yaml: string, gpus: number) => hardwareStrategies(planOf(yaml), gpus).flat()
  const batch = ({ microBatchSize, gradientAccumulationSteps, gpus, parallelism }: TrainingPlan) =>
    (microBatchSize * gradientAccumulationSteps * gpus) / (parallelism.tensor * parallelism.pipeline)

  test.each([1, 2, 4, 8, 16])('keep the global batch on %d GPUs', gpus => {
    const all = strategies(BASE, gpus)
    expect(all.length).toBeGreaterThan(0)
    for (const { plan } of all) expect(batch(plan)).toBe(32)
  })

  test.each([
    ['more GPUs than sequences', BASE, 64],
    ['GPUs that the tensor ranks do not divide', `${BASE}gpus: 4\nparallelism: { data: ddp, tensor: 4 }\n`, 2],
  ])('none for %s', (_, yaml, gpus) => expect(strategies(yaml, gpus)).toEqual([]))

  test.each([
    ['fsdp2', ['ddp', 'fsdp2']],
    ['zero3', ['ddp', 'zero2', 'zero3']],
    ['distributed_optimizer', ['distributed_optimizer']],
  ])('%s stays in its family', (data, kinds) => {
    const all = strategies(`${BASE}gpus: 2\nparallelism: { data: ${data} }\n`, 4)
    expect([...new Set(all.map(({ plan }) => plan.parallelism.data))]).toEqual(kinds)
  })

  test('names what differs, and nothing for the plan as written', () => {
    const same = strategies(BASE, 1).find(({ plan }) => plan.microBatchSize === 4)
    expect(same?.changes).toEqual([])
    expect(strategies(BASE, 2)[0]?.changes).toEqual(['DDP', 'micro-batch 16, accumulation 1'])
  })
})

describe('price to compare with', () => {
  const options = { statedFor: 'a100-sxm-80gb', currency: 'USD', exchangeRates: {} }
  const stated = `${BASE.replace('hardware: { gpu: a100-sxm-80gb }', 'hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 1.5, currency: USD } }')}`

  test('is the stated one on its GPU, and an offer elsewhere', () => {
    const plan = planOf(stated)
    expect(comparablePrice(plan, options)?.price.source).toBe('stated price')
    const other = comparablePrice({ ...plan, hardware: { ...plan.hardware, gpu: 'h100-sxm-80gb' } }, options)
    expect(other?.price.provider).toBeTruthy()
    expect(other?.price.perGpuHour).not.toBe(1.5)
  })

  test('is none without a rate into the currency', () =>
    expect(comparablePrice(planOf(BASE.replace('a100-sxm-80gb', 'h200')), { ...options, currency: 'XXX' })).toBeNull())
})

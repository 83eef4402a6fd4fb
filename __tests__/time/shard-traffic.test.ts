import { describe, expect, test } from '@jest/globals'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { shardTraffic, visibleTravel } from '../../src/time/shard-traffic.ts'
import { stepContext } from '../../src/time/step-context.ts'
import { stepTerms } from '../../src/time/step-terms.ts'
import { runOf } from './runs.ts'

function contextOf(yaml: string, gpu = 'a100-sxm-80gb') {
  const run = runOf(`gpus: 8\nmicro_batch_size: 1\nsequence_length: 4096\npacking: true\n${yaml}`, gpu)
  if (run.gpu === null) throw new Error('the GPU is known')
  return stepContext({ ...run, gpu: run.gpu }, EFFICIENCY)
}

const sharded = (data: string, more = '') => contextOf(`parallelism: { data: ${data}${more} }\n`)

describe('copies between buffers and weights', () => {
  // two gathers read and write 2 bytes each; gradients of 2 bytes are read and written once
  const whole = 2 * 2 * 2 + 2 + 2
  test.each([
    // a shard of an eighth enters each gather: read and written
    ['fsdp2', '', '', whole + (2 * 4) / 8],
    ['zero3', '', '', whole],
    ['fsdp1', '', '', 0],
    ['fsdp2', ', reshard_after_forward: false', '', 2 * 2 + 2 + 2 + 4 / 8],
    // float32 shards are cast before: 4 bytes read, 2 written
    ['fsdp1', '', 'precision: { weights: float32, gradients: bfloat16 }', (2 * 6) / 8],
    ['fsdp2', '', 'precision: { weights: float32, gradients: bfloat16 }', whole + (2 * (6 + 4)) / 8],
  ])('%s%s %s', (data, more, yaml, bytes) => {
    const context = contextOf(`parallelism: { data: ${data}${more} }\n${yaml}`)
    expect(shardTraffic(context).copies * context.bandwidth).toBeCloseTo(bytes * 6.738e9, -3)
  })

  test('Megatron gathers into the weights themselves', () => {
    const context = contextOf('framework: megatron\nparallelism: { data: fsdp2 }\n')
    expect(shardTraffic(context).copies).toBe(0)
    expect(shardTraffic(context).travel).toBeCloseTo(shardTraffic(sharded('fsdp2')).travel, 9)
  })
})

test('Megatron gathers weights at the width of its products', () => {
  const travel = (compute: string) =>
    shardTraffic(contextOf(`framework: megatron\nprecision: { compute: ${compute} }\nparallelism: { data: fsdp2 }\n`))
      .travel
  // each of two gathers is a byte shorter; seven of eight parts travel, at 230 GB/s
  const saved = (2 * 6.738e9 * (7 / 8)) / 230e9
  expect((travel('bfloat16') - travel('float8')) / saved).toBeCloseTo(1, 6)
})

test('ZeRO-3 gathers what lies further apart than a billion parameters once more for backward', () => {
  const context = contextOf('gradient_checkpointing: full\nparallelism: { data: zero3 }\n')
  const wide = { ...context.work, denseParameters: 32 * 2e9 }
  // of a layer of 2e9 parameters all but the last 0.5e9
  const more = shardTraffic({ ...context, work: wide }).copies / shardTraffic(context).copies
  expect(more).toBeCloseTo((2.75 * 4 + 4) / (2 * 4 + 4), 9)
  const kept = { ...context, recompute: 0, work: wide }
  expect(shardTraffic(kept).copies).toBe(shardTraffic({ ...context, recompute: 0 }).copies)
})

test('experts that are spread over all ranks are not gathered', () => {
  const context = sharded('fsdp2', ', expert: 8')
  const dense = { ...context, work: { ...context.work, expertParameters: 0 } }
  const routed = { ...context, work: { ...context.work, expertParameters: 5e9 } }
  const own = (6.738e9 - 5e9) / 6.738e9
  expect(shardTraffic(routed).copies / shardTraffic(dense).copies).toBeCloseTo(own, 3)
  expect(shardTraffic(routed).travel).toBeLessThan(shardTraffic(dense).travel)
  // four ranks hold the same two of eight parts: each gathers the half that it shares with one other
  const halves = sharded('fsdp2', ', expert: 4')
  const shared = { ...halves, work: { ...halves.work, expertParameters: 5e9 } }
  expect(shardTraffic(shared).travel).toBeGreaterThan(shardTraffic(routed).travel)
})

describe('what products hide', () => {
  const context = sharded('fsdp2')
  test('a part, but not the first and last layers', () => {
    const visible = visibleTravel(context, 1, 10)
    // embedding and head of 0.262e9 parameters and one layer of 32
    const edge = 0.262 / 6.738 + 1 / 32
    expect(visible).toBeCloseTo(EFFICIENCY.exposed_shard + (1 - EFFICIENCY.exposed_shard) * edge, 3)
  })

  test('half of it where products take all multiprocessors', () => {
    const [old, recent] = ['a100-sxm-80gb', 'h100-sxm-80gb'].map(gpu =>
      visibleTravel(contextOf('parallelism: { data: fsdp2 }\n', gpu), 1, 10),
    )
    const edge = 0.262 / 6.738 + 1 / 32
    expect(recent).toBeCloseTo(0.5 + 0.5 * edge, 3)
    expect(recent).toBeGreaterThan(old ?? Number.NaN)
  })

  test('no more than the products are long', () => {
    expect(visibleTravel(context, 10, 1)).toBeGreaterThan(9)
    expect(visibleTravel(context, 10, 1)).toBeLessThan(10)
  })
})

test('ZeRO-2 averages gradients after every micro-batch, ZeRO-1 once', () => {
  const average = (data: string, steps: number) =>
    stepTerms(contextOf(`gradient_accumulation_steps: ${steps}\nparallelism: { data: ${data} }\n`)).terms.find(
      ({ name }) => name === 'gradient averaging',
    )?.seconds ?? 0
  expect(average('zero1', 8)).toBe(average('zero1', 1))
  // an all-reduce of 2 bytes moves 4 per gradient, the weights 2
  expect(average('zero2', 8) / average('zero2', 1)).toBeCloseTo((8 * 4 + 2) / (4 + 2), 9)
})

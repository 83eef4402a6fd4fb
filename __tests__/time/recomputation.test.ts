import { describe, expect, test } from '@jest/globals'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { stepContext } from '../../src/time/step-context.ts'
import { stepTerms } from '../../src/time/step-terms.ts'
import { runOf } from './runs.ts'

function contextOf(yaml: string, gpu = 'h100-sxm-80gb') {
  const run = runOf(`micro_batch_size: 1\nsequence_length: 4096\npacking: true\n${yaml}`, gpu)
  if (run.gpu === null) throw new Error('the GPU is known')
  return stepContext({ ...run, gpu: run.gpu }, EFFICIENCY)
}

const termOf = (yaml: string, name: string, gpu?: string) =>
  stepTerms(contextOf(yaml, gpu)).terms.find(term => term.name === name)?.seconds ?? 0

describe('what backward does again', () => {
  test.each([
    ['none', 0, 0, 0],
    ['full', 1, 1, 1],
    ['{ every: 2 }', 0.5, 0.5, 0.5],
  ])('%s', (mode, recompute, recomputeAttention, recomputeElementwise) => {
    expect(contextOf(`gradient_checkpointing: ${mode}`)).toMatchObject({
      recompute,
      recomputeAttention,
      recomputeElementwise,
    })
  })

  test('per operator: every second product (key, output, up), all that is elementwise, no attention', () => {
    const context = contextOf('framework: torchtitan\ngradient_checkpointing: selective')
    const layer = 4 * 4096 * 4096 + 3 * 4096 * 11008
    expect(context.recompute).toBeCloseTo((2 * 4096 * 4096 + 4096 * 11008) / layer, 9)
    expect(context.recomputeAttention).toBe(0)
    expect(context.recomputeElementwise).toBe(1)
  })

  test('Megatron drops the scores of unfused attention only', () => {
    const megatron = (attention: string) =>
      contextOf(`framework: megatron\ngradient_checkpointing: selective\nattention: ${attention}`)
    expect(megatron('flash')).toMatchObject({ recompute: 0, recomputeAttention: 0, recomputeElementwise: 0 })
    expect(megatron('eager')).toMatchObject({ recompute: 0, recomputeAttention: 1 })
  })
})

describe('unfused attention', () => {
  const scores = 4096 * 4096 * 32 * 32
  const traffic = (yaml: string, at: number) => {
    const context = contextOf(`attention: eager\n${yaml}`)
    const share = EFFICIENCY.attention_eager * EFFICIENCY[context.stack.efficiency] * context.ceilings.bits16
    const products = (at * 4 * 4096 * 4096 * 4096 * 32) / share
    const seconds = stepTerms(context).terms.find(({ name }) => name === 'attention')?.seconds ?? 0
    return ((seconds - products) * context.bandwidth) / scores
  }

  test.each([
    ['one kernel for scale, mask and softmax', 'framework: megatron\n', 3, 29],
    ['the same with its scores computed again', 'framework: megatron\ngradient_checkpointing: selective\n', 4, 41],
    ['a kernel for each, softmax at 32 bit', 'framework: transformers\n', 3, 68],
  ])('%s', (_, yaml, products, bytes) => expect(traffic(yaml, products)).toBeCloseTo(bytes, 6))
})

test('Blackwell Ultra is faster at flash attention than its products', () => {
  const perCeiling = (gpu: string) =>
    termOf('framework: megatron', 'attention', gpu) * contextOf('framework: megatron', gpu).ceilings.bits16
  expect(perCeiling('gb200') / perCeiling('gb300')).toBeCloseTo(EFFICIENCY.ultra_attention, 9)
})

describe('frozen weights of 8 and 4 bit', () => {
  const lora = (quantization: string, checkpointing = 'none') =>
    termOf(
      `adapter: { type: lora, rank: 8 }\nquantization: ${quantization}\ngradient_checkpointing: ${checkpointing}`,
      'de-quantisation',
      'a100-sxm-80gb',
    )

  test('LLM.int8() is traffic: weights in backward, activations in every forward', () => {
    const { bandwidth } = contextOf('', 'a100-sxm-80gb')
    const features = 32 * (4 * 8192 + 3 * (4096 + 11008))
    const once = 6.5 * features * 4096
    expect(lora('int8') * bandwidth).toBeCloseTo(once + 7 * 6.476e9, -5)
    expect(lora('int8', 'full') * bandwidth).toBeCloseTo(2 * once + 7 * 6.476e9, -5)
  })

  test('4-bit kernels are bound by instructions', () => {
    expect(lora('nf4')).toBeCloseTo(2 * 6.476e9 * (1 / 1e11 + 2.5 / (0.85 * 2039e9)), 9)
  })
})

import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const BASE = `model_name_or_path: org/model
stage: sft
do_train: true
dataset: identity
template: llama3
cutoff_len: 1024
output_dir: out
bf16: true
`

describe('LLaMA-Factory: what trains is float32, what is frozen is not', () => {
  test('freeze tuning lifts the last layers only', async () => {
    const { plan } = await readText(`${BASE}finetuning_type: freeze\nfreeze_trainable_layers: 4\n`)
    expect(plan.freeze).toEqual({ kind: 'trainable_layers', layers: 4 })
    expect(plan.precision).toMatchObject({
      weights: 'bfloat16',
      trainedWeights: 'float32',
      gradients: 'float32',
      optimizerStates: 'float32',
    })
  })

  test('full fine-tuning lifts everything, a frozen vision tower excepted', async () => {
    const text = `${BASE}finetuning_type: full\n`
    expect((await readText(text)).plan.precision).toMatchObject({ weights: 'float32', trainedWeights: null })
    const { plan } = await readText(text, { facts: { hasVision: true } })
    expect(plan.freeze).toEqual({ kind: 'patterns', patterns: ['vision_tower', 'projector'] })
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', trainedWeights: 'float32' })
  })

  test('DeepSpeed has one dtype', async () => {
    const deepspeed = 'deepspeed: { zero_optimization: { stage: 2 }, bf16: { enabled: auto } }\n'
    const { plan } = await readText(`${BASE}finetuning_type: freeze\n${deepspeed}`)
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', trainedWeights: null, masterWeights: true })
  })
})

test.each([
  ['fp8: true', { precision: { compute: 'float8' } }],
  ['upcast_lmhead_output: true', { loss: 'full_logits_float32' }],
  ['finetuning_type: full\nuse_asft_loss: true', { reinforcement: { referenceModel: 'separate' } }],
])('%j', async (line, expected) => {
  expect((await readText(`${BASE}${line}\n`)).plan).toMatchObject(expected)
})

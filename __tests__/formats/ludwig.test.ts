import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const FEATURES = `input_features:
  - {name: instruction, type: text}
output_features:
  - {name: output, type: text}
`
const FINE_TUNE = `model_type: llm
base_model: org/model
adapter: {type: lora}
trainer: {type: finetune}
${FEATURES}`

describe('Ludwig', () => {
  test('the whole plan of a bare file: float32, 100 epochs, batch 1, two texts of 256 tokens', async () => {
    const { format, plan, codes } = await readText(FINE_TUNE)
    expect(format).toBe('ludwig')
    expect(codes).toEqual([])
    expect(plan).toMatchObject({
      framework: 'ludwig',
      stage: 'sft',
      adapter: { type: 'lora', rank: 8, dropout: 0.05, targetModules: 'default', dtype: 'float32' },
      quantization: 'none',
      precision: {
        weights: 'float32',
        compute: 'float32',
        autocast: false,
        gradients: 'float32',
        optimizerStates: 'float32',
        masterWeights: false,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'foreach',
      microBatchSize: 1,
      gradientAccumulationSteps: 1,
      sequenceLength: 512,
      packing: false,
      variableLength: true,
      gradientCheckpointing: 'none',
      attention: 'sdpa',
      loss: 'full_logits',
      compile: false,
      gpus: 1,
      reinforcement: null,
      evaluation: { timesTotal: 100, microBatchSize: 2, share: 0.3 },
      dataset: { epochs: 100, padding: 'longest' },
    })
  })

  test('quantisation: nf4 twice over, computed in float16, eager attention', async () => {
    const { plan } = await readText(`${FINE_TUNE}quantization: {bits: 4}\n`)
    expect(plan).toMatchObject({ quantization: 'nf4-double', attention: 'eager' })
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'float16' })
    expect(plan.quantizationDetails.computeDtype).toBe('float16')
  })

  test('keys that Ludwig does not have are named', async () => {
    const { plan, codes } = await readText(`${FINE_TUNE}quantization: {bits: 4, compute_dtype: bfloat16}\n`)
    expect(codes).toEqual(['unknown-key'])
    expect(plan.precision.compute).toBe('float16')
  })

  test('the shorter of the joined length and the limit counts', async () => {
    const limited = await readText(`${FINE_TUNE}preprocessing: {global_max_sequence_length: 128}\n`)
    expect(limited.plan.sequenceLength).toBe(128)
    const longer = await readText(
      FINE_TUNE.replace('type: text}\noutput', 'type: text, preprocessing: {max_sequence_length: 1024}}\noutput'),
    )
    expect(longer.plan.sequenceLength).toBe(1280)
  })

  test.each([
    ['paged_adamw_8bit', { optimizer: 'adamw', optimizerPaged: true, optimizerImplementation: 'fused' }, 'int8'],
    ['adam_8bit', { optimizer: 'adamw', optimizerPaged: false }, 'int8'],
    ['lion', { optimizer: 'lion' }, 'float32'],
  ])('optimizer %s', async (name, expected, states) => {
    const { plan } = await readText(
      FINE_TUNE.replace('{type: finetune}', `{type: finetune, optimizer: {type: ${name}}}`),
    )
    expect(plan).toMatchObject(expected)
    expect(plan.precision.optimizerStates).toBe(states)
  })

  test('an effective batch is divided, `auto` is judged with one sample', async () => {
    const whole = await readText(FINE_TUNE.replace('finetune}', 'finetune, batch_size: 2, effective_batch_size: 16}'))
    expect(whole.plan.gradientAccumulationSteps).toBe(8)
    const auto = await readText(FINE_TUNE.replace('finetune}', 'finetune, batch_size: auto}'))
    expect(auto.codes).toEqual(['assumed-default'])
  })

  test('Ray workers under DeepSpeed', async () => {
    const text = `${FINE_TUNE}backend:
  type: ray
  trainer: {num_workers: 4, strategy: {type: deepspeed, zero_optimization: {stage: 3}}}
`
    const { plan } = await readText(text)
    expect(plan.gpus).toBe(4)
    expect(plan.parallelism.data).toBe('zero3')
  })

  test.each(['dpo', 'kto', 'orpo'])('%s has no reference model of its own', async stage => {
    const { plan } = await readText(FINE_TUNE.replace('finetune', stage))
    expect(plan.stage).toBe(stage)
    expect(plan.reinforcement).toMatchObject({ referenceModel: 'none', generation: 'none' })
  })

  test('an adapter without a plan word counts as LoRA and says so', async () => {
    const { plan, codes } = await readText(FINE_TUNE.replace('type: lora', 'type: vblora, r: 4'))
    expect(codes).toEqual(['unsupported-option'])
    expect(plan.adapter).toMatchObject({ type: 'lora', rank: 4 })
  })

  test('models of its own encoders are declined by name, generation is no run', async () => {
    const other = await readText(`input_features:
  - {name: review, type: text}
output_features:
  - {name: sentiment, type: category}
trainer: {epochs: 5}
`)
    expect(other.format).toBe('ludwig')
    expect(other.codes).toEqual(['unsupported-format'])
    const zero = await readText(`model_type: llm\nbase_model: org/model\n${FEATURES}`)
    expect(zero.format).toBeNull()
  })
})

import { describe, expect, test } from '@jest/globals'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

const OLMO = `run_name: small
model:
  d_model: 2048
  n_heads: 16
  n_layers: 16
  mlp_hidden_size: 16384
  weight_tying: false
  rope: true
  flash_attention: true
  attention_dropout: 0.0
  residual_dropout: 0.0
  embedding_dropout: 0.0
  include_bias: false
  layer_norm_type: rms
  attention_layer_norm: true
  norm_after: true
  max_sequence_length: 4096
  vocab_size: 100278
  embedding_size: 100352
optimizer: {name: adamw}
fused_loss: true
max_duration: 4e12T
global_train_batch_size: 512
device_train_microbatch_size: 4
precision: amp_bf16
fsdp: {wrapping_strategy: by_block_and_size, precision: mixed}
`

describe('OLMo', () => {
  test('the whole plan', async () => {
    const { format, plan, codes } = await readText(OLMO, { facts: { gpus: 1 } })
    expect(format).toBe('olmo')
    expect(codes).toEqual([])
    expect({ ...plan, model: null }).toMatchObject({
      framework: 'olmo',
      stage: 'pretrain',
      adapter: null,
      precision: {
        weights: 'float32',
        compute: 'bfloat16',
        gradients: 'float32',
        optimizerStates: 'float32',
        masterWeights: false,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'foreach',
      microBatchSize: 4,
      gradientAccumulationSteps: 128,
      sequenceLength: 4096,
      packing: true,
      variableLength: false,
      gradientCheckpointing: 'none',
      attention: 'flash',
      loss: 'full_logits_native',
      compile: false,
      evaluation: null,
      checkpoints: { everySteps: 1000, includesOptimizer: true },
      dataset: { tokens: 4e12, maxSteps: null, padding: 'none' },
    })
  })

  test('swiglu halves the written width: OLMo 2 1B has 1,484,916,736 parameters', async () => {
    const { plan } = await readText(OLMO)
    expect(countOf(plan.model)).toBe(1_484_916_736)
  })

  test('what a bare file means: GPT-2 shapes with biases, lion, one FSDP unit, no precision', async () => {
    const { plan, codes } = await readText('model: {d_model: 768}\noptimizer: {}\nmax_duration: 1ep\n')
    expect(JSON.parse(plan.model ?? '').config).toMatchObject({
      intermediate_size: 1536,
      position_embeddings: 'learned',
      tie_word_embeddings: true,
      qkv_bias: true,
      hidden_dropout: 0.1,
      vocab_size: 50304,
    })
    expect(plan).toMatchObject({ optimizer: 'lion', microBatchSize: 16, sequenceLength: 1024, attention: 'sdpa' })
    expect(plan.parallelism).toMatchObject({ wrap: 'root', reshardAfterForward: true })
    expect(plan.loss).toBe('full_logits')
    expect(codes).toContain('missing-key')
  })

  test.each([
    ['stop_at: 500', { maxSteps: 500, tokens: null }],
    ['stop_at: 500\nmax_duration: 400', { maxSteps: 400 }],
    ['max_duration: 2ep', { epochs: 2, maxSteps: null }],
    ['max_duration: 1e6T', { tokens: 1e6 }],
  ])('%s', async (line, dataset) => {
    const text = line.includes('max_duration') ? OLMO.replace('max_duration: 4e12T\n', '') : OLMO
    const { plan } = await readText(`${text}${line}\n`)
    expect(plan.dataset).toMatchObject(dataset)
  })

  test.each([
    ['whole_layer', 'full'],
    ['one_in_four', { every: 4 }],
    ['two_in_three', { every: 1.5 }],
    ['fine_grained', 'selective'],
    ['true', 'full'],
  ])('activation_checkpointing %s', async (word, expected) => {
    const { plan } = await readText(`${OLMO}activation_checkpointing: ${word}\n`)
    expect(plan.gradientCheckpointing).toEqual(expected)
  })

  test('ddp syncs once a step and leaves the casts to autocast', async () => {
    const { plan } = await readText(`${OLMO}distributed_strategy: ddp\n`, { facts: { gpus: 8 } })
    expect(plan.parallelism.noSync).toBe(true)
    expect(plan.precision.autocast).toBe(true)
  })
})

import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

const MPT = `variables: {max_seq_len: 2048}
max_seq_len: \${variables.max_seq_len}
model:
  name: mpt_causal_lm
  d_model: 2048
  n_heads: 16
  n_layers: 24
  expansion_ratio: 4
  max_seq_len: \${variables.max_seq_len}
  vocab_size: 50368
  attn_config: {attn_impl: flash}
train_loader: {name: text, dataset: {local: ./data}}
optimizer: {name: decoupled_adamw}
max_duration: 24800ba
global_train_batch_size: 512
device_train_microbatch_size: 4
precision: amp_bf16
fsdp_config: {sharding_strategy: FULL_SHARD, mixed_precision: PURE, activation_checkpointing: false}
`
const HUGGING_FACE = `max_seq_len: 1024
model: {name: hf_causal_lm, pretrained_model_name_or_path: org/model}
train_loader: {name: finetuning, dataset: {hf_name: org/data}}
optimizer: {name: decoupled_lionw}
max_duration: 2ep
global_train_batch_size: 16
device_train_microbatch_size: 8
fsdp_config: {activation_checkpointing: true}
`
const EIGHT = { facts: { gpus: 8 } }

describe('LLM Foundry', () => {
  test('the whole plan of an MPT run: biases and learned positions unless switched off', async () => {
    const { format, plan, codes } = await readText(MPT, EIGHT)
    expect(format).toBe('llm-foundry')
    expect(codes).toEqual([])
    expect(countOf(plan.model)).toBe(1_315_950_592)
    expect({ ...plan, model: null }).toMatchObject({
      framework: 'llm-foundry',
      stage: 'pretrain',
      adapter: null,
      precision: { weights: 'float32', compute: 'bfloat16', gradients: 'float32', masterWeights: false },
      optimizer: 'adamw',
      optimizerImplementation: 'loop',
      microBatchSize: 4,
      gradientAccumulationSteps: 128,
      sequenceLength: 2048,
      packing: true,
      variableLength: false,
      gradientCheckpointing: 'none',
      attention: 'flash',
      loss: 'full_logits_native',
      evaluation: null,
      checkpoints: null,
      dataset: { maxSteps: 24_800, padding: 'none' },
    })
  })

  test('a Hugging Face run: eager attention, padded to the full length, the micro-batch cut to the share of a rank', async () => {
    const { plan } = await readText(HUGGING_FACE, EIGHT)
    expect(plan).toMatchObject({
      stage: 'sft',
      attention: 'eager',
      variableLength: false,
      loss: 'full_logits',
      optimizer: 'lion',
      gradientCheckpointing: 'full',
      checkpointingReentrant: true,
      microBatchSize: 8,
      dataset: { epochs: 2, padding: 'fixed', names: ['org/data'] },
    })
    const alone = await readText(HUGGING_FACE.replace('global_train_batch_size: 16', 'global_train_batch_size: 4'))
    expect(alone.plan.microBatchSize).toBe(4)
  })

  test.each([
    ['amp_bf16', 'bfloat16', true],
    ['amp_fp16', 'float16', true],
    ['fp32', 'float32', false],
    // no autocast around TransformerEngine's context: a model without such layers computes in float32
    ['amp_fp8', 'float32', false],
  ])('precision %s computes in %s', async (name, compute, autocast) => {
    const { plan } = await readText(`${HUGGING_FACE}precision: ${name}\n`)
    expect(plan.precision).toMatchObject({ weights: 'float32', compute, autocast })
  })

  test('amp_fp8 reaches TransformerEngine layers only, and says so', async () => {
    const eight = MPT.replace('amp_bf16', 'amp_fp8')
    expect((await readText(eight)).codes).toContain('ignored-key')
    const { plan, codes } = await readText(eight.replace('  d_model', '  fc_type: te\n  d_model'))
    expect(plan.precision.compute).toBe('float8')
    expect(codes).toEqual([])
  })

  test('an automatic micro-batch is judged with one sequence and says so', async () => {
    const { plan, codes } = await readText(
      MPT.replace('device_train_microbatch_size: 4', 'device_train_microbatch_size: auto'),
    )
    expect(plan.microBatchSize).toBe(1)
    expect(codes).toEqual(['assumed-default'])
  })

  test.each([
    ['10ep', { epochs: 10 }],
    ['3', { epochs: 3 }],
    ['5000ba', { maxSteps: 5000 }],
    ['1e9tok', { tokens: 1e9 }],
    ['640sp', { samples: 640, epochs: 1 }],
  ])('max_duration %s', async (text, dataset) => {
    const { plan } = await readText(HUGGING_FACE.replace('2ep', text))
    expect(plan.dataset).toMatchObject(dataset)
  })

  test('grouped heads, gated layers, no biases', async () => {
    const { plan } = await readText(
      MPT.replace(
        'attn_config: {attn_impl: flash}',
        'no_bias: true\n  norm_type: low_precision_rmsnorm\n  attn_config: {attn_type: grouped_query_attention, kv_n_heads: 4, rope: true, attn_impl: torch}\n  ffn_config: {ffn_type: mptglu, ffn_hidden_size: 5632}',
      ),
    )
    expect(plan.attention).toBe('eager')
    expect(JSON.parse(plan.model ?? '').config).toMatchObject({
      num_key_value_heads: 4,
      gated_mlp: true,
      intermediate_size: 5632,
      qkv_bias: false,
      position_embeddings: 'rotary',
      normalization: 'rms',
    })
  })
})

const indented = (text: string): string => text.replace(/^(?=.)/gm, '  ')
const HEAD = 'name: run\nimage: mosaicml/llm-foundry:2.7.0\ncompute: {gpus: 16, gpu_type: h100_80gb}\n'

describe('mcli', () => {
  test('the config under `parameters` on the GPUs of `compute`', async () => {
    const { format, plan } = await readText(`${HEAD}parameters:\n${indented(MPT)}`, EIGHT)
    expect(format).toBe('mcli')
    expect(plan).toMatchObject({ gpus: 16, gpusPerNode: 8, sequenceLength: 2048, gradientAccumulationSteps: 8 })
    expect(plan.hardware.gpu).toBe('h100-sxm-80gb')
    expect(plan.parallelism).toMatchObject({ data: 'fsdp1', reshardAfterForward: true })
    expect(plan.precision.autocast).toBe(false)
  })

  test('the config that the command names in the clone, its arguments laid over', async () => {
    const command = `command: |
  cd llm-foundry/scripts
  composer train/train.py train/yamls/mpt.yaml \\
    max_duration=100ba train_loader.dataset.split=small
`
    const files = memoryFileSource(
      new Map([
        ['mcli/run.yaml', `${HEAD}${command}`],
        ['scripts/train/yamls/mpt.yaml', MPT],
      ]),
    )
    const session = new ReadSession(files, FORMAT_READERS)
    const document = await session.document('mcli/run.yaml')
    const reader = document && session.readerOf(document)
    expect(reader?.format).toBe('mcli')
    if (!document || !reader) return
    const { result } = await session.read(document, reader)
    expect(result.runs[0]?.draft['dataset.maxSteps']).toMatchObject({ value: 100, path: 'mcli/run.yaml', line: 7 })
    expect(result.runs[0]?.draft.gpus).toMatchObject({ value: 16, from: 'launch' })
    expect(result.runs[0]?.draft.sequenceLength).toMatchObject({ value: 2048 })
  })

  test('a command that only benchmarks inference is no run', async () => {
    const { format } = await readText(
      `${HEAD}command: |\n  cd llm-foundry/scripts\n  python benchmark.py yamls/1b.yaml\n`,
    )
    expect(format).toBeNull()
  })
})

test('LLM Foundry: an MPT from the Hub keeps the kernel that its own config is given', async () => {
  const text = (kernel: string): string => `max_duration: 1ep
max_seq_len: 1024
train_loader: {name: finetuning}
global_train_batch_size: 16
device_train_microbatch_size: 2
model: {name: hf_causal_lm, pretrained_model_name_or_path: mosaicml/mpt-7b, config_overrides: {attn_config: {attn_impl: ${kernel}}}}
`
  expect((await readText(text('triton'))).plan.attention).toBe('flash')
  expect((await readText(text('torch'))).plan.attention).toBe('eager')
})

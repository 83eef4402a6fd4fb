import { describe, expect, test } from '@jest/globals'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { readText } from './read-text.ts'

const BASE = `base_model: org/model-7b
datasets:
  - path: org/data
    type: alpaca
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 3
sequence_len: 2048
learning_rate: 2e-4
`

describe('Axolotl', () => {
  test('full fine-tuning holds 16-bit weights without a float32 copy', async () => {
    const { format, plan } = await readText(`${BASE}bf16: auto\nadapter:\n`)
    expect(format).toBe('axolotl')
    expect(plan.adapter).toBeNull()
    expect(plan.precision).toMatchObject({
      weights: 'bfloat16',
      gradients: 'bfloat16',
      optimizerStates: 'bfloat16',
      masterWeights: false,
    })
    expect(plan.gradientCheckpointing).toBe('none')
    expect(plan.dataset.names).toEqual(['org/data'])
  })

  test('a GPU without bfloat16 turns `auto` to float16', async () => {
    const { plan } = await readText(`${BASE}bf16: auto\n`, { facts: { bf16Supported: false } })
    expect(plan.precision).toMatchObject({ weights: 'float16', compute: 'float16' })
  })

  test('FSDP under mixed precision holds what trains in float32; version 1 without a version', async () => {
    const { plan } = await readText(
      `${BASE}bf16: true\nfsdp:\n  - full_shard\n  - auto_wrap\nfsdp_config:\n  fsdp_offload_params: true\n`,
    )
    expect(plan.parallelism).toMatchObject({ data: 'fsdp1', offload: 'parameters_and_optimizer', wrap: 'layers' })
    expect(plan.precision).toMatchObject({
      weights: 'float32',
      gradients: 'float32',
      optimizerStates: 'float32',
      compute: 'bfloat16',
    })
  })

  test('QLoRA quantizes twice; LoRA targets and rank are required', async () => {
    const qlora = `${BASE}adapter: qlora\nload_in_4bit: true\n`
    const complete = await readText(`${qlora}lora_r: 32\nlora_target_linear: true\n`)
    expect(complete.plan.quantization).toBe('nf4-double')
    expect(complete.plan.adapter).toMatchObject({ rank: 32, targetModules: 'all-linear', dtype: 'float32' })
    expect(complete.codes).toEqual([])
    expect((await readText(qlora)).codes).toEqual(['missing-key', 'missing-key'])
  })

  test('packing fills whole rows; without it batches are padded to their longest', async () => {
    const packed = await readText(`${BASE}sample_packing: true\nflash_attention: true\n`)
    expect(packed.plan).toMatchObject({
      packing: true,
      variableLength: false,
      attention: 'flash',
      microBatchSize: 2,
      sequenceLength: 2048,
    })
    expect((await readText(BASE)).plan).toMatchObject({
      packing: false,
      variableLength: true,
      dataset: { padding: 'longest' },
    })
  })

  test('a DeepSpeed file converts the module to 16 bit with float32 masters', async () => {
    const files = { 'ds/zero2.json': '{"zero_optimization": {"stage": 2}, "bf16": {"enabled": "auto"}}' }
    const { plan, provenance } = await readText(`${BASE}bf16: true\ndeepspeed: ds/zero2.json\n`, { files })
    expect(plan.parallelism.data).toBe('zero2')
    expect(plan.precision).toMatchObject({
      weights: 'bfloat16',
      masterWeights: true,
      optimizerStates: 'float32',
      autocast: false,
    })
    expect(provenance['parallelism.data']).toMatchObject({ from: 'launch', path: 'ds/zero2.json', line: 1 })
  })

  test('a companion that is missing is named, its stage read from the file name', async () => {
    const { plan, codes, provenance } = await readText(`${BASE}deepspeed: ds/zero3_bf16.json\n`)
    expect(codes).toContain('missing-companion')
    expect(plan.parallelism.data).toBe('zero3')
    expect(provenance['parallelism.data']?.from).toBe('assumed')
  })
})

test('unfrozen_parameters: names that a pattern matches from their start train, dots are literal', async () => {
  const { plan } = await readText(`base_model: org/model
datasets: [{ path: org/data, type: alpaca }]
micro_batch_size: 1
sequence_len: 512
unfrozen_parameters:
  - ^model.embed_tokens.weight$[:32000]
  - model.layers.[23].mlp
  - ^lm_head
`)
  expect(plan.freeze).toEqual({
    kind: 'trainable_patterns',
    patterns: ['^model\\.embed_tokens\\.weight$', 'model\\.layers\\.[23]\\.mlp', '^lm_head'],
  })
  const config = {
    model_type: 'llama',
    num_hidden_layers: 4,
    hidden_size: 8,
    intermediate_size: 16,
    num_attention_heads: 2,
    vocab_size: 100,
  }
  const { architecture } = readArchitecture(config, { name: 'tiny' })
  const trainable = architecture ? countModel(architecture, plan).counts.trainable : 0
  expect(trainable).toBe(100 * 8 + 2 * (3 * 8 * 16) + 8 * 100)
})

describe('float32 embeddings of full fine-tuning', () => {
  test.each([
    ['', 'float32'],
    ['sdp_attention: true', 'float32'],
    ['flash_attention: true', null],
    ['plugins: [axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin]', null],
    ['adapter: lora\nlora_r: 8\nlora_target_linear: true', null],
    ['fsdp_config: { fsdp_version: 2 }', null],
    ['deepspeed: { zero_optimization: { stage: 2 }, bf16: { enabled: true } }', null],
  ])('%j', async (lines, expected) => {
    expect((await readText(`${BASE}${lines}\n`)).plan.precision.outerWeights).toBe(expected)
  })
})

test('fp8 multiplies in 8 bit over the same weights', async () => {
  const { plan } = await readText(`${BASE}bf16: true\nfp8: true\nfsdp_config: { fsdp_version: 2 }\n`)
  expect(plan.precision).toMatchObject({ compute: 'float8', weights: 'bfloat16' })
})

test('four bits count only with adapter: qlora', async () => {
  const lora = `${BASE}adapter: lora\nload_in_4bit: true\nlora_r: 8\nlora_target_linear: true\n`
  expect((await readText(lora)).plan.quantization).toBe('none')
  expect((await readText(lora.replace('adapter: lora', 'adapter: qlora'))).plan.quantization).toBe('nf4-double')
})

test.each([
  // BASE has three epochs
  ['val_set_size: 0.1', null],
  ['val_set_size: 0.1\nevals_per_epoch: 2', 7],
  ['val_set_size: 0.1\neval_strategy: epoch', 4],
  ['val_set_size: 0.1\neval_steps: 0.5', 3],
  ['val_set_size: 0.1\nevals_per_epoch: 1\nnum_epochs: 1', null],
])('evaluations with %j', async (lines, times) => {
  const text = lines.includes('num_epochs') ? BASE.replace('num_epochs: 3\n', '') : BASE
  expect((await readText(`${text}${lines}\n`)).plan.evaluation?.timesTotal ?? null).toBe(times)
})

test.each([
  ['', null],
  ['model_type: AutoModelForCausalLM\nnum_labels: 5\n', null],
  ['model_type: AutoModelForSequenceClassification\nnum_labels: 5\n', 5],
  ['type_of_model: MistralForSequenceClassification\n', 2],
  ['model_type: AutoModelForSequenceClassification\nreward_model: true\n', null],
  ['process_reward_model: true\n', 2],
  ['process_reward_model: true\nmodel_type: AutoModelForTokenClassification\nnum_labels: 3\n', 3],
])('Axolotl: the class that loads the model says its head: %j', async (lines, labels) => {
  const { plan } = await readText(`${BASE}${lines}`)
  expect(plan.classificationLabels).toBe(labels)
})

test('linearised experts of Llama 4 are quantised with the other linear layers', async () => {
  const { plan } = await readText(
    `${BASE}adapter: qlora\nload_in_4bit: true\nlora_r: 8\nllama4_linearized_experts: true\n`,
  )
  expect(plan.quantizationDetails.quantizesExperts).toBe('linear')
})

describe('LoRA kernels', () => {
  const all = ['qkv', 'output', 'mlp']
  const lora = `${BASE}adapter: lora\nlora_r: 16\nlora_target_linear: true\n`
  const fsdp1 = 'fsdp_config:\n  state_dict_type: FULL_STATE_DICT\n'
  test.each([
    ['on when no key names one', '', {}, all],
    ['dropout keeps them from 0.16 on', 'lora_dropout: 0.05\n', {}, all],
    ['8 bit under LoRA turns them off', 'load_in_8bit: true\n', {}, []],
    ['remote code turns them off', 'trust_remote_code: true\n', {}, []],
    ['preference training turns them off', 'rl: dpo\n', {}, []],
    ['FSDP 1 turns them off on several GPUs', fsdp1, { gpus: 8 }, []],
    ['FSDP 2 does not', `fsdp_version: 2\n${fsdp1}`, { gpus: 8 }, all],
    ['a key that names one speaks for all', 'lora_mlp_kernel: true\nlora_o_kernel: false\n', {}, ['mlp']],
    ['not without `lora_dropout: 0` before 0.16', '', { libraries: { axolotl: '0.15.0' } }, []],
    ['with it they were on', 'lora_dropout: 0\n', { libraries: { axolotl: '0.15.0' } }, all],
    ['nor at all before 0.9.1', 'lora_dropout: 0\n', { libraries: { axolotl: '0.9.0' } }, []],
  ])('%s', async (_name, text, options, kernels) => {
    expect((await readText(lora + text, options)).plan.adapter?.kernels).toEqual(kernels)
  })
})

test.each([
  ['reward_model: true', 'reward'],
  // one answer with a label for each of its steps: no pairs
  ['process_reward_model: true', 'sft'],
])('Axolotl: %s trains a stage of %s', async (line, stage) => {
  expect((await readText(`${BASE}${line}\n`)).plan.stage).toBe(stage)
})

import { describe, expect, test } from '@jest/globals'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { readText } from './read-text.ts'

const AXOLOTL = `base_model: org/model
datasets: [{ path: org/data, type: alpaca }]
micro_batch_size: 2
gradient_accumulation_steps: 1
sequence_len: 4096
learning_rate: 1e-5
`
const LLAMA_FACTORY = `model_name_or_path: org/model
stage: sft
do_train: true
dataset: identity,alpaca_en
template: llama3
output_dir: out
learning_rate: 1e-5
`
const TRL = `model_name_or_path: org/model
dataset_name: org/data
output_dir: out
learning_rate: 1e-5
`
const SWIFT = `model: org/model
dataset: ['org/data#500']
split_dataset_ratio: 0.01
max_length: 2048
output_dir: out
`
const UNSLOTH = `model: org/model
data: { dataset: org/data }
training: { max_seq_length: 2048, max_steps: 0 }
lora: { lora_alpha: 16 }
`
const AUTOTRAIN = `task: llm-sft
base_model: org/model
project_name: p
backend: local
data: { path: org/data, column_mapping: { text_column: text } }
`
const ARGUMENTS = `model_name_or_path: org/model
output_dir: out
per_device_train_batch_size: 4
`
const VERL = `actor_rollout_ref: { model: { path: org/model } }
data: { train_batch_size: 64 }
`
const OPENRLHF = `model: { model_name_or_path: org/model }
ds: { zero_stage: 3 }
train: { batch_size: 64 }
`

const TINY_EXPERTS = {
  num_hidden_layers: 2,
  hidden_size: 64,
  intermediate_size: 32,
  moe_intermediate_size: 32,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_experts: 4,
  num_local_experts: 4,
  num_experts_per_tok: 2,
  vocab_size: 128,
}
const FLOAT32_STATES = { weights: 'float32', gradients: 'float32', optimizerStates: 'float32', masterWeights: false }
const BFLOAT16_STATES = {
  weights: 'bfloat16',
  gradients: 'bfloat16',
  optimizerStates: 'bfloat16',
  masterWeights: false,
}

describe('defaults that differ between trainers', () => {
  test('1: TRL loads float32 without dtype, for LoRA too; torch_dtype counts as dtype', async () => {
    expect((await readText(TRL)).plan.precision).toMatchObject({
      ...FLOAT32_STATES,
      compute: 'bfloat16',
      autocast: true,
    })
    const qlora = await readText(`${TRL}use_peft: true\nload_in_4bit: true\n`)
    expect(qlora.plan.precision.weights).toBe('float32')
    expect(qlora.plan.quantizationDetails.computeDtype).toBe('float32')
    expect((await readText(`${TRL}torch_dtype: bfloat16\n`)).plan.precision.weights).toBe('bfloat16')
  })

  test('1: versions before 0.27 load as transformers does', async () => {
    const old = { trl: '0.26.0', transformers: '4.57.6' }
    expect((await readText(TRL, { libraries: old })).plan.precision.weights).toBe('float32')
    const recent = await readText(TRL, { libraries: { trl: '0.26.0', transformers: '5.2.0' } })
    expect(recent.plan.precision.weights).toBe('bfloat16')
  })

  test('2: LLaMA-Factory upcasts what trains unless pure_bf16 or ZeRO-3', async () => {
    const full = `${LLAMA_FACTORY}finetuning_type: full\n`
    expect((await readText(`${full}bf16: true\n`)).plan.precision).toMatchObject({
      ...FLOAT32_STATES,
      compute: 'bfloat16',
    })
    expect((await readText(`${full}pure_bf16: true\n`)).plan.precision).toMatchObject({
      ...BFLOAT16_STATES,
      autocast: false,
    })
    const files = { 'ds_z3.json': '{"zero_optimization": {"stage": 3}, "bf16": {"enabled": "auto"}}' }
    const zero3 = await readText(`${full}bf16: true\ndeepspeed: ds_z3.json\n`, { files })
    expect(zero3.plan.precision).toMatchObject({ weights: 'bfloat16', gradients: 'bfloat16', masterWeights: true })
  })

  test('3: Axolotl and ms-swift train fully in bfloat16 without a float32 copy', async () => {
    expect((await readText(AXOLOTL)).plan.precision).toMatchObject(BFLOAT16_STATES)
    expect((await readText(`${SWIFT}tuner_type: full\n`)).plan.precision).toMatchObject(BFLOAT16_STATES)
  })

  test('4: FSDP with mixed precision turns that into sharded float32; without it everything stays', async () => {
    const fsdp = 'fsdp_config: { fsdp_version: 2 }\n'
    const first = 'fsdp_config: { fsdp_version: 1 }\n'
    expect((await readText(`${AXOLOTL}bf16: true\n${first}`)).plan.precision).toMatchObject(FLOAT32_STATES)
    // Axolotl's own fsdp2_prepare_model lifts nothing.
    expect((await readText(`${AXOLOTL}bf16: true\n${fsdp}`)).plan.precision).toMatchObject(BFLOAT16_STATES)
    const pure = await readText(`${AXOLOTL}bfloat16: true\n${fsdp}`)
    expect(pure.plan.precision).toMatchObject(BFLOAT16_STATES)
    expect(pure.plan.parallelism.data).toBe('fsdp2')
  })

  test.each([
    ['Axolotl', AXOLOTL, 'none', false],
    ['TrainingArguments', ARGUMENTS, 'none', false],
    ['TRL', TRL, 'full', false],
    ['LLaMA-Factory', LLAMA_FACTORY, 'full', false],
    ['ms-swift', SWIFT, 'full', false],
    ['autotrain', AUTOTRAIN, 'full', false],
    ['Unsloth', UNSLOTH, 'full', true],
    ['verl', VERL, 'full', false],
    ['OpenRLHF', OPENRLHF, 'none', false],
  ])('5: checkpointing of %s', async (_name, text, checkpointing, offload) => {
    const { plan } = await readText(text)
    expect(plan.gradientCheckpointing).toBe(checkpointing)
    expect(plan.activationOffload).toBe(offload)
  })

  test('5: TRL before 0.22 does not checkpoint', async () => {
    expect((await readText(TRL, { libraries: { trl: '0.21.0' } })).plan.gradientCheckpointing).toBe('none')
  })

  test('6: adapter targets when none are named', async () => {
    expect((await readText(`${TRL}use_peft: true\n`)).plan.adapter?.targetModules).toBe('default')
    expect((await readText(LLAMA_FACTORY)).plan.adapter?.targetModules).toBe('all-linear')
    expect((await readText(SWIFT)).plan.adapter?.targetModules).toBe('all-linear')
    expect((await readText(UNSLOTH)).plan.adapter?.targetModules).toHaveLength(7)
    expect((await readText(`${AUTOTRAIN}params: { peft: true }\n`)).plan.adapter?.targetModules).toBe('all-linear')
    expect((await readText(`${AXOLOTL}adapter: lora\nlora_r: 8\n`)).codes).toEqual(['missing-key'])
  })

  test.each([
    ['TRL', `${TRL}use_peft: true\n`, 16, 'peft'],
    ['LLaMA-Factory', LLAMA_FACTORY, 8, 'llama-factory'],
    ['ms-swift', SWIFT, 8, 'ms-swift'],
    ['Unsloth', UNSLOTH, 64, 'unsloth'],
    ['autotrain', `${AUTOTRAIN}params: { peft: true }\n`, 16, 'peft'],
  ])('7: rank of %s without its key; alpha changes no memory', async (_name, text, rank, targetRule) => {
    const { plan, codes } = await readText(text)
    expect(plan.adapter).toMatchObject({ type: 'lora', rank, targetRule, dtype: 'float32' })
    expect(codes).toEqual([])
  })

  test('8: only Unsloth quantizes by default; autotrain does with peft', async () => {
    expect((await readText(UNSLOTH)).plan.quantization).not.toBe('none')
    expect((await readText(AUTOTRAIN)).plan.quantization).toBe('none')
    expect((await readText(`${AUTOTRAIN}params: { peft: true }\n`)).plan.quantization).toBe('nf4')
    for (const text of [TRL, LLAMA_FACTORY, SWIFT, AXOLOTL])
      expect((await readText(text)).plan.quantization).toBe('none')
  })

  test('9: double quantization', async () => {
    const axolotl = `${AXOLOTL}adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_target_linear: true\n`
    expect((await readText(axolotl)).plan.quantization).toBe('nf4-double')
    expect((await readText(`${LLAMA_FACTORY}quantization_bit: 4\n`)).plan.quantization).toBe('nf4-double')
    expect((await readText(`${SWIFT}quant_method: bnb\nquant_bits: 4\n`)).plan.quantization).toBe('nf4-double')
    const trl = `${TRL}use_peft: true\nload_in_4bit: true\n`
    expect((await readText(trl)).plan.quantization).toBe('nf4')
    expect((await readText(`${trl}use_bnb_nested_quant: true\n`)).plan.quantization).toBe('nf4-double')
  })

  test('10: a packed Axolotl batch holds micro-batch × sequence tokens', async () => {
    const { plan } = await readText(`${AXOLOTL}sample_packing: true\nflash_attention: true\n`)
    expect(plan.microBatchSize * plan.sequenceLength).toBe(8192)
    expect(plan).toMatchObject({ packing: true, variableLength: false, dataset: { padding: 'none' } })
  })

  test('11: batches are padded to their longest where nothing else is set', async () => {
    for (const text of [AXOLOTL, TRL, LLAMA_FACTORY, SWIFT])
      expect((await readText(text)).plan).toMatchObject({ variableLength: true, dataset: { padding: 'longest' } })
    const { provenance } = await readText(LLAMA_FACTORY)
    expect(provenance.variableLength?.note).toContain('rounded up to 8')
    expect((await readText(AXOLOTL)).provenance.variableLength?.note).toContain('rounded up to 64')
  })

  test('12: Axolotl evaluates once more, at the start', async () => {
    const { plan } = await readText(`${AXOLOTL}num_epochs: 2\nval_set_size: 0.05\nevals_per_epoch: 4\n`)
    expect(plan.evaluation).toEqual({ everySteps: null, timesTotal: 9, microBatchSize: 2, samples: null, share: 0.05 })
  })

  test.each([
    [1, 16],
    [4, 4],
    [32, 1],
  ])('13: ms-swift accumulates by the number of GPUs: %i', async (gpus, steps) => {
    const accelerate = `compute_environment: LOCAL_MACHINE\ndistributed_type: MULTI_GPU\nnum_processes: ${gpus}\nnum_machines: 1\n`
    const { plan } = await readText(`${SWIFT}accelerate_config: acc.yaml\n`, { files: { 'acc.yaml': accelerate } })
    expect(plan.gpus).toBe(gpus)
    expect(plan.gradientAccumulationSteps).toBe(steps)
  })

  test('14: num_processes counts all machines', async () => {
    const accelerate = 'distributed_type: MULTI_GPU\nnum_machines: 2\nnum_processes: 16\nmixed_precision: bf16\n'
    const { plan, provenance } = await readText(`${TRL}accelerate_config: acc.yaml\n`, {
      files: { 'acc.yaml': accelerate },
    })
    expect(plan).toMatchObject({ gpus: 16, gpusPerNode: 8, parallelism: { data: 'ddp' } })
    expect(provenance.gpus).toMatchObject({ from: 'launch', path: 'acc.yaml', line: 3 })
  })

  test('15: FSDP without a version', async () => {
    expect((await readText(`${AXOLOTL}fsdp_config: { offload_params: true }\n`)).plan.parallelism.data).toBe('fsdp1')
    const trainer = await readText(`${ARGUMENTS}fsdp: full_shard auto_wrap\nbf16: true\n`)
    expect(trainer.plan.parallelism.data).toBe('fsdp2')
    const accelerate =
      'distributed_type: FSDP\nmixed_precision: bf16\nnum_processes: 8\nfsdp_config: { fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP }\n'
    const launched = await readText(`${TRL}accelerate_config: acc.yaml\n`, { files: { 'acc.yaml': accelerate } })
    expect(launched.plan.parallelism).toMatchObject({ data: 'fsdp1', wrap: 'layers' })
  })

  test('16: DPO counts pairs once; full DPO needs a second model', async () => {
    const full = await readText(`${TRL}beta: 0.1\nloss_type: sigmoid\nper_device_train_batch_size: 4\n`)
    expect(full.plan).toMatchObject({ stage: 'dpo', microBatchSize: 4, reinforcement: { referenceModel: 'separate' } })
    const lora = await readText(`${TRL}beta: 0.1\nloss_type: sigmoid\nuse_peft: true\n`)
    expect(lora.plan.reinforcement?.referenceModel).toBe('shared')
    const factory = `${LLAMA_FACTORY.replace('stage: sft', 'stage: dpo')}`
    expect((await readText(`${factory}finetuning_type: full\n`)).plan.reinforcement?.referenceModel).toBe('separate')
    expect((await readText(`${factory}pref_loss: orpo\n`)).plan).toMatchObject({
      stage: 'orpo',
      reinforcement: { referenceModel: 'none' },
    })
  })

  test('17: experts stay unquantized unless a key says so', async () => {
    const qlora = `${AXOLOTL}adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_target_modules: [q_proj]\n`
    expect((await readText(qlora)).plan.quantizationDetails.quantizesExperts).toBe('none')
    expect((await readText(`${qlora}quantize_moe_experts: true\n`)).plan.quantizationDetails.quantizesExperts).toBe(
      'stacks',
    )
    const parameters = await readText(`${qlora}lora_target_parameters: [mlp.experts.gate_up_proj]\n`)
    expect(parameters.plan.adapter?.targetParameters).toEqual(['mlp.experts.gate_up_proj'])
  })

  test.each([
    // gate_up gets twice the rank, as [experts, in, 2 × width]; the router is not named
    ['qwen3_moe', '[gate_proj, up_proj, down_proj]', 2 * 4 * (16 * (64 + 2 * 32) + 8 * (32 + 64))],
    // no rewrite for this type: nothing is called so
    ['gpt_oss', '[gate_proj]', 0],
  ])('17: fused experts of %s under %s', async (type, targets, expected) => {
    const text = `${AXOLOTL}adapter: lora\nlora_r: 8\nlora_target_modules: ${targets}\n`
    const { plan } = await readText(text)
    const { architecture } = readArchitecture({ ...TINY_EXPERTS, model_type: type }, { name: type })
    expect(architecture ? countModel(architecture, plan).counts.adapter : -1).toBe(expected)
  })

  test.each(['adapter: ""', 'adapter:', 'adapter: null'])('18: `%s` trains everything', async line => {
    expect((await readText(`${AXOLOTL}${line}\nload_in_8bit: true\nlora_r: 8\n`)).plan).toMatchObject({
      adapter: null,
      quantization: 'none',
    })
  })

  test('19: LLaMA-Factory’s switch is disable_gradient_checkpointing', async () => {
    expect((await readText(`${LLAMA_FACTORY}gradient_checkpointing: false\n`)).plan.gradientCheckpointing).toBe('full')
    expect((await readText(`${LLAMA_FACTORY}disable_gradient_checkpointing: true\n`)).plan.gradientCheckpointing).toBe(
      'none',
    )
  })

  test('20: -1 and 0 steps mean that the epochs count', async () => {
    expect((await readText(`${TRL}max_steps: -1\nnum_train_epochs: 2\n`)).plan.dataset).toMatchObject({
      maxSteps: null,
      epochs: 2,
    })
    expect((await readText(UNSLOTH)).plan.dataset.maxSteps).toBeNull()
    expect((await readText(`${TRL}max_steps: 30\n`)).plan.dataset.maxSteps).toBe(30)
  })
})

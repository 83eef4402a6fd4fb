import { expect, test } from '@jest/globals'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { readText } from './read-text.ts'

/**
 * The tables of keys do not claim more than the readers do: each key changes the plan of at least one of these runs, or is told
 * in a finding. What a key needs beside it is in the runs.
 */
interface Format {
  readonly base: string
  /** Lines that are added, each a run of its own. */
  readonly beside: readonly string[]
  /** Keys that name what another key of the runs names already, or only the format itself. */
  readonly shadowed?: readonly string[]
}

const TRAINER_RUNS = [
  'gradient_checkpointing: true\n',
  'eval_strategy: steps\n',
  'eval_steps: 10\n',
  'use_liger_kernel: true\n',
  'fsdp: full_shard\nbf16: true\n',
]
const FORMATS: Readonly<Record<string, Format>> = {
  axolotl: {
    base: 'base_model: org/model\ndatasets: [{ path: org/data, type: alpaca }]\nmicro_batch_size: 2\nsequence_len: 4096\nlearning_rate: 1e-5\n',
    beside: [
      'adapter: lora\nlora_r: 8\nlora_target_linear: true\n',
      'adapter: lora\nlora_r: 8\nlora_target_modules: [q_proj]\n',
      'adapter: qlora\nload_in_4bit: true\nlora_r: 8\nlora_target_linear: true\n',
      'adapter: qlora\nlora_r: 8\nlora_target_linear: true\n',
      'bf16: false\n',
      'flash_attention: true\n',
      'val_set_size: 0.1\nevals_per_epoch: 2\n',
      'val_set_size: 0.1\neval_steps: 20\n',
      'evals_per_epoch: 4\n',
      'rl: grpo\n',
      'rl: dpo\nadapter: lora\nlora_r: 8\nlora_target_linear: true\n',
      'fsdp_config: { offload_params: true }\n',
      'model_type: AutoModelForSequenceClassification\n',
      'dp_shard_size: 2\n',
    ],
    // the default itself
    shadowed: ['sdp_attention', 'lora_model_dir', 'dp_replicate_size'],
  },
  'llama-factory': {
    base: 'model_name_or_path: org/model\nstage: sft\ndo_train: true\ndataset: identity\ntemplate: llama3\noutput_dir: out\nlearning_rate: 1e-5\n',
    beside: [
      ...TRAINER_RUNS,
      'finetuning_type: full\n',
      'finetuning_type: freeze\n',
      'stage: dpo\n',
      'quantization_bit: 4\n',
      'finetuning_type: full\nbf16: true\n',
      'eval_strategy: steps\nval_size: 0.1\n',
      'finetuning_type: full\nuse_galore: true\n',
      'finetuning_type: full\nuse_apollo: true\n',
    ],
    shadowed: ['gradient_checkpointing', 'adapter_name_or_path', 'dataset_dir', 'ref_model', 'reward_model'],
  },
  trl: {
    base: 'model_name_or_path: org/model\ndataset_name: org/data\noutput_dir: out\nlearning_rate: 1e-5\n',
    beside: [
      ...TRAINER_RUNS,
      'use_peft: true\n',
      'use_peft: true\nload_in_4bit: true\n',
      'loss_type: sigmoid\n',
      'reward_funcs: [accuracy]\n',
      'reward_funcs: [accuracy]\nuse_vllm: true\n',
    ],
    shadowed: ['datasets'],
  },
  'ms-swift': {
    base: "model: org/model\ndataset: ['org/data#500']\nlearning_rate: 1e-4\noutput_dir: out\n",
    beside: [
      ...TRAINER_RUNS.map(lines => `tuner_type: lora\n${lines}`),
      'tuner_type: full\n',
      'sft_type: full\n',
      'train_type: full\n',
      'tuner_type: lora\nquant_method: bnb\nquant_bits: 4\n',
      'tuner_type: full\nfreeze_parameters_ratio: 1\n',
      'tuner_type: full\nuse_galore: true\n',
      'tuner_type: full\nsplit_dataset_ratio: 0.1\n',
      'tuner_type: full\nsplit_dataset_ratio: 0.1\neval_strategy: steps\n',
      'tuner_type: lora\nrlhf_type: grpo\n',
      'tuner_type: lora\nrlhf_type: ppo\n',
      'tuner_type: lora\nrlhf_type: grpo\nuse_vllm: true\n',
      'tuner_type: full\ntorch_dtype: float32\n',
      'tuner_type: full\nmicro_batch_size: 2\n',
      'tuner_type: full\nmicro_batch_size: 2\ntensor_model_parallel_size: 2\n',
      'tuner_type: full\nmicro_batch_size: 2\nfp16: true\nuse_precision_aware_optimizer: true\n',
      'tuner_type: full\nmicro_batch_size: 2\nfp8_format: hybrid\n',
      'tuner_type: full\nmicro_batch_size: 2\nuse_megatron_fsdp: true\n',
      'tuner_type: full\nmicro_batch_size: 2\nuse_precision_aware_optimizer: true\n',
      'tuner_type: full\nmicro_batch_size: 2\nuse_precision_aware_optimizer: true\nexp_avg_dtype: bf16\n',
      'tuner_type: full\nmicro_batch_size: 2\nuse_precision_aware_optimizer: true\nexp_avg_sq_dtype: bf16\n',
    ],
    shadowed: ['model_id_or_path', 'model_type', 'fp4_recipe'],
  },
  transformers: {
    base: 'model_name_or_path: org/model\noutput_dir: out\nper_device_train_batch_size: 2\n',
    beside: [
      ...TRAINER_RUNS,
      'use_lora: true\n',
      'bits: 4\n',
      'source_max_len: 9\ntarget_max_len: 9\n',
      'max_source_length: 9\nmax_target_length: 9\n',
    ],
    shadowed: ['per_gpu_train_batch_size', 'model_name', 'model_id', 'base_model', 'model'],
  },
  torchtune: {
    base: 'model: {_component_: torchtune.models.llama3_1.llama3_1_8b}\ntokenizer: {max_seq_len: 2048}\ndataset: {_component_: torchtune.datasets.alpaca_dataset}\noptimizer: {_component_: torch.optim.AdamW}\nbatch_size: 2\nepochs: 1\n',
    beside: [
      'ac_mode: selective\n',
      'run_val_every_n_steps: 10\n',
      'loss: {_component_: torchtune.rlhf.loss.PPOLoss}\nppo_batch_size: 2\nnum_steps: 100\n',
      'loss: {_component_: torchtune.dev.grpo.loss.GRPOSimpleLoss}\n',
    ],
  },
}

/** One of these shows most keys … */
const VALUES = ['true', '1', '2', 'false', '16', 'org/other', 'bfloat16', 'bf16', 'fp16', 'float32', '[q_proj]']
/** … and what only words of their own show. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  accelerate_config: ['zero3'],
  accelerator_config: ['{ gradient_accumulation_kwargs: { sync_each_batch: true } }'],
  attention_backend: ['unfused'],
  attn_implementation: ['eager'],
  bnb_4bit_quant_type: ['fp4'],
  bnb_config_kwargs: ['{ bnb_4bit_use_double_quant: false }'],
  config_file: ['zero3'],
  custom_sharded_layers: ['[tok_embeddings, output]'],
  data_parallel_sharding_strategy: ['optim'],
  deepspeed: ['{ zero_optimization: { stage: 3 } }', 'zero3'],
  fp4_format: ['e2m1'],
  fp8_recipe: ['mxfp8'],
  fsdp: ['full_shard'],
  fsdp_config: ['{ version: 1 }', '{ version: 2, activation_checkpointing: true }'],
  gradient_checkpointing_kwargs: ['{ use_reentrant: true }', '{ use_reentrant: false }'],
  liger_kernel_config: ['{ fused_linear_cross_entropy: false }'],
  lora_rank_pattern: ['{ q_proj: 4 }'],
  moe_token_dispatcher_type: ['flex'],
  optim: ['adafactor', 'sgd'],
  optim_args: ['"rank=64"'],
  plugins: ['[axolotl.integrations.cut_cross_entropy.CutCrossEntropyPlugin]'],
  pref_loss: ['orpo'],
  quant_method: ['fp8'],
  quant_type: ['fp4'],
  quantization_type: ['fp4'],
  quantization_method: ['hqq'],
  task_type: ['seq_cls'],
  train_mode: ['lora'],
  train_sampling_strategy: ['group_by_length'],
  training_mode: ['qlora'],
  trl: ['{ num_generations: 4 }'],
  type_of_model: ['AutoModelForSequenceClassification'],
  vllm_mode: ['server', 'colocate'],
}

const SEEN = new Map<string, Promise<string>>()

function seenOnce(text: string): Promise<string> {
  const known = SEEN.get(text) ?? seen(text)
  SEEN.set(text, known)
  return known
}

/** A model with a vision tower, so that freezing one shows. */
async function seen(text: string): Promise<string> {
  const { plan, provenance, findings } = await readText(text, { gpus: 8, facts: { hasVision: true } })
  const told = findings.filter(({ code }) => code === 'unsupported-option').map(({ message }) => message)
  return JSON.stringify([plan, provenance.model, told])
}

/** `a.b: value` as nested mappings in flow style. */
function written(key: string, value: string): string {
  const [last = '', ...parents] = key.split('.').toReversed()
  return `${parents.reduce((inner, parent) => `${parent}: { ${inner} }`, `${last}: ${value}`)}\n`
}

interface Probe {
  readonly lines: string
  readonly value: string
}

/** Whether a run of the format reads otherwise with the key; `probes` is kept with what showed most lately in front. */
async function hasEffect(key: string, base: string, besides: readonly string[], probes: Probe[]): Promise<boolean> {
  const own = (WORDS[key] ?? []).flatMap(value => besides.map(lines => ({ lines, value })))
  for (const { lines, value } of [...own, ...probes]) {
    const run = `${base}${lines}`.replace(new RegExp(`^${key}:.*\n`, 'm'), '')
    if ((await seen(`${run}${written(key, value)}`)) === (await seenOnce(`${base}${lines}`))) continue
    const index = probes.findIndex(probe => probe.lines === lines && probe.value === value)
    if (index > 0) probes.unshift(...probes.splice(index, 1))
    return true
  }
  return false
}

test.each(Object.keys(FORMATS))('%s: each key of the table does something', async name => {
  const format = FORMATS[name]
  if (!format) throw new Error('the format is in the table')
  const keys = FORMAT_READERS.find(reader => reader.format === name)?.keys?.flatMap(({ key }) => key.split(', ')) ?? []
  const plain = [...new Set(keys)].filter(key => /^[a-z][\w.]*$/.test(key) && !format.shadowed?.includes(key))
  const dead: string[] = []
  const besides = ['', ...format.beside]
  const probes = VALUES.flatMap(value => besides.map(lines => ({ lines, value })))
  for (const key of plain) if (!(await hasEffect(key, format.base, besides, probes))) dead.push(key)
  expect(plain.length).toBeGreaterThan(20)
  expect(dead).toEqual([])
})

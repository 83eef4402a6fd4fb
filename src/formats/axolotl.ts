import { applyEngine, type Engine } from '../launch/engine.ts'
import { fsdpWords, readFsdp } from '../launch/fsdp.ts'
import { withParallelGpus } from '../launch/parallel-gpus.ts'
import { type Libraries, versionDefault } from '../launch/version-defaults.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan, GradientCheckpointing, ReinforcementPlan } from '../plan/training-plan.ts'
import type { AttentionKernel, Quantization, Stage, StorageDtype } from '../plan/vocabulary.ts'
import { type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { accelerateOf, type CompanionScope, deepSpeedOf, peftAdapterOf } from './hugging-face/companions.ts'
import { type MixedPrecision, PEFT_ADAPTER_DTYPE, precisionDraft } from './hugging-face/precision.ts'
import { datasetNames, hubModel } from './hugging-face/references.ts'
import {
  readAttention,
  readCheckpointing,
  readCheckpointingOptions,
  readOptimizer,
} from './hugging-face/transformers-arguments.ts'
import {
  applyRows,
  describedKey,
  fixed,
  flag,
  formatKeys,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
  setKey,
} from './key-rows.ts'
import type { FormatReader, RunDraft } from './reader.ts'

const SCHEMA = 'axolotl 0.18 utils/schemas/config.py'
const MODEL_SCHEMA = 'axolotl 0.18 utils/schemas/model.py'
const PEFT_SCHEMA = 'axolotl 0.18 utils/schemas/peft.py'
const TRAINING_SCHEMA = 'axolotl 0.18 utils/schemas/training.py'

const ROWS: readonly KeyRow[] = [
  keyRow({
    key: 'sequence_len',
    plan: 'sequenceLength',
    read: positive,
    fallback: fixed(512, `${SCHEMA}: 512`),
    default: '512',
    source: SCHEMA,
  }),
  keyRow({
    key: 'micro_batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(1, `${TRAINING_SCHEMA}: 1`),
    default: '1',
    source: TRAINING_SCHEMA,
  }),
  keyRow({
    key: 'num_epochs',
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(1, `${TRAINING_SCHEMA}: 1.0`),
    default: '1',
    source: TRAINING_SCHEMA,
  }),
  keyRow({
    key: 'max_steps',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    fallback: fixed(null, `${TRAINING_SCHEMA}: computed from the data`),
    default: 'from the data',
    source: TRAINING_SCHEMA,
  }),
  keyRow({
    key: 'sample_packing',
    plan: 'packing',
    read: flag,
    fallback: fixed(false, `${SCHEMA}: off`),
    default: 'off',
    source: SCHEMA,
  }),
  keyRow({
    key: 'gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: fixed<GradientCheckpointing>('none', `${SCHEMA}: False`),
    default: 'False',
    source: SCHEMA,
  }),
  keyRow({
    key: 'group_by_length',
    plan: 'dataset.lengthGrouped',
    read: flag,
    fallback: fixed(false, `${TRAINING_SCHEMA}: off`),
    default: 'off',
    source: TRAINING_SCHEMA,
  }),
  keyRow({
    key: ['context_parallel_size', 'sequence_parallel_degree'],
    plan: 'parallelism.context',
    read: positive,
    fallback: fixed(1, `${SCHEMA}: 1`),
    default: '1',
    source: SCHEMA,
  }),
  keyRow({
    key: 'tensor_parallel_size',
    plan: 'parallelism.tensor',
    read: positive,
    fallback: fixed(1, `${SCHEMA}: 1`),
    default: '1',
    source: SCHEMA,
  }),
  keyRow({
    key: 'expert_parallel_size',
    plan: 'parallelism.expert',
    read: positive,
    fallback: fixed(1, `${SCHEMA}: 1`),
    default: '1',
    source: SCHEMA,
  }),
  keyRow({ key: 'dp_shard_size', plan: 'parallelism.shardSize', read: positive, default: 'all ranks', source: SCHEMA }),
  keyRow({
    key: 'quantize_moe_experts',
    plan: 'quantizationDetails.quantizesExperts',
    read: flag,
    fallback: fixed(false, `${SCHEMA}: False`),
    default: 'False',
    source: SCHEMA,
  }),
  describedKey('base_model, revision_of_model', 'model', 'required', MODEL_SCHEMA),
  describedKey(
    'gradient_accumulation_steps, batch_size',
    'gradientAccumulationSteps (batch_size ÷ micro_batch_size)',
    '1',
    TRAINING_SCHEMA,
  ),
  describedKey('bf16, fp16, bfloat16, float16, float32', 'precision', 'bf16: auto', SCHEMA),
  describedKey('tf32', 'precision.compute tf32 when nothing is 16 bit', 'auto since 0.16', SCHEMA),
  describedKey('adapter', 'adapter.type; empty or null trains everything', 'none (full fine-tuning)', PEFT_SCHEMA),
  describedKey(
    'load_in_4bit, load_in_8bit, bnb_config_kwargs, gptq',
    'quantization; nf4-double for qlora with 4 bit',
    'False; double quantization on',
    'axolotl 0.18 loaders/model.py',
  ),
  describedKey(
    'lora_r, lora_dropout',
    'adapter.rank, adapter.dropout',
    'lora_r is required with an adapter',
    PEFT_SCHEMA,
  ),
  describedKey(
    'lora_target_modules, lora_target_linear',
    'adapter.targetModules',
    'required with an adapter',
    PEFT_SCHEMA,
  ),
  describedKey(
    'lora_target_parameters, lora_modules_to_save, peft_layers_to_transform, lora_rank_pattern',
    'adapter',
    'none',
    PEFT_SCHEMA,
  ),
  describedKey('unfrozen_parameters', 'freeze', 'everything trains', SCHEMA),
  describedKey('optimizer', 'optimizer', 'adamw_torch_fused since 0.8', TRAINING_SCHEMA),
  describedKey(
    'gradient_checkpointing_kwargs',
    'checkpointingReentrant',
    'use_reentrant True for SFT',
    'axolotl 0.18 utils/config/__init__.py',
  ),
  describedKey('activation_offloading', 'activationOffload', 'False', SCHEMA),
  describedKey(
    'attn_implementation, flash_attention, sdp_attention, xformers_attention, flex_attention, sage_attention, eager_attention',
    'attention',
    'sdpa',
    MODEL_SCHEMA,
  ),
  describedKey(
    'plugins, cut_cross_entropy, liger_*, chunked_cross_entropy',
    'loss and fusedKernels',
    'full logits',
    'axolotl 0.18 integrations',
  ),
  describedKey(
    'pad_to_sequence_len',
    'dataset.padding and variableLength',
    'True with packing, else longest rounded up to 64',
    SCHEMA,
  ),
  describedKey(
    'val_set_size, test_datasets, evals_per_epoch, eval_steps, eval_strategy, eval_batch_size',
    'evaluation',
    'none',
    TRAINING_SCHEMA,
  ),
  describedKey(
    'save_strategy, save_steps, saves_per_epoch, save_only_model',
    'checkpoints',
    'once per epoch',
    TRAINING_SCHEMA,
  ),
  describedKey(
    'rl, reward_model, trl, rl_adapter_ref_model',
    'stage and reinforcement',
    'sft',
    'axolotl 0.18 utils/schemas/trl.py',
  ),
  describedKey('deepspeed', 'parallelism, precision', 'none', SCHEMA),
  describedKey(
    'fsdp, fsdp_config, fsdp_version',
    'parallelism, precision; version 1 without fsdp_version',
    'none',
    'axolotl 0.18 utils/schemas/fsdp.py',
  ),
  describedKey('datasets, pretraining_dataset', 'dataset.names', 'required', 'axolotl 0.18 utils/schemas/datasets.py'),
  describedKey('torch_compile', 'compile', 'off', SCHEMA),
]

const STRONG_KEYS = [
  'sequence_len',
  'micro_batch_size',
  'adapter',
  'sample_packing',
  'num_epochs',
  'val_set_size',
  'dataset_prepared_path',
  'lora_r',
  'rl',
  'plugins',
]

export const axolotlReader: FormatReader = {
  format: 'axolotl',
  keys: formatKeys(ROWS),
  recognise: document => document.roots.some(isAxolotl),
  async read(document, context) {
    const runs: RunDraft[] = []
    const matching = document.roots.filter(isAxolotl)
    for (const root of matching.length > 0 ? matching : document.roots.slice(0, 1)) {
      const findings: Finding[] = []
      const fields = new Fields({ node: root, findings })
      const draft = await readAxolotl(fields, { document, context, findings })
      runs.push({ name: null, draft, findings })
    }
    return { runs, findings: [] }
  },
}

function isAxolotl(root: ConfigNode): boolean {
  if (!hasKeys(root, 'base_model') || hasKeys(root, 'project_name', 'task')) return false
  if (hasKeys(root, 'finetuning_type')) return false
  return (
    hasAnyKey(root, 'datasets', 'pretraining_dataset', 'test_datasets', 'dataset_prepared_path') &&
    hasAnyKey(root, ...STRONG_KEYS)
  )
}

/** Settings of `axolotl train`, from a file or a command line. */
export async function readAxolotl(fields: Fields, scope: CompanionScope): Promise<PlanDraft> {
  const { libraries } = scope.context
  const draft = applyRows(ROWS, fields, libraries)
  const own = readAdapter(fields, scope.findings)
  const adapter = trains(own) ? { ...own, ...(await peftAdapterOf(fields, scope, 'lora_model_dir')) } : own
  const mixed = readPrecision(fields)
  const optimizer = readOptimizer(fields, ['optimizer'], versionDefault('axolotl.optimizer', libraries))
  const stage = readStage(fields)
  Object.assign(
    draft,
    { framework: byDefault('axolotl', 'the format'), libraries: byDefault(libraries, 'the repository'), stage },
    hubModel(fields, ['base_model'], ['revision_of_model', 'revision'], scope.findings),
    { 'dataset.names': datasetNames(fields, ['datasets', 'pretraining_dataset']) },
    readAccumulation(fields),
    readWorldSize(fields),
    adapter,
    precisionOf(fields, mixed, adapter, libraries),
    optimizer,
    readActivations(fields, adapter, draft),
    readLoss(fields),
    readSequence(fields, draft),
    { evaluation: readEvaluationPlan(fields, draft), checkpoints: readCheckpointPlan(fields) },
    stage.value === 'sft' || stage.value === 'pretrain'
      ? {}
      : { reinforcement: readReinforcement(fields, adapter, stage, libraries) },
  )
  const compile = fields.raw('torch_compile')?.scalar
  if (compile !== undefined) draft.compile = fields.sourced('torch_compile', compile === true || compile === 'auto')
  const engine = await engineOf(fields, scope)
  return withParallelGpus(engine ? applyEngine(draft, engine) : draft)
}

async function engineOf(fields: Fields, scope: CompanionScope): Promise<Engine | null> {
  const deepspeed = await deepSpeedOf(fields, scope)
  if (deepspeed) return deepspeed
  const words = fsdpWords(fields, 'fsdp')
  const block = fields.raw('fsdp_config')
  const config = block?.kind === 'mapping' && block.entries.size > 0 ? fields.mapping('fsdp_config') : undefined
  if (words === null && config === undefined) return accelerateOf(fields, scope, ['accelerate_config'])
  const top = fields.isSet('fsdp_version') ? fields.integer('fsdp_version', { min: 1, max: 2 }) : undefined
  const version = top ?? byDefault(1, 'axolotl 0.18: fsdp_version 1 is set when the key is absent')
  const wrap = byDefault<'layers' | 'root'>('layers', 'transformers: TRANSFORMER_BASED_WRAP with _no_split_modules')
  return readFsdp({ config, words, defaults: { version, wrap } })
}

function readStage(fields: Fields): Sourced<Stage> {
  const names: Readonly<Record<string, Stage>> = {
    dpo: 'dpo',
    ipo: 'dpo',
    orpo: 'orpo',
    kto: 'kto',
    simpo: 'simpo',
    grpo: 'grpo',
    gdpo: 'grpo',
    ebft: 'grpo',
  }
  const rl = fields.isSet('rl') ? fields.string('rl') : undefined
  const named = rl && names[rl.value]
  if (rl && named) return { ...rl, value: named }
  for (const key of ['reward_model', 'process_reward_model']) {
    const on = fields.isSet(key) ? fields.boolean(key) : undefined
    if (on?.value) return { ...on, value: 'reward' }
  }
  if (fields.isSet('pretraining_dataset')) return fields.sourced('pretraining_dataset', 'pretrain')
  return byDefault('sft', 'axolotl 0.18: supervised without `rl`')
}

function readAccumulation(fields: Fields): MutablePlanDraft {
  const own = fields.isSet('gradient_accumulation_steps') ? positive(fields, 'gradient_accumulation_steps') : undefined
  if (own) return { gradientAccumulationSteps: own }
  const batch = fields.isSet('batch_size') ? positive(fields, 'batch_size') : undefined
  const micro = fields.isSet('micro_batch_size') ? positive(fields, 'micro_batch_size') : undefined
  if (batch && micro) {
    const note = 'axolotl: batch_size ÷ micro_batch_size'
    return { gradientAccumulationSteps: { ...batch, value: Math.max(1, Math.floor(batch.value / micro.value)), note } }
  }
  return { gradientAccumulationSteps: byDefault(1, `${TRAINING_SCHEMA}: 1`) }
}

/** With every size of the device mesh in the file the number of GPUs follows. */
function readWorldSize(fields: Fields): MutablePlanDraft {
  const size = (key: string): number | undefined => (fields.isSet(key) ? positive(fields, key)?.value : undefined)
  const shard = size('dp_shard_size')
  if (shard === undefined) return {}
  const context = size('context_parallel_size') ?? size('sequence_parallel_degree') ?? 1
  const gpus = shard * (size('dp_replicate_size') ?? 1) * (size('tensor_parallel_size') ?? 1) * context
  return { gpus: fields.sourced('dp_shard_size', gpus, 'product of the parallel sizes') }
}

function readAdapter(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const name = fields.isSet('adapter') ? fields.string('adapter') : undefined
  if (!name || name.value === '' || name.value === 'none')
    return {
      'adapter.type': name
        ? { ...name, value: null }
        : byDefault(null, `${PEFT_SCHEMA}: no adapter, everything trains`),
      ...readFreeze(fields),
      quantization: byDefault('none', 'axolotl quantizes only under lora and qlora'),
    }
  const dora = fields.isSet('peft_use_dora') && fields.boolean('peft_use_dora')?.value
  const isLora = name.value === 'lora' || name.value === 'qlora'
  const type = isLora ? (dora ? 'dora' : 'lora') : name.value === 'llama-adapter' ? 'adaption_prompt' : 'other'
  const rank = fields.isSet('lora_r') ? positive(fields, 'lora_r') : undefined
  const place = { path: name.path ?? null, line: name.line ?? null, column: name.column ?? null }
  const inherits = fields.isSet('lora_model_dir')
  if (isLora && !rank && !inherits)
    findings.push(finding('missing-key', { ...place, message: '`lora_r` is missing; axolotl has no default for it.' }))
  const targets = readTargets(fields)
  if (isLora && !targets && !fields.isSet('lora_target_parameters') && !inherits)
    findings.push(
      finding('missing-key', {
        ...place,
        message: 'No `lora_target_modules` and no `lora_target_linear: true`; axolotl passes an empty list on.',
      }),
    )
  return {
    'adapter.type': { ...name, value: type },
    ...(rank ? { 'adapter.rank': rank } : {}),
    'adapter.targetModules': targets ?? byDefault([], `${PEFT_SCHEMA}: no default targets`),
    'adapter.targetRule': byDefault('axolotl', 'axolotl 0.18 loaders/adapter.py find_all_linear_names'),
    'adapter.dtype': adapterDtype(fields),
    ...optional(
      'adapter.targetParameters',
      fields.isSet('lora_target_parameters') && fields.strings('lora_target_parameters'),
    ),
    ...optional(
      'adapter.modulesToSave',
      fields.isSet('lora_modules_to_save') && fields.strings('lora_modules_to_save'),
    ),
    ...optional('adapter.dropout', fields.isSet('lora_dropout') && fields.number('lora_dropout', { min: 0, max: 1 })),
    quantization: readQuantization(fields, name),
  }
}

function trains(adapter: PlanDraft): boolean {
  const type = adapter['adapter.type']
  return typeof type === 'function' || (type !== undefined && type.value !== null)
}

function optional(key: string, value: unknown): MutablePlanDraft {
  return value ? { [key]: value } : {}
}

function adapterDtype(fields: Fields): Sourced<StorageDtype> {
  const upcast = fields.isSet('peft_autocast_adapter_dtype') ? fields.boolean('peft_autocast_adapter_dtype') : undefined
  return upcast?.value === false ? { ...upcast, value: 'bfloat16' } : PEFT_ADAPTER_DTYPE
}

function readTargets(
  fields: Fields,
): DraftValue<readonly string[] | 'all-linear' | 'default' | { regex: string }> | null {
  const linear = fields.isSet('lora_target_linear') ? fields.boolean('lora_target_linear') : undefined
  if (linear?.value) return { ...linear, value: 'all-linear' }
  const node = fields.raw('lora_target_modules')
  if (node?.kind === 'scalar' && typeof node.scalar === 'string') {
    if (node.scalar === 'all-linear') return fields.sourced('lora_target_modules', 'all-linear')
    return fields.sourced('lora_target_modules', { regex: node.scalar })
  }
  const names = fields.isSet('lora_target_modules') ? fields.strings('lora_target_modules') : undefined
  return names && names.value.length > 0 ? names : null
}

function readQuantization(fields: Fields, adapter: Sourced<string>): Sourced<Quantization> {
  const four = fields.isSet('load_in_4bit') ? fields.boolean('load_in_4bit') : undefined
  const eight = fields.isSet('load_in_8bit') ? fields.boolean('load_in_8bit') : undefined
  const gptq = fields.isSet('gptq') ? fields.boolean('gptq') : undefined
  if (gptq?.value) return { ...gptq, value: 'gptq-int4' }
  if (adapter.value === 'qlora' && four?.value) {
    const options =
      fields.raw('bnb_config_kwargs')?.kind === 'mapping' ? fields.mapping('bnb_config_kwargs') : undefined
    const double = options?.boolean('bnb_4bit_use_double_quant')?.value ?? true
    const kind = options?.string('bnb_4bit_quant_type')?.value ?? 'nf4'
    const note = 'axolotl 0.18 loaders/model.py: nf4 with double quantization'
    return { ...four, value: kind === 'fp4' ? 'fp4' : double ? 'nf4-double' : 'nf4', note }
  }
  if (adapter.value === 'lora' && eight?.value) return { ...eight, value: 'int8' }
  if (adapter.value === 'lora' && four?.value) return { ...four, value: 'nf4-double' }
  return byDefault('none', `${MODEL_SCHEMA}: load_in_4bit and load_in_8bit are off`)
}

function readFreeze(fields: Fields): MutablePlanDraft {
  const names = fields.isSet('unfrozen_parameters') ? fields.strings('unfrozen_parameters') : undefined
  if (!names || names.value.length === 0) return {}
  const trains = names.value.map(name => `(?:${name})`).join('|')
  return { freeze: { ...names, value: { kind: 'patterns', patterns: [`^(?!.*(?:${trains}))`] } } }
}

/** resolve_dtype (utils/config/__init__.py): bf16 unless the GPU has none, else fp16; `bfloat16`/`float16` without autocast. */
function readPrecision(fields: Fields): MixedPrecision {
  const scalar = (key: string) => fields.raw(key)?.scalar
  const on = (key: string) => scalar(key) === true || scalar(key) === 'full' || scalar(key) === 'true'
  if (on('bfloat16')) return plain(fields.sourced('bfloat16', true), 'bfloat16')
  if (on('float16')) return plain(fields.sourced('float16', true), 'float16')
  const bf16 = scalar('bf16')
  if (on('bf16')) return amp(fields.sourced('bf16', true), { value: 'bfloat16' })
  if (on('fp16')) return amp(fields.sourced('fp16', true), { value: 'float16' })
  if (bf16 === 'auto' || !fields.isSet('bf16')) {
    const source = bf16 === 'auto' ? fields.sourced('bf16', true) : byDefault(true, `${SCHEMA}: bf16 auto`)
    return { dtype: { ...source, value: 'auto' }, on: true, source }
  }
  return plain(fields.sourced('bf16', false), 'float32')
}

function amp(source: Sourced<boolean>, dtype: { readonly value: 'bfloat16' | 'float16' }): MixedPrecision {
  return { dtype: { ...source, ...dtype }, on: true, source }
}

function plain(source: Sourced<boolean>, value: StorageDtype): MixedPrecision {
  return { dtype: { ...source, value }, on: false, source }
}

function precisionOf(
  fields: Fields,
  mixed: MixedPrecision,
  adapter: PlanDraft,
  libraries: Libraries,
): MutablePlanDraft {
  const note = 'axolotl 0.18 resolve_dtype: weights are held in the compute dtype, without a float32 copy'
  const weights: DraftValue<StorageDtype> = facts => {
    const dtype = typeof mixed.dtype === 'function' ? mixed.dtype(facts) : mixed.dtype
    const auto = facts.bf16Supported === false ? 'float16' : 'bfloat16'
    const value =
      dtype.value === 'auto' ? auto : dtype.value === 'bfloat16' || dtype.value === 'float16' ? dtype.value : 'float32'
    return { ...dtype, value, note }
  }
  const draft = precisionDraft({
    weights,
    mixed,
    adapterDtype: trains(adapter) ? (adapter['adapter.dtype'] ?? PEFT_ADAPTER_DTYPE) : null,
  })
  const dtype = mixed.dtype
  if (mixed.on || typeof dtype === 'function' || dtype.value !== 'float32') return draft
  const own = fields.isSet('tf32') && fields.raw('tf32')?.scalar !== 'auto' ? fields.boolean('tf32') : undefined
  const tf32 = own ?? versionDefault('axolotl.tf32', libraries)
  return tf32.value ? { ...draft, 'precision.compute': { ...tf32, value: 'tf32' } } : draft
}

function readActivations(fields: Fields, adapter: PlanDraft, base: PlanDraft): MutablePlanDraft {
  const special = fields.isSet('rl') || fields.isSet('unfrozen_parameters')
  const source = 'axolotl 0.18 utils/config/__init__.py'
  const reentrant = special
    ? byDefault(false, `${source}: use_reentrant False with rl or unfrozen_parameters`)
    : byDefault(true, `${source}: use_reentrant True`)
  const draft: MutablePlanDraft = readCheckpointingOptions(fields, reentrant)
  const old = fields.raw('gradient_checkpointing')?.scalar
  const scalar = fields.raw('activation_offloading')?.scalar
  const key = old === 'offload' || old === 'offload_disk' ? 'gradient_checkpointing' : 'activation_offloading'
  const offloads = key === 'gradient_checkpointing' || (scalar !== undefined && scalar !== null && scalar !== false)
  if (offloads) {
    draft.activationOffload = fields.sourced(key, true)
    const type = adapter['adapter.type']
    const replaces = typeof type !== 'function' && type?.value !== null && scalar !== 'hidden_states'
    if (replaces && base.gradientCheckpointing)
      draft.gradientCheckpointing = fields.sourced(
        key,
        'none' as const,
        'offloading replaces recomputation for adapters',
      )
  }
  return { ...draft, attention: readAttentionKernel(fields) }
}

const ATTENTION_SWITCHES = {
  flash_attention: 'flash',
  sdp_attention: 'sdpa',
  xformers_attention: 'flash',
  flex_attention: 'flex',
  sage_attention: 'flash',
  eager_attention: 'eager',
} as const

function readAttentionKernel(fields: Fields): Sourced<AttentionKernel> {
  const own = fields.isSet('attn_implementation') ? readAttention(fields, 'attn_implementation') : undefined
  if (own) return own
  for (const [key, value] of Object.entries(ATTENTION_SWITCHES)) {
    const on = fields.isSet(key) ? fields.boolean(key) : undefined
    if (on?.value) return { ...on, value }
  }
  return byDefault('sdpa', `${MODEL_SCHEMA}: the model’s default, sdpa`)
}

function readLoss(fields: Fields): MutablePlanDraft {
  const plugins = fields.isSet('plugins') ? (fields.strings('plugins')?.value ?? []) : []
  const isOn = (key: string): Sourced<boolean> | undefined => {
    const read = fields.isSet(key) ? fields.boolean(key) : undefined
    return read?.value ? read : undefined
  }
  const listed = plugins.some(name => name.includes('CutCrossEntropy'))
  const cut = fields.isSet('cut_cross_entropy') ? fields.boolean('cut_cross_entropy') : undefined
  const liger = isOn('liger_fused_linear_cross_entropy')
  const chunked = isOn('chunked_cross_entropy')
  const kernels = ['liger_glu_activation', 'liger_rms_norm', 'liger_rope', 'liger_layer_norm', 'liger_cross_entropy']
  const fused = kernels.map(isOn).find(value => value !== undefined) ?? liger
  const draft: MutablePlanDraft = {}
  if (listed && cut?.value !== false)
    draft.loss = {
      ...(cut ?? fields.sourced('plugins', true)),
      value: 'cut_cross_entropy',
      note: 'on once the plugin is listed',
    }
  else if (cut?.value) draft.loss = { ...cut, value: 'cut_cross_entropy' }
  else if (liger) draft.loss = { ...liger, value: 'fused_linear' }
  else if (chunked) draft.loss = { ...chunked, value: 'chunked' }
  else draft.loss = byDefault('full_logits', 'transformers ForCausalLMLoss')
  if (fused) draft.fusedKernels = { ...fused, value: 'liger' }
  return draft
}

function readSequence(fields: Fields, base: PlanDraft): MutablePlanDraft {
  const packing = base.packing
  const packs = typeof packing !== 'function' && packing?.value === true
  const pad = fields.isSet('pad_to_sequence_len') ? fields.boolean('pad_to_sequence_len') : undefined
  if (pad?.value === true || (packs && !pad)) {
    const source: Sourced<boolean> =
      pad ?? byDefault(true, 'axolotl 0.18: pad_to_sequence_len is True with sample_packing')
    return {
      variableLength: { ...source, value: false },
      'dataset.padding': { ...source, value: packs ? 'none' : 'fixed' },
      ...(packs ? { 'dataset.dropLast': byDefault(true, 'axolotl multipack sampler: drop_last') } : {}),
    }
  }
  const note = 'axolotl 0.18: padded to the longest of the batch, rounded up to 64'
  return {
    variableLength: byDefault(true, note),
    'dataset.padding': byDefault(packs ? 'none' : 'longest', note),
  }
}

function readEvaluationPlan(fields: Fields, base: PlanDraft): Sourced<EvaluationPlan | null> {
  const held = fields.isSet('val_set_size') ? fields.number('val_set_size', { min: 0 }) : undefined
  const tested = fields.isSet('test_datasets')
  if (!tested && (!held || held.value === 0)) return byDefault(null, 'axolotl 0.18: val_set_size 0, no evaluation')
  const source: Sourced<unknown> = held ?? fields.sourced('test_datasets', true)
  const micro = base.microBatchSize
  const batch = fields.isSet('eval_batch_size') ? positive(fields, 'eval_batch_size')?.value : undefined
  const epochs = fields.isSet('num_epochs') ? (fields.number('num_epochs')?.value ?? 1) : 1
  const perEpoch = fields.isSet('evals_per_epoch') ? fields.number('evals_per_epoch', { min: 0 })?.value : undefined
  const steps = fields.isSet('eval_steps') ? fields.number('eval_steps', { min: 0 })?.value : undefined
  const wanted = fields.isSet('eval_strategy') ? fields.raw('eval_strategy')?.scalar : undefined
  if (wanted === 'no' || wanted === false) return { ...source, value: null }
  const share = held && held.value < 1 ? held.value : 0
  const samples = held && held.value >= 1 ? Math.round(held.value) : null
  const fraction = steps !== undefined && steps > 0 && steps < 1
  const times = fraction ? Math.round(1 / steps) : Math.ceil((perEpoch ?? 1) * epochs)
  const value: EvaluationPlan = {
    everySteps: steps !== undefined && steps >= 1 ? Math.round(steps) : null,
    timesTotal: steps !== undefined && steps >= 1 ? null : times + 1,
    microBatchSize: batch ?? (typeof micro === 'function' ? 1 : (micro?.value ?? 1)),
    samples,
    share,
  }
  return { ...source, value, note: 'axolotl 0.18 also evaluates at the start (eval_on_start)' }
}

function readCheckpointPlan(fields: Fields): Sourced<CheckpointPlan | null> {
  const key = setKey(fields, ['save_strategy', 'saves_per_epoch', 'save_steps'])
  const strategy = fields.raw('save_strategy')?.scalar
  const source: Sourced<unknown> = key
    ? fields.sourced(key, true)
    : byDefault(true, `${TRAINING_SCHEMA}: once per epoch`)
  if (strategy === 'no' || strategy === false) return { ...source, value: null }
  const epochs = fields.isSet('num_epochs') ? (fields.number('num_epochs')?.value ?? 1) : 1
  const steps = fields.isSet('save_steps') ? fields.number('save_steps', { min: 0 })?.value : undefined
  const perEpoch = fields.isSet('saves_per_epoch') ? fields.number('saves_per_epoch', { min: 0 })?.value : undefined
  const only = fields.isSet('save_only_model') && fields.boolean('save_only_model')?.value === true
  if (steps !== undefined && steps >= 1)
    return { ...source, value: { everySteps: Math.round(steps), timesTotal: null, includesOptimizer: !only } }
  const times = steps ? Math.round(1 / steps) : Math.max(1, Math.ceil((perEpoch ?? 1) * epochs))
  return { ...source, value: { everySteps: null, timesTotal: times, includesOptimizer: !only } }
}

function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
  libraries: Libraries,
): Sourced<ReinforcementPlan> {
  const trl = fields.raw('trl')?.kind === 'mapping' ? fields.mapping('trl') : undefined
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const precomputed = fields.isSet('precompute_ref_log_probs') && fields.boolean('precompute_ref_log_probs')?.value
  const beta = trl?.number('beta') ?? versionDefault('trl.grpo_beta', libraries)
  const free =
    stage.value === 'orpo' ||
    stage.value === 'simpo' ||
    stage.value === 'reward' ||
    (stage.value === 'grpo' && beta.value === 0)
  const online = stage.value === 'grpo'
  const vllm = trl?.boolean('use_vllm')?.value === true
  const mode = trl?.string('vllm_mode')?.value ?? versionDefault('trl.vllm_mode', libraries).value
  const colocated = online && vllm && mode === 'colocate'
  const completion = trl?.integer('max_completion_length', { min: 1 })?.value
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : precomputed ? 'precomputed' : full ? 'separate' : 'shared',
      generations: online ? (trl?.integer('num_generations', { min: 1 })?.value ?? 8) : 1,
      promptLength: 512,
      completionLength: completion ?? versionDefault('trl.grpo_completion_length', libraries).value,
      iterations: trl?.integer('num_iterations', { min: 1 })?.value ?? 1,
      generation: online ? (vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers') : 'none',
      colocatedMemoryShare: colocated ? (trl?.number('vllm_gpu_memory_utilization')?.value ?? 0.3) : 0,
      sleepMode: trl?.boolean('vllm_enable_sleep_mode')?.value === true,
      rewardModel: false,
      valueModel: false,
    },
  }
}

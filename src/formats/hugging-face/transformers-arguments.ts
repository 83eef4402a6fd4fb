import { versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan, GradientCheckpointing } from '../../plan/training-plan.ts'
import type { AttentionKernel } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import {
  choice,
  describedKey,
  fixed,
  flag,
  fromTable,
  type Getter,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
  setKey,
} from '../key-rows.ts'
import { optimizerDraft } from './optimizer-names.ts'

const SOURCE = 'transformers 5.18 training_args.py'

/** `attn_implementation` values; hub kernels are matched by what they hold. */
const ATTENTION: Readonly<Record<string, AttentionKernel>> = {
  eager: 'eager',
  sdpa: 'sdpa',
  flash_attention_2: 'flash',
  flash_attention_3: 'flash',
  flash_attention_4: 'flash',
  flash_attention: 'flash',
  flash_attn: 'flash',
  flash_attn_2: 'flash',
  flash_attn_3: 'flash',
  flash: 'flash',
  fa2: 'flash',
  fa3: 'flash',
  flex_attention: 'flex',
  flex: 'flex',
  xformers: 'flash',
  sage: 'flash',
}

export const readAttention: Getter<AttentionKernel> = (fields, key) => {
  const named = fields.string(key)
  if (!named) return undefined
  const name = named.value.toLowerCase()
  const kernel = Object.hasOwn(ATTENTION, name) ? ATTENTION[name] : undefined
  if (kernel) return { ...named, value: kernel }
  if (/flash|attn[23]/.test(name)) return { ...named, value: 'flash', note: 'a flash kernel from the Hub' }
  return { ...named, value: 'sdpa', note: `${named.value} is read as sdpa` }
}

/** True reads as full checkpointing; text such as `unsloth` or `offload` as full too. */
export const readCheckpointing: Getter<GradientCheckpointing> = (fields, key) => {
  const scalar = fields.raw(key)?.scalar
  if (scalar === 'none') return fields.sourced<GradientCheckpointing>(key, 'none')
  const word = typeof scalar === 'string' && /^(unsloth|offload|offload_disk|full)$/.test(scalar)
  if (word) return fields.sourced<GradientCheckpointing>(key, 'full')
  return choice<GradientCheckpointing>('full', 'none')(fields, key)
}

/** A backend or a mode turns compilation on (training_args.py __post_init__). */
function readCompile(fields: Fields, key: string): Sourced<boolean> | undefined {
  const named = ['torch_compile_backend', 'torch_compile_mode'].find(name => fields.isSet(name))
  return named ? fields.sourced(named, true) : flag(fields, key)
}

/** Arguments of the Trainer that change memory or time and have no place in the plan. */
export const TRAINER_UNMODELLED = {
  auto_find_batch_size: 'the micro-batch is halved until it fits',
  label_smoothing_factor: 'a second pass over the logits',
} as const

/** `gradient_accumulation_kwargs.sync_each_batch`: gradients are reduced in every micro-step, so that none stay unsharded. */
function readSyncEachBatch(fields: Fields, key: string): Sourced<boolean> | undefined {
  if (fields.raw(key)?.kind !== 'mapping') return undefined
  const options = fields.mapping(key)
  const kwargs =
    options?.raw('gradient_accumulation_kwargs')?.kind === 'mapping'
      ? options.mapping('gradient_accumulation_kwargs')
      : undefined
  const every = kwargs?.boolean('sync_each_batch')
  return every?.value ? { ...every, value: false } : undefined
}

/** Keys of transformers TrainingArguments, shared by every trainer built on it. */
export const TRAINING_ARGUMENT_ROWS: readonly KeyRow[] = [
  keyRow({
    key: ['per_device_train_batch_size', 'per_gpu_train_batch_size'],
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(8, `${SOURCE}: 8`),
    default: '8',
    source: SOURCE,
  }),
  keyRow({
    key: 'gradient_accumulation_steps',
    plan: 'gradientAccumulationSteps',
    read: positive,
    fallback: fixed(1, `${SOURCE}: 1`),
    default: '1',
    source: SOURCE,
  }),
  keyRow({
    key: 'num_train_epochs',
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(3, `${SOURCE}: 3`),
    default: '3',
    source: SOURCE,
  }),
  keyRow({
    key: 'max_steps',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    fallback: fixed(null, `${SOURCE}: -1, the epochs count`),
    default: '-1 (epochs count)',
    source: SOURCE,
  }),
  keyRow({
    key: 'gradient_checkpointing',
    plan: 'gradientCheckpointing',
    read: readCheckpointing,
    fallback: fixed<GradientCheckpointing>('none', `${SOURCE}: False`),
    default: 'False',
    source: SOURCE,
  }),
  keyRow({
    key: 'attn_implementation',
    plan: 'attention',
    read: readAttention,
    fallback: fixed<AttentionKernel>('sdpa', 'transformers 5.18 modeling_utils.py: sdpa where the model has it'),
    default: 'sdpa where the model has it',
    source: 'transformers 5.18 modeling_utils.py',
  }),
  keyRow({
    key: ['torch_compile', 'torchdynamo', 'torch_compile_backend', 'torch_compile_mode'],
    plan: 'compile',
    read: readCompile,
    fallback: fixed(false, `${SOURCE}: False`),
    default: 'False',
    source: SOURCE,
  }),
  keyRow({
    key: 'dataloader_drop_last',
    plan: 'dataset.dropLast',
    read: flag,
    fallback: fixed(false, `${SOURCE}: False`),
    default: 'False',
    source: SOURCE,
  }),
  keyRow({
    key: ['train_sampling_strategy'],
    plan: 'dataset.lengthGrouped',
    read: fromTable({ random: false, sequential: false, group_by_length: true }),
    default: 'random',
    source: SOURCE,
  }),
  keyRow({
    key: ['accelerator_config'],
    plan: 'parallelism.noSync',
    read: readSyncEachBatch,
    default: 'sync_each_batch False',
    source: 'accelerate 1.15 utils/dataclasses.py GradientAccumulationPlugin',
  }),
  describedKey('optim_args', 'optimizerRank (rank=)', 'the optimizer’s own', SOURCE),
  describedKey(
    Object.keys(TRAINER_UNMODELLED).join(', '),
    'nothing: a finding says that the estimate leaves it out',
    'off',
    SOURCE,
  ),
  describedKey(
    'optim, adafactor',
    'optimizer, its implementation, states and paging',
    'adamw_torch_fused with torch ≥ 2.8',
    SOURCE,
  ),
  describedKey('bf16, fp16', 'precision.compute and precision.autocast', 'False', SOURCE),
  describedKey(
    'gradient_checkpointing_kwargs',
    'checkpointingReentrant, every n-th layer',
    'use_reentrant False since transformers 5',
    SOURCE,
  ),
  describedKey('use_liger_kernel, liger_kernel_config', 'loss fused_linear and fusedKernels liger', 'False', SOURCE),
  describedKey('group_by_length', 'dataset.lengthGrouped', 'False', 'transformers 4.57 training_args.py'),
  describedKey(
    'eval_strategy, evaluation_strategy, eval_steps, per_device_eval_batch_size, do_eval',
    'evaluation',
    'no evaluation',
    SOURCE,
  ),
  describedKey('save_strategy, save_steps, save_only_model', 'checkpoints', 'every 500 steps with optimizer', SOURCE),
  describedKey('deepspeed', 'parallelism, offload, buffers, precision (file, name or mapping)', 'none', SOURCE),
  describedKey('fsdp, fsdp_config', 'parallelism, offload, precision', 'none', SOURCE),
]

/** The `optim` key and its flags. An unknown name is left to `other`. */
export function readOptimizer(fields: Fields, keys: readonly string[], fallback: Sourced<string>): MutablePlanDraft {
  const key = setKey(fields, keys)
  if (fields.isSet('adafactor') && fields.boolean('adafactor')?.value)
    return optimizerDraft(fields.sourced('adafactor', 'adafactor')) ?? {}
  const name = (key && fields.string(key)) || fallback
  const draft = optimizerDraft(name)
  if (draft) return { ...draft, ...readRank(fields) }
  return { optimizer: { ...name, value: 'other', note: `${name.value} is not a name of transformers 5.18` } }
}

/** `optim_args: rank=64, update_proj_gap=100` of the low-rank optimizers (trainer_optimizer.py); Axolotl takes a mapping as well. */
function readRank(fields: Fields): MutablePlanDraft {
  const node = fields.raw('optim_args')
  const text = node?.entries.get('rank')?.scalar ?? /(?:^|[,\s])rank=(\d{1,6})/.exec(String(node?.scalar ?? ''))?.[1]
  const rank = Number(text)
  return text != null && Number.isSafeInteger(rank) && rank > 0
    ? { optimizerRank: fields.sourced('optim_args', rank) }
    : {}
}

export function defaultOptimizer(libraries: Readonly<Record<string, string>>): Sourced<string> {
  return versionDefault('torch.optim', libraries)
}

/** `gradient_checkpointing_kwargs`: the variant, every n-th layer and offloading. */
export function readCheckpointingOptions(fields: Fields, reentrant: Sourced<boolean>): MutablePlanDraft {
  const options =
    fields.raw('gradient_checkpointing_kwargs')?.kind === 'mapping'
      ? fields.mapping('gradient_checkpointing_kwargs')
      : undefined
  const draft: MutablePlanDraft = {
    checkpointingReentrant: options?.boolean('use_reentrant') ?? reentrant,
  }
  const every = options?.integer('every_n_layers', { min: 1 })
  if (every && every.value > 1) draft.gradientCheckpointing = { ...every, value: { every: every.value } }
  const offload = options?.boolean('offload')
  if (offload?.value) draft.activationOffload = offload
  return draft
}

interface EvaluationDefaults {
  readonly batchSize: number
  /** Steps between evaluations when neither `eval_steps` nor `logging_steps` is set; transformers: 500. */
  readonly loggingSteps?: number
  /** What turns evaluation on besides the strategy: a held-out share. */
  readonly share?: number
  readonly samples?: number
  readonly note: string
}

/** Evaluation by `eval_strategy`, `eval_steps` and `per_device_eval_batch_size`; a share below 1 counts as that part of the run. */
export function readEvaluation(fields: Fields, options: EvaluationDefaults): Sourced<EvaluationPlan | null> {
  const strategyKey = setKey(fields, ['eval_strategy', 'evaluation_strategy'])
  const strategy = strategyKey ? readStrategy(fields, strategyKey) : undefined
  const wanted = strategy ?? (fields.isSet('do_eval') ? doEval(fields) : undefined)
  if (!wanted || wanted.value === 'no') return byDefault(null, `${options.note}: no evaluation`)
  const batch = fields.isSet('per_device_eval_batch_size') ? positive(fields, 'per_device_eval_batch_size') : undefined
  const cadence = readCadence(fields, wanted.value, 'eval_steps', options.loggingSteps)
  return {
    ...wanted,
    value: {
      ...cadence,
      microBatchSize: batch?.value ?? options.batchSize,
      samples: options.samples ?? null,
      share: options.share ?? 0,
    },
  }
}

/** `eval_strategy: no` is PyYAML's false. */
function readStrategy(fields: Fields, key: string): Sourced<string> | undefined {
  const scalar = fields.raw(key)?.scalar
  return scalar === false ? fields.sourced(key, 'no') : fields.string(key)
}

function doEval(fields: Fields): Sourced<string> | undefined {
  const on = fields.boolean('do_eval')
  return on && { ...on, value: on.value && fields.isSet('eval_steps') ? 'steps' : 'no' }
}

function readCadence(
  fields: Fields,
  strategy: string,
  stepsKey: string,
  loggingDefault = 500,
): { readonly everySteps: number | null; readonly timesTotal: number | null } {
  if (strategy === 'epoch') {
    const epochs = fields.isSet('num_train_epochs') ? fields.number('num_train_epochs')?.value : undefined
    return { everySteps: null, timesTotal: epochs && epochs > 0 ? Math.ceil(epochs) : 3 }
  }
  const steps = fields.isSet(stepsKey) ? fields.number(stepsKey, { min: 0 })?.value : undefined
  if (steps === undefined)
    return { everySteps: stepsKey === 'save_steps' ? 500 : loggingSteps(fields, loggingDefault), timesTotal: null }
  return steps < 1
    ? { everySteps: null, timesTotal: steps > 0 ? Math.round(1 / steps) : null }
    : { everySteps: Math.round(steps), timesTotal: null }
}

/** `eval_steps` falls to `logging_steps`. */
function loggingSteps(fields: Fields, fallback: number): number {
  const steps = fields.isSet('logging_steps') ? fields.number('logging_steps', { min: 0 })?.value : undefined
  return steps !== undefined && steps >= 1 ? steps : fallback
}

/** Checkpoints by `save_strategy`, `save_steps`, `save_only_model`. */
export function readCheckpoints(fields: Fields): Sourced<CheckpointPlan | null> {
  const strategy = fields.isSet('save_strategy') ? readStrategy(fields, 'save_strategy') : undefined
  const steps = fields.isSet('save_steps') ? fields.number('save_steps', { min: -1 }) : undefined
  const onlyModel = fields.isSet('save_only_model') ? fields.boolean('save_only_model')?.value : false
  const base: Sourced<unknown> = strategy ?? steps ?? byDefault(null, `${SOURCE}: every 500 steps`)
  if (strategy?.value === 'no') return { ...base, value: null }
  const cadence = readCadence(fields, strategy?.value ?? 'steps', 'save_steps')
  return { ...base, value: { ...cadence, includesOptimizer: onlyModel !== true } }
}

/** `use_liger_kernel` and its older names: fused linear cross entropy and fused norms, unless `liger_kernel_config` leaves them out. */
export function readLiger(fields: Fields, keys: readonly string[]): MutablePlanDraft {
  const key = setKey(fields, keys)
  const on = key ? fields.boolean(key) : undefined
  if (!on?.value) return {}
  const config =
    fields.raw('liger_kernel_config')?.kind === 'mapping' ? fields.mapping('liger_kernel_config') : undefined
  const without = config?.boolean('fused_linear_cross_entropy')
  const note = 'Liger: fused linear cross entropy, fused norms and SwiGLU'
  const fusedKernels = { ...on, value: 'liger' } as const
  if (without && !without.value) return { loss: { ...without, value: 'full_logits' }, fusedKernels }
  return { loss: { ...on, value: 'fused_linear', note }, fusedKernels }
}

/** `group_by_length: true` of transformers 4. */
export function readLengthGrouping(fields: Fields): MutablePlanDraft {
  const grouped = fields.isSet('group_by_length') ? fields.boolean('group_by_length') : undefined
  return grouped ? { 'dataset.lengthGrouped': grouped } : {}
}

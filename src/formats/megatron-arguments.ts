import type { Finding } from '../plan/finding.ts'
import { byDefault, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import type { StorageDtype } from '../plan/vocabulary.ts'
import type { ConfigNode } from './config-document.ts'
import { Fields } from './fields.ts'
import { fixed, formatKeys, fromTable, type KeyRow, keyRow, positive } from './key-rows.ts'
import { megatronShapes } from './megatron-shapes.ts'
import type { FormatKey } from './reader.ts'
import { keyTable, mapped, orDefault, when } from './section.ts'

const ARGUMENTS = 'Megatron-LM core 0.20 megatron/training/arguments.py'
const CONFIG = 'Megatron-LM core 0.20 megatron/core/transformer/transformer_config.py'

const ROWS: readonly KeyRow[] = [
  keyRow({ key: 'micro_batch_size', plan: 'microBatchSize', read: positive, default: 'required', source: ARGUMENTS }),
  keyRow({
    key: 'global_batch_size',
    plan: 'globalBatchSize',
    read: positive,
    default: 'micro-batch × data-parallel ranks',
    source: ARGUMENTS,
  }),
  keyRow({
    key: ['seq_length', 'encoder_seq_length'],
    plan: 'sequenceLength',
    read: positive,
    default: 'required',
    source: ARGUMENTS,
  }),
  keyRow({ key: 'train_iters', plan: 'dataset.maxSteps', read: positive, default: 'none', source: ARGUMENTS }),
  keyRow({ key: 'train_samples', plan: 'dataset.samples', read: positive, default: 'none', source: ARGUMENTS }),
  ...(
    [
      ['tensor_model_parallel_size', 'parallelism.tensor'],
      ['pipeline_model_parallel_size', 'parallelism.pipeline'],
      ['context_parallel_size', 'parallelism.context'],
      ['expert_model_parallel_size', 'parallelism.expert'],
    ] as const
  ).map(([key, plan]) =>
    keyRow({ key, plan, read: positive, fallback: fixed(1, `${ARGUMENTS}: 1`), default: '1', source: ARGUMENTS }),
  ),
  keyRow({
    key: 'attention_backend',
    plan: 'attention',
    read: fromTable({ flash: 'flash', fused: 'flash', auto: 'flash', unfused: 'eager', local: 'eager' }),
    fallback: fixed('flash', `${ARGUMENTS}: auto picks flash or fused`),
    default: 'auto',
    source: ARGUMENTS,
  }),
]

/** What is done with each Megatron-LM argument. */
export const MEGATRON_KEYS: readonly FormatKey[] = [
  ...formatKeys(ROWS),
  ...keyTable(ARGUMENTS, [
    ['num_layers, hidden_size, num_attention_heads', 'model', 'required'],
    ['ffn_hidden_size', 'model', '4 × hidden; with swiglu two thirds of it, a multiple of 64'],
    ['group_query_attention, num_query_groups', 'model', 'off: one key-value head a query head'],
    ['untie_embeddings_and_output_weights', 'model', 'off: tied'],
    ['vocab_size, make_vocab_size_divisible_by', 'model', '128 × tensor ranks'],
    ['bf16, fp16, fp8_format', 'precision', 'float32'],
    ['use_precision_aware_optimizer, exp_avg_dtype, exp_avg_sq_dtype, main_grads_dtype', 'precision', 'off, fp32'],
    ['main_params_dtype', 'precision.masterWeightBytes', 'fp32; 2 B of remainders under the precision-aware optimizer'],
    ['use_distributed_optimizer', 'parallelism.data', 'off'],
    ['sequence_parallel', 'parallelism.sequenceParallel', 'off'],
    ['recompute_activations, recompute_granularity', 'gradientCheckpointing', 'none'],
    ['recompute_method, recompute_num_layers', 'gradientCheckpointing', 'uniform: every layer; block: the first ones'],
    ['save, save_interval, no_save_optim', 'checkpoints', 'none'],
    ['eval_interval, eval_iters', 'evaluation', 'none, 100'],
    ['optimizer, optimizer_cpu_offload', 'optimizer, parallelism.offload', 'adam, off'],
  ]),
]

/** Argument names with underscores and without dashes, as argparse stores them. */
export function normaliseArguments(node: ConfigNode): ConfigNode {
  const entries = new Map<string, ConfigNode>()
  for (const [key, child] of node.entries) entries.set(key.replace(/^-+/, '').replaceAll('-', '_'), child)
  return { ...node, entries }
}

/** A run from Megatron-LM arguments; keys dash/underscore-normalised by {@link normaliseArguments}. */
export function readMegatronArguments(fields: Fields, findings: Finding[]): PlanDraft {
  const rows: MutablePlanDraft = {}
  for (const row of ROWS) row.apply(fields, rows, {})
  const sharded = fields.isSet('use_distributed_optimizer') ? fields.boolean('use_distributed_optimizer') : undefined
  const fsdp = on(fields, 'use_megatron_fsdp') ?? on(fields, 'use_torch_fsdp2')
  const offload = on(fields, 'optimizer_cpu_offload')
  const local = fields.string('transformer_impl')?.value === 'local'
  const virtual = fields.integer('num_layers_per_virtual_pipeline_stage', { min: 1 })
  const layers = fields.integer('num_layers', { min: 1 })
  const pipeline = fields.integer('pipeline_model_parallel_size', { min: 1 })
  const samples = fields.integer('train_samples', { min: 1 })
  const interleave = virtual && layers && Math.floor(layers.value / (pipeline?.value ?? 1) / virtual.value)
  return {
    ...rows,
    framework: byDefault('megatron', 'Megatron-LM arguments'),
    stage: on(fields, 'sft') ? byDefault('sft', '--sft') : byDefault('pretrain', `${ARGUMENTS}: pretraining`),
    'adapter.type': byDefault(null, 'Megatron-LM trains every parameter'),
    ...megatronShapes(fields, findings),
    ...readMegatronPrecision(fields),
    gradientAccumulationSteps: fields.isSet('global_batch_size')
      ? byDefault('auto', 'global batch ÷ (micro-batch × data-parallel ranks)')
      : byDefault(1, `${ARGUMENTS}: global batch = micro-batch × data-parallel ranks`),
    ...(samples ? { 'dataset.epochs': byDefault(1, '--train-samples counts all samples of the run') } : {}),
    packing: byDefault(true, 'Megatron GPTDataset: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', 'Megatron GPTDataset: token stream'),
    gradientCheckpointing: readRecompute(fields),
    loss: byDefault('vocab_parallel', 'Megatron-LM core/tensor_parallel/cross_entropy.py'),
    fusedKernels: byDefault(local ? 'none' : 'transformer_engine', `${ARGUMENTS}: transformer_impl transformer_engine`),
    optimizer: mapped(orDefault(fields.string('optimizer'), 'adam', `${ARGUMENTS}: adam`), name =>
      name === 'adam'
        ? 'adamw'
        : name === 'sgd'
          ? 'sgd'
          : /muon/.test(name)
            ? 'muon'
            : name === 'lion'
              ? 'lion'
              : 'other',
    ),
    optimizerImplementation: byDefault('fused', 'TransformerEngine FusedAdam'),
    'parallelism.sequenceParallel': readSequenceParallel(fields),
    ...readSchedule(fields),
    'parallelism.data': fsdp
      ? mapped(fsdp, () => 'fsdp2' as const)
      : sharded
        ? mapped(sharded, yes => (yes ? 'distributed_optimizer' : 'ddp'))
        : byDefault('ddp', `${ARGUMENTS}: use_distributed_optimizer off`),
    ...(offload ? { 'parallelism.offload': mapped(offload, () => 'optimizer' as const) } : {}),
    ...(virtual && interleave && interleave > 1
      ? { 'parallelism.pipelineInterleave': { ...virtual, value: interleave } }
      : {}),
    ...readWorld(fields),
  }
}

function on(fields: Fields, key: string): Sourced<boolean> | undefined {
  const read = fields.isSet(key) ? fields.boolean(key) : undefined
  return read?.value ? read : undefined
}

/** 16-bit weights imply float32 main gradients and parameters. */
export function readMegatronPrecision(fields: Fields): MutablePlanDraft {
  const half = on(fields, 'bf16') ?? on(fields, 'fp16')
  const dtype: StorageDtype = half ? (on(fields, 'bf16') ? 'bfloat16' : 'float16') : 'float32'
  const weights = half ? mapped(half, () => dtype) : byDefault(dtype, `${ARGUMENTS}: neither bf16 nor fp16`)
  const fp8 = fields.string('fp8_format') ?? fields.string('fp8')
  const reduced = on(fields, 'grad_reduce_in_bf16')
  return {
    'precision.weights': weights,
    'precision.compute': fp8 ? mapped(fp8, () => 'float8' as const) : weights,
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    'precision.gradients':
      (reduced && { ...reduced, value: dtype }) ??
      readAware(fields, 'main_grads_dtype', MAIN_GRADIENTS) ??
      byDefault('float32', `${ARGUMENTS}: float32 main gradients`),
    'precision.optimizerStates': readMoments(fields) ?? byDefault('float32', `${ARGUMENTS}: exp_avg_dtype fp32`),
    'precision.masterWeights': byDefault(half !== undefined, `${ARGUMENTS}: main_params_dtype fp32`),
    ...readMasterBytes(fields, dtype === 'bfloat16'),
  }
}

const MAIN_GRADIENTS = { fp32: 'float32', bf16: 'bfloat16' } as const
const MOMENTS = { fp32: 'float32', bf16: 'bfloat16', fp16: 'float16', fp8: 'fp8' } as const
type Moment = (typeof MOMENTS)[keyof typeof MOMENTS]
const NARROWING: readonly Moment[] = ['float32', 'bfloat16', 'float16', 'fp8']

/** The two moments may differ; the plan has one dtype, so that the wider holds. */
function readMoments(fields: Fields): Sourced<Moment> | undefined {
  const [first, second] = ['exp_avg_dtype', 'exp_avg_sq_dtype'].map(key => readAware<Moment>(fields, key, MOMENTS))
  if (first === undefined || second === undefined) return undefined
  const width = ({ value }: typeof first) => NARROWING.indexOf(value)
  return width(second) < width(first) ? second : first
}

/**
 * Under the precision-aware optimizer TransformerEngine's FusedAdam keeps the 16 bits that a bfloat16 weight lacks (core 0.20
 * optimizer_config.py store_param_remainders), or float16 masters; scaled 8-bit recipes other than `delayed` go back to float32 ones.
 */
function readMasterBytes(fields: Fields, isBfloat16: boolean): MutablePlanDraft {
  const aware = on(fields, 'use_precision_aware_optimizer')
  const sharded = on(fields, 'use_distributed_optimizer')
  if (aware === undefined || sharded === undefined) return {}
  if (fields.string('main_params_dtype')?.value === 'fp16')
    return { 'precision.masterWeightBytes': mapped(aware, () => 2) }
  const recipe = fields.string('fp8_recipe')?.value ?? 'delayed'
  const is8bit = fields.isSet('fp8_format') || fields.isSet('fp8')
  const remainders = isBfloat16 && !(is8bit && recipe !== 'delayed') && !on(fields, 'fp8_param_gather')
  return remainders ? { 'precision.masterWeightBytes': mapped(aware, () => 2) } : {}
}

/** Dtypes that count only under the precision-aware optimizer (optimizer_config.py asserts fp32 without it). */
function readAware<T extends string>(
  fields: Fields,
  key: string,
  names: Readonly<Record<string, T>>,
): Sourced<T> | undefined {
  if (!on(fields, 'use_precision_aware_optimizer') || !fields.isSet(key)) return undefined
  return fromTable(names)(fields, key)
}

function readRecompute(fields: Fields): Sourced<GradientCheckpointing> {
  const granularity = fields.isSet('recompute_granularity')
    ? fields.oneOf('recompute_granularity', ['full', 'selective'])
    : undefined
  if (granularity) return (granularity.value === 'full' && readRecomputedLayers(fields)) || granularity
  const activations = on(fields, 'recompute_activations')
  return activations ? mapped(activations, () => 'selective' as const) : byDefault('none', `${CONFIG}: none`)
}

/** `block` recomputes the first layers of each pipeline stage and keeps all of the others (transformer_block.py). */
function readRecomputedLayers(fields: Fields): Sourced<GradientCheckpointing> | undefined {
  const recomputed = fields.integer('recompute_num_layers', { min: 1 })
  const layers = fields.integer('num_layers', { min: 1 })?.value
  if (fields.string('recompute_method')?.value !== 'block' || !recomputed || !layers) return undefined
  const stage = layers / (fields.integer('pipeline_model_parallel_size', { min: 1 })?.value ?? 1)
  if (recomputed.value >= stage) return undefined
  return { ...recomputed, value: { every: Math.ceil(stage / recomputed.value) } }
}

function readWorld(fields: Fields): MutablePlanDraft {
  const world = fields.integer('world_size', { min: 1 })
  return when('gpus', world)
}

/** Fields over normalised arguments. */
export function megatronFields(node: ConfigNode, findings: Finding[]): Fields {
  return new Fields({ node: normaliseArguments(node), findings })
}

/** Switched off where there is nothing to spread over (arguments.py validate_args). */
function readSequenceParallel(fields: Fields): Sourced<boolean> {
  const asked = orDefault(on(fields, 'sequence_parallel'), false, `${ARGUMENTS}: off`)
  const tensor = fields.integer('tensor_model_parallel_size', { min: 1 })?.value ?? 1
  return tensor === 1 && asked.value
    ? { ...asked, value: false, note: `${ARGUMENTS}: off with one tensor rank` }
    : asked
}

/** `--save` with `--save-interval`; `--eval-interval` runs `--eval-iters` global batches. */
function readSchedule(fields: Fields): MutablePlanDraft {
  const save = fields.isSet('save') ? fields.integer('save_interval', { min: 1 }) : undefined
  const every = fields.integer('eval_interval', { min: 1 })
  const iterations = fields.integer('eval_iters', { min: 0 })?.value ?? 100
  const batch = fields.integer('global_batch_size', { min: 1 })?.value ?? null
  const micro = fields.integer('micro_batch_size', { min: 1 })?.value ?? 1
  return {
    checkpoints: save
      ? {
          ...save,
          value: { everySteps: save.value, timesTotal: null, includesOptimizer: !on(fields, 'no_save_optim')?.value },
        }
      : byDefault(null, `${ARGUMENTS}: save_interval None`),
    evaluation:
      every && iterations > 0
        ? {
            ...every,
            value: {
              everySteps: every.value,
              timesTotal: null,
              microBatchSize: micro,
              samples: batch === null ? null : iterations * batch,
              share: 0,
            },
          }
        : byDefault(null, `${ARGUMENTS}: eval_interval None`),
  }
}

import type { Libraries } from '../../launch/version-defaults.ts'
import { byDefault, type MutablePlanDraft, statedValue } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { CheckpointPlan, GradientCheckpointing } from '../../plan/training-plan.ts'
import { type ComputeDtype, type DataParallelism, EXPERT_DISPATCHERS, type Optimizer } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readLengthGrouping } from '../hugging-face/transformers-arguments.ts'
import {
  applyRows,
  describedKey,
  fixed,
  flag,
  fromTable,
  type KeyRow,
  keyRow,
  positive,
  positiveOrNone,
} from '../key-rows.ts'
import { readMainStates } from '../megatron-lm/precision.ts'
import { switchedOn } from '../megatron-lm/switched-on.ts'
import { readSwiftEvaluation } from './evaluation.ts'

const ARGUMENTS = 'ms-swift 4.6 megatron/arguments/megatron_args.py'

/** Arguments of `megatron sft|pt|rlhf` that replace those of the transformers trainer. */
export const MEGATRON_SWIFT_ROWS: readonly KeyRow[] = [
  keyRow({
    key: 'micro_batch_size',
    plan: 'microBatchSize',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'global_batch_size',
    plan: 'globalBatchSize',
    read: positive,
    fallback: fixed(16, `${ARGUMENTS}: 16`),
    default: '16',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'tensor_model_parallel_size',
    plan: 'parallelism.tensor',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'pipeline_model_parallel_size',
    plan: 'parallelism.pipeline',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'context_parallel_size',
    plan: 'parallelism.context',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'expert_model_parallel_size',
    plan: 'parallelism.expert',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'expert_tensor_parallel_size',
    plan: 'parallelism.expertTensor',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: 1`),
    default: '1',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'moe_token_dispatcher_type',
    plan: 'parallelism.expertDispatcher',
    read: (fields, key) => fields.oneOf(key, EXPERT_DISPATCHERS),
    fallback: fixed('alltoall', `${ARGUMENTS}: alltoall`),
    default: 'alltoall',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'sequence_parallel',
    plan: 'parallelism.sequenceParallel',
    read: flag,
    fallback: fixed(false, `${ARGUMENTS}: False`),
    default: 'False',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'recompute_granularity',
    plan: 'gradientCheckpointing',
    read: fromTable<GradientCheckpointing>({ full: 'full', selective: 'selective', none: 'none' }),
    fallback: fixed<GradientCheckpointing>('selective', `${ARGUMENTS}: selective (core_attn)`),
    default: 'selective',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'attention_backend',
    plan: 'attention',
    read: fromTable({ flash: 'flash', fused: 'flash', auto: 'flash', unfused: 'eager', local: 'eager' }),
    fallback: fixed('flash', `${ARGUMENTS}: flash`),
    default: 'flash',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'virtual_pipeline_model_parallel_size',
    plan: 'parallelism.pipelineInterleave',
    read: positive,
    fallback: fixed(1, `${ARGUMENTS}: None`),
    default: 'none',
    source: ARGUMENTS,
  }),
  keyRow({
    key: ['num_train_epochs', 'max_epochs'],
    plan: 'dataset.epochs',
    read: positiveOrNone,
    fallback: fixed(null, `${ARGUMENTS}: None, train_iters counts`),
    default: 'none: train_iters counts',
    source: ARGUMENTS,
  }),
  describedKey('bf16, fp16, torch_dtype', 'precision', 'the dtype of the checkpoint', ARGUMENTS),
  describedKey('fp8_format, fp8_recipe, fp4_format', 'precision.compute', 'none; delayed', ARGUMENTS),
  describedKey(
    'use_precision_aware_optimizer, main_grads_dtype, exp_avg_dtype, exp_avg_sq_dtype, main_params_dtype',
    'precision',
    'off, fp32',
    ARGUMENTS,
  ),
  describedKey('use_distributed_optimizer', 'parallelism.data; off under muon', 'True', ARGUMENTS),
  describedKey('use_megatron_fsdp, data_parallel_sharding_strategy', 'parallelism.data', 'False', ARGUMENTS),
  describedKey('optimizer, optimizer_cpu_offload', 'optimizer, parallelism.offload', 'adam, False', ARGUMENTS),
  describedKey('save_steps, save_strategy, no_save_optim', 'checkpoints', 'every 500 steps', ARGUMENTS),
  keyRow({
    key: 'train_iters',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    default: 'from the epochs',
    source: ARGUMENTS,
  }),
]

const OPTIMIZERS: Readonly<Record<string, Optimizer>> = { adam: 'adamw', sgd: 'sgd', muon: 'muon', dist_muon: 'muon' }

const FSDP_STRATEGIES: Readonly<Record<string, DataParallelism>> = {
  no_shard: 'ddp',
  optim: 'zero1',
  optim_grads: 'zero2',
  optim_grads_params: 'fsdp2',
}

/** Megatron holds 16-bit weights, float32 main parameters, gradients and moments, sharded by its distributed optimizer. */
export function readMegatronSwift(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const draft = applyRows(MEGATRON_SWIFT_ROWS, fields, {})
  const named = fields.isSet('optimizer') ? fields.string('optimizer') : undefined
  const optimizer = named
    ? { ...named, value: rowOf(OPTIMIZERS, named.value) ?? 'other' }
    : byDefault<Optimizer>('adamw', `${ARGUMENTS}: adam`)
  const data = readSharding(fields, optimizer.value)
  const offload = fields.isSet('optimizer_cpu_offload') ? flag(fields, 'optimizer_cpu_offload') : undefined
  const half = switchedOn(fields, 'fp16')
  const weights: Sourced<'float16' | 'bfloat16'> = half
    ? { ...half, value: 'float16' }
    : byDefault('bfloat16', `${ARGUMENTS}: bf16`)
  const isBfloat16 = weights.value === 'bfloat16'
  const tensor = statedValue(draft['parallelism.tensor'])
  return {
    ...draft,
    ...(tensor === 1
      ? { 'parallelism.sequenceParallel': byDefault(false, `${ARGUMENTS}: off with one tensor rank`) }
      : {}),
    gradientAccumulationSteps: byDefault('auto', 'global batch ÷ (micro-batch × data-parallel ranks)'),
    quantization: byDefault('none', 'Megatron does not quantize frozen weights'),
    'precision.weights': weights,
    'precision.compute': readCompute(fields) ?? weights,
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    ...readMainStates(fields, { isBfloat16, isSharded: data.value === 'distributed_optimizer' }),
    'precision.masterWeights': byDefault(true, `${ARGUMENTS}: main_params_dtype fp32`),
    'adapter.dtype': { ...weights, note: 'Megatron: adapters have the dtype of the model' },
    optimizer,
    optimizerImplementation: byDefault('fused', 'TransformerEngine FusedAdam'),
    loss: byDefault('vocab_parallel', `${ARGUMENTS}: cross_entropy_loss_fusion True`),
    fusedKernels: byDefault('transformer_engine', `${ARGUMENTS}: transformer_impl transformer_engine`),
    fusedExperts: byDefault(false, `${ARGUMENTS}: no argument for it; Megatron core: False`),
    'parallelism.overlapsExperts': byDefault(false, `${ARGUMENTS}: no argument for it; Megatron core: False`),
    'dataset.dropLast': byDefault(true, `${ARGUMENTS} init_iters: whole steps only`),
    'parallelism.data': data,
    checkpoints: readMegatronCheckpoints(fields),
    evaluation: readSwiftEvaluation(fields, libraries),
    ...readLengthGrouping(fields),
    ...(offload?.value ? { 'parallelism.offload': { ...offload, value: 'optimizer' } } : {}),
  }
}

function readSharding(fields: Fields, optimizer: Optimizer): Sourced<DataParallelism> {
  const fsdp = switchedOn(fields, 'use_megatron_fsdp')
  if (fsdp) {
    const key = 'data_parallel_sharding_strategy'
    return (
      (fields.isSet(key) ? fromTable(FSDP_STRATEGIES)(fields, key) : undefined) ?? {
        ...fsdp,
        value: 'fsdp2',
        note: `${ARGUMENTS}: optim_grads_params`,
      }
    )
  }
  if (optimizer === 'muon') return byDefault('ddp', `${ARGUMENTS} _check_muon: no distributed optimizer`)
  const sharded =
    (fields.isSet('use_distributed_optimizer') ? flag(fields, 'use_distributed_optimizer') : undefined) ??
    byDefault(true, `${ARGUMENTS}: use_distributed_optimizer True`)
  return { ...sharded, value: sharded.value ? 'distributed_optimizer' : 'ddp' }
}

function readCompute(fields: Fields): Sourced<ComputeDtype> | undefined {
  const four = fields.isSet('fp4_format') ? fields.string('fp4_format') : undefined
  if (four) return { ...four, value: 'nvfp4' }
  const eight = fields.isSet('fp8_format') ? fields.string('fp8_format') : undefined
  const recipe = fields.isSet('fp8_recipe') ? fields.string('fp8_recipe')?.value : undefined
  return eight && { ...eight, value: recipe === 'mxfp8' ? 'mxfp8' : 'float8' }
}

function readMegatronCheckpoints(fields: Fields): Sourced<CheckpointPlan> {
  const steps = fields.isSet('save_steps') ? positive(fields, 'save_steps') : undefined
  const epochs = fields.isSet('num_train_epochs') ? positive(fields, 'num_train_epochs')?.value : undefined
  const byEpoch = fields.isSet('save_strategy') && fields.string('save_strategy')?.value === 'epoch'
  return {
    ...(steps ?? byDefault(500, `${ARGUMENTS}: every 500 steps`)),
    value: {
      everySteps: byEpoch ? null : (steps?.value ?? 500),
      timesTotal: byEpoch ? (epochs ?? 1) : null,
      includesOptimizer: switchedOn(fields, 'no_save_optim') === undefined,
    },
  }
}

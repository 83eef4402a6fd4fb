import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { GradientCheckpointing } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'
import { applyRows, fixed, flag, fromTable, type KeyRow, keyRow, positive, positiveOrNone } from '../key-rows.ts'

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
    key: 'train_iters',
    plan: 'dataset.maxSteps',
    read: positiveOrNone,
    default: 'from the epochs',
    source: ARGUMENTS,
  }),
]

/** Megatron holds 16-bit weights, float32 main parameters, gradients and moments, sharded by its distributed optimizer. */
export function readMegatronSwift(fields: Fields): MutablePlanDraft {
  const draft = applyRows(MEGATRON_SWIFT_ROWS, fields, {})
  const sharded: Sourced<boolean> =
    (fields.isSet('use_distributed_optimizer') ? flag(fields, 'use_distributed_optimizer') : undefined) ??
    byDefault(true, `${ARGUMENTS}: use_distributed_optimizer True`)
  const offload = fields.isSet('optimizer_cpu_offload') ? flag(fields, 'optimizer_cpu_offload') : undefined
  return {
    ...draft,
    gradientAccumulationSteps: byDefault('auto', 'global batch ÷ (micro-batch × data-parallel ranks)'),
    quantization: byDefault('none', 'Megatron does not quantize frozen weights'),
    'precision.weights': byDefault('bfloat16', `${ARGUMENTS}: bf16`),
    'precision.compute': byDefault('bfloat16', `${ARGUMENTS}: bf16`),
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    'precision.gradients': byDefault('float32', `${ARGUMENTS}: main_grads_dtype fp32`),
    'precision.optimizerStates': byDefault('float32', `${ARGUMENTS}: exp_avg_dtype fp32`),
    'precision.masterWeights': byDefault(true, `${ARGUMENTS}: main_params_dtype fp32`),
    'adapter.dtype': byDefault('bfloat16', 'Megatron: adapters have the dtype of the model'),
    optimizer: byDefault('adamw', `${ARGUMENTS}: adam`),
    optimizerImplementation: byDefault('fused', 'TransformerEngine FusedAdam'),
    loss: byDefault('vocab_parallel', `${ARGUMENTS}: cross_entropy_loss_fusion True`),
    fusedKernels: byDefault('transformer_engine', `${ARGUMENTS}: transformer_impl transformer_engine`),
    'parallelism.data': { ...sharded, value: sharded.value ? 'distributed_optimizer' : 'ddp' },
    ...(offload?.value ? { 'parallelism.offload': { ...offload, value: 'optimizer' } } : {}),
  }
}

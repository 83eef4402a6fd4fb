import type { Finding } from '../plan/finding.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { GradientCheckpointing } from '../plan/training-plan.ts'
import type { AttentionKernel, Stage } from '../plan/vocabulary.ts'
import type { ConfigNode } from './config-document.ts'
import { Fields } from './fields.ts'
import { fixed, formatKeys, fromTable, type KeyRow, keyRow, positive } from './key-rows.ts'
import { decreasedBatch, readBatchSchedule } from './megatron-lm/batch-schedule.ts'
import { readForkEngine, readForkKernels, recomputesUnderOldName } from './megatron-lm/forks.ts'
import { readMegatronPrecision } from './megatron-lm/precision.ts'
import { switchedOn as on } from './megatron-lm/switched-on.ts'
import { reportMegatronUnmodelled } from './megatron-lm/unmodelled.ts'
import { megatronShapes } from './megatron-shapes.ts'
import type { FormatKey } from './reader.ts'
import { MEGATRON_REFUSALS } from './refusals/megatron-refusals.ts'
import { reportRefusals } from './refusals/refusal.ts'
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
    key: 'expert_tensor_parallel_size',
    plan: 'parallelism.expertTensor',
    read: positive,
    default: 'tensor_model_parallel_size',
    source: ARGUMENTS,
  }),
  keyRow({
    key: 'moe_token_dispatcher_type',
    plan: 'parallelism.expertDispatcher',
    read: fromTable({ allgather: 'allgather', alltoall: 'alltoall', alltoall_seq: 'alltoall', flex: 'flex' }),
    fallback: fixed('allgather', `${CONFIG}: allgather`),
    default: 'allgather',
    source: CONFIG,
  }),
  keyRow({
    key: 'overlap_moe_expert_parallel_comm',
    plan: 'parallelism.overlapsExperts',
    read: (fields, key) => on(fields, key),
    fallback: fixed(false, 'Megatron-LM core 0.20 megatron/core/model_parallel_config.py: False'),
    default: 'off',
    source: CONFIG,
  }),
  keyRow({
    key: 'attention_backend',
    plan: 'attention',
    read: fromTable({ flash: 'flash', fused: 'flash', auto: 'flash', unfused: 'eager', local: 'eager' }),
    default: 'auto: flash or fused; explicit scores in float32',
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
    [
      'checkpoint_activations, activations_checkpoint_method',
      'gradientCheckpointing (before core 0.1, and forks)',
      'none',
    ],
    [
      'deepspeed, zero_stage, no_pipeline_parallel, cpu_optimizer',
      'parallelism, precision (Megatron-DeepSpeed)',
      'no DeepSpeed; 0, off, off',
    ],
    ['use_flash_attn', 'attention (before core, and forks)', 'off: explicit scores'],
    [
      'glu_activation, attention_head_type, num_key_value_heads, pad_vocab_size_to',
      'model (forks)',
      'gelu, one key-value head a query head, none',
    ],
    ['recompute_method, recompute_num_layers', 'gradientCheckpointing', 'uniform: every layer; block: the first ones'],
    ['step_batch_size_schedule', 'globalBatchSize', 'none: one size'],
    ['decrease_batch_size_if_needed', 'globalBatchSize', 'off: it must divide'],
    ['use_transformer_engine_op_fuser', 'fusedExperts', 'off'],
    ['save_interval, no_save_optim', 'checkpoints', 'none'],
    ['eval_interval, eval_iters', 'evaluation', 'none, 100'],
    ['sft, perform_rl_step', 'stage', 'pretraining'],
    ['optimizer, optimizer_cpu_offload', 'optimizer, parallelism.offload', 'adam, off'],
  ]),
  ...keyTable('Megatron-LM tests/functional_tests/test_cases/*/model_config.yaml', [
    ['ENV_VARS', 'expandableSegments (beside MODEL_ARGS)', 'none'],
  ]),
]

/** Argument names with underscores and without dashes, as argparse stores them. */
export function normaliseArguments(node: ConfigNode): ConfigNode {
  // those of a command are so already, and note which unset variables were asked for
  if (![...node.entries.keys()].some(key => key.includes('-'))) return node
  const entries = new Map<string, ConfigNode>()
  for (const [key, child] of node.entries) entries.set(storedName(key), child)
  return { ...node, entries, open: new Set([...(node.open ?? [])].map(storedName)) }
}

function storedName(key: string): string {
  return key.replace(/^-+/, '').replaceAll('-', '_')
}

/** A run from Megatron-LM arguments; keys dash/underscore-normalised by {@link normaliseArguments}. */
export function readMegatronArguments(fields: Fields, findings: Finding[]): PlanDraft {
  const rows: MutablePlanDraft = {}
  for (const row of ROWS) row.apply(fields, rows, {})
  reportMegatronUnmodelled(fields, findings)
  reportRefusals(fields.node, MEGATRON_REFUSALS, findings)
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
    stage: readStage(fields),
    'adapter.type': byDefault(null, 'Megatron-LM trains every parameter'),
    ...megatronShapes(fields, findings),
    ...readMegatronPrecision(fields),
    attention: rows.attention ?? attentionByDtype(fields),
    ...when('globalBatchSize', readGlobalBatch(fields)),
    gradientAccumulationSteps: readGlobalBatch(fields)
      ? byDefault('auto', 'global batch ÷ (micro-batch × data-parallel ranks)')
      : byDefault(1, `${ARGUMENTS}: global batch = micro-batch × data-parallel ranks`),
    ...(samples ? { 'dataset.epochs': byDefault(1, '--train-samples counts all samples of the run') } : {}),
    packing: byDefault(true, 'Megatron GPTDataset: token stream'),
    variableLength: byDefault(false, 'every step has the same shape'),
    'dataset.padding': byDefault('none', 'Megatron GPTDataset: token stream'),
    gradientCheckpointing: readRecompute(fields),
    loss: byDefault('vocab_parallel', 'Megatron-LM core/tensor_parallel/cross_entropy.py'),
    fusedKernels: byDefault(local ? 'none' : 'transformer_engine', `${ARGUMENTS}: transformer_impl transformer_engine`),
    fusedExperts:
      on(fields, 'use_transformer_engine_op_fuser') ??
      byDefault(false, 'Megatron-LM core/transformer/transformer_config.py: use_transformer_engine_op_fuser False'),
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
    ...readForkKernels(fields),
    ...readForkEngine(fields),
    ...readWorld(fields),
  }
}

function readGlobalBatch(fields: Fields): DraftValue<number> | undefined {
  const batch = readBatchSchedule(fields) ?? positive(fields, 'global_batch_size')
  return batch && on(fields, 'decrease_batch_size_if_needed') ? decreasedBatch(fields, batch) : batch
}

/** TransformerEngine's flash and fused kernels take 16 bits only (pytorch/attention/dot_product_attention/utils.py). */
function attentionByDtype(fields: Fields): Sourced<AttentionKernel> {
  const isHalf = (on(fields, 'bf16') ?? on(fields, 'fp16')) !== undefined
  return isHalf
    ? byDefault('flash', `${ARGUMENTS}: auto picks flash or fused`)
    : byDefault('eager', 'TransformerEngine: explicit scores in float32')
}

function readStage(fields: Fields): Sourced<Stage> {
  const [supervised, online] = [on(fields, 'sft'), on(fields, 'perform_rl_step')]
  if (online) return mapped(online, () => 'grpo' as const)
  return supervised ? mapped(supervised, () => 'sft' as const) : byDefault('pretrain', `${ARGUMENTS}: pretraining`)
}

function readRecompute(fields: Fields): Sourced<GradientCheckpointing> {
  const granularity = fields.isSet('recompute_granularity')
    ? fields.oneOf('recompute_granularity', ['full', 'selective'])
    : undefined
  if (granularity) return (granularity.value === 'full' && readRecomputedLayers(fields)) || granularity
  const older = recomputesUnderOldName(fields)
  if (older) return mapped(older, () => 'full' as const)
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

/** `--save-interval`, which no script gives without `--save`; `--eval-interval` runs `--eval-iters` global batches. */
function readSchedule(fields: Fields): MutablePlanDraft {
  const save = fields.integer('save_interval', { min: 1 })
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

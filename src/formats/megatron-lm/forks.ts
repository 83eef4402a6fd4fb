import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { DataParallelism, StorageDtype } from '../../plan/vocabulary.ts'
import { hasAnyKey } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { mapped } from '../section.ts'
import { switchedOn as on } from './switched-on.ts'

const DEEPSPEED = 'Megatron-DeepSpeed @f4157be megatron/arguments.py'
const STAGES: readonly DataParallelism[] = ['ddp', 'zero1', 'zero2', 'zero3']

/** Arguments that only Megatron-LM before core and forks of that age have: their own layers instead of TransformerEngine's. */
const OLDER = [
  'checkpoint_activations',
  'activations_checkpoint_method',
  'glu_activation',
  'attention_head_type',
] as const

/** Trained by DeepSpeed (bigscience's and Microsoft's Megatron-DeepSpeed). */
export function isMegatronDeepSpeed(fields: Fields): boolean {
  return hasAnyKey(fields.node, 'deepspeed', 'deepspeed_config', 'zero_stage')
}

/** Whole layers are recomputed under names of Megatron-LM before core 0.1. */
export function recomputesUnderOldName(fields: Fields): Sourced<boolean> | undefined {
  const method = fields.isSet('activations_checkpoint_method')
    ? fields.string('activations_checkpoint_method')
    : undefined
  return on(fields, 'checkpoint_activations') ?? (method && mapped(method, () => true))
}

/** Layers without TransformerEngine: flash attention only where a switch says so. */
export function readForkKernels(fields: Fields): MutablePlanDraft {
  if (!isMegatronDeepSpeed(fields) && !hasAnyKey(fields.node, ...OLDER)) return {}
  const flash = [
    'use_flash_attn',
    'use_flash_attn_v1',
    'use_flash_attn_v2',
    'use_flash_attn_triton',
    'use_flash_attn_builder',
  ]
    .map(key => on(fields, key))
    .find(found => found !== undefined)
  return {
    fusedKernels: byDefault('none', `${DEEPSPEED}: layers of its own`),
    attention: flash
      ? mapped(flash, () => 'flash' as const)
      : byDefault('eager', `${DEEPSPEED}: CoreAttention without use_flash_attn`),
  }
}

/** What DeepSpeed holds and shards; it partitions the states of bfloat16 pipelines itself (runtime/bf16_optimizer.py). */
export function readForkEngine(fields: Fields): MutablePlanDraft {
  if (!isMegatronDeepSpeed(fields)) return {}
  const named = fields.isSet('zero_stage') ? fields.integer('zero_stage', { min: 0, max: 3 }) : undefined
  const stage = named ?? byDefault(0, `${DEEPSPEED}: zero_stage 1.0 of the config file, which is not read`)
  const isPipeline = !on(fields, 'no_pipeline_parallel')
  const bf16 = on(fields, 'bf16')
  const ownStates = bf16 !== undefined && isPipeline && stage.value < 2
  const dtype: StorageDtype = bf16 ? 'bfloat16' : on(fields, 'fp16') ? 'float16' : 'float32'
  const offload = on(fields, 'cpu_optimizer')
  const experts = fields.isSet('moe_expert_parallel_size')
    ? fields.integer('moe_expert_parallel_size', { min: 1 })
    : undefined
  return {
    'parallelism.data': mapped(stage, value => (ownStates ? 'zero1' : (STAGES[value] ?? 'ddp'))),
    'precision.gradients': ownStates
      ? byDefault('float32', 'DeepSpeed runtime/bf16_optimizer.py: gradients are accumulated in float32')
      : byDefault(dtype, 'DeepSpeed: the dtype of the module'),
    checkpointingReentrant: byDefault(true, 'DeepSpeed runtime/activation_checkpointing: a re-entrant function'),
    ...(offload ? { 'parallelism.offload': mapped(offload, () => 'optimizer' as const) } : {}),
    ...(experts ? { 'parallelism.expert': experts } : {}),
    ...(isPipeline ? {} : { 'parallelism.pipeline': byDefault(1, `${DEEPSPEED}: no_pipeline_parallel`) }),
  }
}

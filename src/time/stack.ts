import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ComputeDtype, Framework } from '../plan/vocabulary.ts'
import type { ConstantName } from './efficiency.ts'

/** A family of training code with its own kernels and host time. */
export interface Stack {
  readonly id:
    | 'transformer-engine'
    | 'composer'
    | 'torchtune'
    | 'hand-fused'
    | 'megatron'
    | 'torchtitan'
    | 'hugging-face'
  readonly efficiency: ConstantName
  readonly host: ConstantName
  readonly hostShard: ConstantName
  /** Norms, rotary and activations are fused kernels. */
  readonly fused: boolean
  /** Attention kernels of 2023. */
  readonly oldAttention: boolean
  readonly exposedData: ConstantName
}

const NATIVE = { host: 'host_native', hostShard: 'host_shard_native', exposedData: 'exposed_data' } as const

const TRANSFORMER_ENGINE: Stack = {
  id: 'transformer-engine',
  efficiency: 'efficiency_transformer_engine',
  ...NATIVE,
  host: 'host_transformer_engine',
  fused: true,
  oldAttention: false,
}
const COMPOSER: Stack = {
  id: 'composer',
  efficiency: 'efficiency_native',
  ...NATIVE,
  fused: false,
  oldAttention: true,
}
const TORCHTUNE: Stack = {
  id: 'torchtune',
  efficiency: 'efficiency_native',
  ...NATIVE,
  fused: false,
  oldAttention: false,
}
const TORCHTITAN: Stack = {
  id: 'torchtitan',
  efficiency: 'efficiency_plain',
  ...NATIVE,
  fused: false,
  oldAttention: false,
}
const HAND_FUSED: Stack = {
  id: 'hand-fused',
  efficiency: 'efficiency_plain',
  ...NATIVE,
  fused: true,
  oldAttention: false,
}
const MEGATRON: Stack = {
  id: 'megatron',
  efficiency: 'efficiency_plain',
  host: 'host_megatron',
  hostShard: 'host_shard_native',
  fused: true,
  oldAttention: false,
  exposedData: 'exposed_data_megatron',
}
const HUGGING_FACE: Stack = {
  id: 'hugging-face',
  efficiency: 'efficiency_plain',
  host: 'host_hugging_face',
  hostShard: 'host_shard_hugging_face',
  fused: false,
  oldAttention: false,
  exposedData: 'exposed_data',
}

const BY_FRAMEWORK: Partial<Readonly<Record<Framework, Stack>>> = {
  'llm-foundry': COMPOSER,
  torchtune: TORCHTUNE,
  torchtitan: TORCHTITAN,
  'nemo-automodel': TORCHTITAN,
  olmo: TORCHTITAN,
  megatron: MEGATRON,
  'gpt-neox': MEGATRON,
  nemo: MEGATRON,
  nanotron: HAND_FUSED,
}

/** Which family of code a plan runs on. */
export function stackOf(plan: TrainingPlan): Stack {
  const composed = BY_FRAMEWORK[plan.framework]
  if (plan.fusedKernels === 'transformer_engine') {
    return composed === COMPOSER ? { ...COMPOSER, fused: true } : TRANSFORMER_ENGINE
  }
  if (composed !== undefined) return composed
  if (plan.framework === 'other') return plan.stage === 'pretrain' ? HAND_FUSED : HUGGING_FACE
  // Megatron-DeepSpeed pre-training: fused kernels and unfused attention
  if (plan.framework === 'deepspeed' && plan.stage === 'pretrain' && plan.attention === 'eager') return MEGATRON
  return HUGGING_FACE
}

const MEGATRON_CORE: ReadonlySet<Framework> = new Set(['megatron', 'nemo', 'gpt-neox'])

/** Runs on Megatron core: experts are called one by one, sharded weights gathered without a copy. */
export function isMegatronCore({ framework }: TrainingPlan): boolean {
  return MEGATRON_CORE.has(framework)
}

/** Operands have a scale for each block of values. */
export const BLOCKED: ReadonlySet<ComputeDtype> = new Set<ComputeDtype>(['mxfp8', 'nvfp4'])
const NARROW: ReadonlySet<ComputeDtype> = new Set<ComputeDtype>(['float8', 'mxfp8', 'nvfp4'])

/** Products read operands of 8 bit or less. */
export function computesNarrow({ precision }: TrainingPlan): boolean {
  return NARROW.has(precision.compute)
}

/** Elementwise work of the blocks runs in fused kernels. */
export function isFused(plan: TrainingPlan, stack: Stack): boolean {
  return stack.fused || plan.compile || plan.fusedKernels !== 'none'
}

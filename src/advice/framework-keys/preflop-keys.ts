import type { TrainingPlan } from '../../plan/training-plan.ts'
import { batchKeys, evaluationKey, type FrameworkSpelling, lengthKey } from './spelling.ts'

/** The native file: every field of the plan is a key. */
export const PREFLOP_KEYS: FrameworkSpelling = {
  'micro-batch': batchKeys('micro_batch_size', 'gradient_accumulation_steps'),
  'token-batch': lengthKey('sequence_length'),
  'evaluation-batch': evaluationKey('evaluation.micro_batch_size'),
  checkpointing: ({ gradientCheckpointing }) => ({ gradient_checkpointing: gradientCheckpointing }),
  'fused-loss': () => ({ loss: 'fused_linear', fused_kernels: 'liger' }),
  'flash-attention': () => ({ attention: 'flash' }),
  'half-precision': ({ precision }) => ({
    'precision.compute': precision.compute,
    'precision.autocast': precision.autocast,
  }),
  packing: () => ({ packing: true }),
  'engine-share': ({ reinforcement }) => ({
    'reinforcement.colocated_memory_share': reinforcement?.colocatedMemoryShare,
  }),
  'engine-sleep': () => ({ 'reinforcement.sleep_mode': true }),
  'away-reference': () => ({ 'reinforcement.reference_model': 'precomputed' }),
  'eight-bit-optimizer': () => ({ 'precision.optimizer_states': 'int8' }),
  sharding: plan => ({
    'parallelism.data': plan.parallelism.data,
    ...(plan.parallelism.offload === 'none' ? {} : { 'parallelism.offload': plan.parallelism.offload }),
    ...(plan.adapter === null ? precisionKeys(plan) : {}),
  }),
  'distributed-optimizer': ({ parallelism }) => ({ 'parallelism.data': parallelism.data }),
  'tensor-ranks': ({ parallelism, gradientAccumulationSteps }) => ({
    'parallelism.tensor': parallelism.tensor,
    gradient_accumulation_steps: gradientAccumulationSteps,
  }),
  'offload-everything': ({ parallelism }) => ({ 'parallelism.offload': parallelism.offload }),
  lora: plan => ({
    'adapter.type': 'lora',
    'adapter.rank': 16,
    'adapter.target_modules': 'all-linear',
    ...precisionKeys(plan),
  }),
  'quantized-base': () => ({ quantization: 'nf4-double' }),
  'sequence-length': lengthKey('sequence_length'),
}

function precisionKeys({ precision }: TrainingPlan): Readonly<Record<string, unknown>> {
  return {
    'precision.weights': precision.weights,
    'precision.gradients': precision.gradients,
    'precision.optimizer_states': precision.optimizerStates,
    'precision.master_weights': precision.masterWeights,
    'precision.autocast': precision.autocast,
  }
}

import type { AdapterPlan, TrainingPlan } from '../plan/training-plan.ts'

/** One change of a plan that may make it fit, smallest disruption first. */
export interface PlanChange {
  readonly id: ChangeId
  readonly title: string
  /** How much of the run it changes: 1 no result at all, from 10 what is trained. */
  readonly disruption: number
  /** The changed plan; null: does not apply. */
  apply(plan: TrainingPlan): TrainingPlan | null
}

export type ChangeId =
  | 'checkpointing'
  | 'fused-loss'
  | 'smaller-micro-batch'
  | 'flash-attention'
  | 'eight-bit-optimizer'
  | 'shard-optimizer'
  | 'shard-everything'
  | 'lora'
  | 'quantized-base'
  | 'offload-optimizer'
  | 'shorter-sequences'

/** Adapters of a fix: LoRA as the frameworks’ examples have it. */
const LORA: AdapterPlan = {
  type: 'lora',
  rank: 16,
  targetModules: 'all-linear',
  excludeModules: [],
  targetParameters: [],
  layersToTransform: null,
  rankPattern: {},
  modulesToSave: [],
  dtype: 'float32',
  dropout: 0,
  bias: 'none',
  virtualTokens: 20,
  kernels: [],
  targetRule: 'peft',
}

export const PLAN_CHANGES: readonly PlanChange[] = [
  {
    id: 'fused-loss',
    title: 'fuse the loss with the head so that logits are never stored (Liger)',
    disruption: 1,
    apply: plan =>
      ['fused_linear', 'cut_cross_entropy', 'chunked'].includes(plan.loss)
        ? null
        : { ...plan, loss: 'fused_linear', fusedKernels: plan.fusedKernels === 'none' ? 'liger' : plan.fusedKernels },
  },
  {
    id: 'checkpointing',
    title: 'turn gradient checkpointing on',
    disruption: 1,
    apply: plan => (plan.gradientCheckpointing === 'full' ? null : { ...plan, gradientCheckpointing: 'full' }),
  },
  {
    id: 'smaller-micro-batch',
    title: 'a smaller micro-batch with more accumulation, same global batch',
    disruption: 1,
    apply: halveMicroBatch,
  },
  {
    id: 'flash-attention',
    title: 'use FlashAttention',
    disruption: 1,
    apply: plan => (plan.attention === 'eager' ? { ...plan, attention: 'flash' } : null),
  },
  {
    id: 'eight-bit-optimizer',
    title: 'keep the optimizer states in 8 bit',
    disruption: 3,
    apply: plan =>
      plan.optimizer === 'adamw' && plan.precision.optimizerStates !== 'int8' && !plan.precision.masterWeights
        ? { ...plan, precision: { ...plan.precision, optimizerStates: 'int8' } }
        : null,
  },
  {
    id: 'shard-optimizer',
    title: 'shard gradients and optimizer states over the GPUs (ZeRO-2)',
    disruption: 3,
    apply: plan =>
      plan.gpus > 1 && ['none', 'ddp', 'zero1'].includes(plan.parallelism.data) ? withData(plan, 'zero2') : null,
  },
  {
    id: 'shard-everything',
    title: 'shard everything over the GPUs (ZeRO-3)',
    disruption: 4,
    apply: plan =>
      plan.gpus > 1 && ['none', 'ddp', 'zero1', 'zero2'].includes(plan.parallelism.data)
        ? withData(plan, 'zero3')
        : null,
  },
  {
    id: 'offload-optimizer',
    title: 'keep the optimizer states in host memory',
    disruption: 5,
    apply: plan =>
      plan.parallelism.data.startsWith('zero') && plan.parallelism.offload === 'none'
        ? { ...plan, parallelism: { ...plan.parallelism, offload: 'optimizer' } }
        : null,
  },
  {
    id: 'lora',
    title: 'train LoRA adapters instead of every parameter',
    disruption: 10,
    apply: plan => (plan.adapter === null && plan.stage !== 'pretrain' ? withAdapter(plan) : null),
  },
  {
    id: 'quantized-base',
    title: 'keep the frozen base in 4 bit (QLoRA)',
    disruption: 6,
    apply: plan =>
      plan.adapter !== null && plan.quantization === 'none' ? { ...plan, quantization: 'nf4-double' } : null,
  },
  {
    id: 'shorter-sequences',
    title: 'shorter sequences: samples beyond are cut or dropped',
    disruption: 12,
    apply: plan =>
      plan.sequenceLength >= 1024 ? { ...plan, sequenceLength: Math.floor(plan.sequenceLength / 2) } : null,
  },
]

function halveMicroBatch(plan: TrainingPlan): TrainingPlan | null {
  const smaller = Math.floor(plan.microBatchSize / 2)
  if (smaller < 1) return null
  const accumulation = (plan.gradientAccumulationSteps * plan.microBatchSize) / smaller
  return Number.isInteger(accumulation)
    ? { ...plan, microBatchSize: smaller, gradientAccumulationSteps: accumulation }
    : halveUneven(plan)
}

/** The largest divisor below the micro-batch keeps the global batch exact. */
function halveUneven(plan: TrainingPlan): TrainingPlan | null {
  for (let smaller = Math.floor(plan.microBatchSize / 2); smaller >= 1; smaller -= 1)
    if (plan.microBatchSize % smaller === 0)
      return {
        ...plan,
        microBatchSize: smaller,
        gradientAccumulationSteps: (plan.gradientAccumulationSteps * plan.microBatchSize) / smaller,
      }
  return null
}

/** ZeRO holds a 16-bit copy and float32 masters (DeepSpeed runtime/engine.py). */
function withData(plan: TrainingPlan, data: 'zero2' | 'zero3'): TrainingPlan {
  const weights = plan.precision.compute === 'float16' ? 'float16' : 'bfloat16'
  const isFull = plan.adapter === null
  const precision = isFull
    ? ({
        ...plan.precision,
        weights,
        gradients: weights,
        optimizerStates: 'float32',
        masterWeights: true,
        masterWeightBytes: 4,
        outerWeights: null,
        trainedWeights: null,
        autocast: false,
      } as const)
    : plan.precision
  return { ...plan, precision, parallelism: { ...plan.parallelism, data } }
}

function withAdapter(plan: TrainingPlan): TrainingPlan {
  const weights =
    plan.precision.weights === 'float32' && plan.precision.compute === 'bfloat16' ? 'bfloat16' : plan.precision.weights
  return {
    ...plan,
    adapter: LORA,
    precision: {
      ...plan.precision,
      weights,
      gradients: 'float32',
      optimizerStates: 'float32',
      masterWeights: false,
      outerWeights: null,
      trainedWeights: null,
    },
  }
}

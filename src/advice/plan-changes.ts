import type { TrainingPlan } from '../plan/training-plan.ts'
import {
  type ChangeFacts,
  doubleTensorRanks,
  halveMicroBatch,
  halveTokenBatch,
  lowerEngineShare,
  withAdapter,
  withZero,
} from './changed-plans.ts'

/** One change of a plan that may make it pass, smallest disruption first. */
export interface PlanChange {
  /** What a file says to make it; two changes of one kind exclude each other. */
  readonly spelling: SpelledChange
  readonly title: string
  /** How much of the run it changes: 1 no result at all, from 10 what is trained. */
  readonly disruption: number
  /** Which figures it can lower. */
  readonly lowers: readonly LoweredFigure[]
  /** How often it may be applied until the run passes: what halves, doubles or steps down. Absent: once. */
  readonly repeats?: number
  /** The changed plan; null: does not apply. */
  apply(plan: TrainingPlan, facts: ChangeFacts): TrainingPlan | null
}

export type LoweredFigure = 'memory' | 'time'

/** What a framework's own keys say: the value follows from the changed plan. */
export type SpelledChange =
  | 'micro-batch'
  | 'token-batch'
  | 'evaluation-batch'
  | 'checkpointing'
  | 'fused-loss'
  | 'flash-attention'
  | 'half-precision'
  | 'packing'
  | 'engine-share'
  | 'engine-sleep'
  | 'away-reference'
  | 'eight-bit-optimizer'
  | 'sharding'
  | 'distributed-optimizer'
  | 'tensor-ranks'
  | 'offload-everything'
  | 'lora'
  | 'quantized-base'
  | 'sequence-length'

export const PLAN_CHANGES: readonly PlanChange[] = [
  {
    spelling: 'fused-loss',
    title: 'fuse the loss with the head so that logits are never stored (Liger)',
    disruption: 1,
    lowers: ['memory', 'time'],
    apply: plan =>
      ['fused_linear', 'cut_cross_entropy', 'chunked', 'chunked_linear'].includes(plan.loss)
        ? null
        : { ...plan, loss: 'fused_linear', fusedKernels: plan.fusedKernels === 'none' ? 'liger' : plan.fusedKernels },
  },
  {
    spelling: 'checkpointing',
    title: 'turn gradient checkpointing on',
    disruption: 1,
    lowers: ['memory'],
    apply: plan => (plan.gradientCheckpointing === 'full' ? null : { ...plan, gradientCheckpointing: 'full' }),
  },
  {
    spelling: 'micro-batch',
    title: 'a smaller micro-batch with more accumulation, same global batch',
    disruption: 1,
    lowers: ['memory'],
    repeats: 6,
    apply: halveMicroBatch,
  },
  {
    spelling: 'evaluation-batch',
    title: 'a smaller batch in evaluation, where the peak is',
    disruption: 0.5,
    lowers: ['memory'],
    repeats: 6,
    apply: ({ evaluation, ...plan }) =>
      evaluation !== null && evaluation.microBatchSize > 1
        ? { ...plan, evaluation: { ...evaluation, microBatchSize: Math.floor(evaluation.microBatchSize / 2) } }
        : null,
  },
  {
    spelling: 'token-batch',
    title: 'fewer tokens in a packed micro-batch, same global batch',
    disruption: 1,
    lowers: ['memory'],
    repeats: 6,
    apply: halveTokenBatch,
  },
  {
    spelling: 'micro-batch',
    title: 'a larger micro-batch with less accumulation, same global batch',
    disruption: 1,
    lowers: ['time'],
    repeats: 6,
    apply: plan =>
      plan.reinforcement === null && plan.gradientAccumulationSteps % 2 === 0
        ? {
            ...plan,
            microBatchSize: plan.microBatchSize * 2,
            gradientAccumulationSteps: plan.gradientAccumulationSteps / 2,
          }
        : null,
  },
  {
    spelling: 'checkpointing',
    title: 'turn gradient checkpointing off: there is room for the activations',
    disruption: 1,
    lowers: ['time'],
    apply: plan => (plan.gradientCheckpointing === 'none' ? null : { ...plan, gradientCheckpointing: 'none' }),
  },
  {
    spelling: 'flash-attention',
    title: 'use FlashAttention',
    disruption: 1,
    lowers: ['memory', 'time'],
    apply: plan => (plan.attention === 'eager' ? { ...plan, attention: 'flash' } : null),
  },
  {
    spelling: 'half-precision',
    title: 'compute in bfloat16 (mixed precision)',
    disruption: 2,
    lowers: ['memory', 'time'],
    apply: (plan, { gpu }) =>
      gpu?.bf16Supported && ['float32', 'tf32'].includes(plan.precision.compute)
        ? {
            ...plan,
            precision: { ...plan.precision, compute: 'bfloat16', autocast: plan.precision.weights === 'float32' },
          }
        : null,
  },
  {
    spelling: 'engine-sleep',
    title: 'let the colocated vLLM release its memory during the update',
    disruption: 1,
    lowers: ['memory'],
    apply: plan =>
      plan.reinforcement?.generation === 'vllm_colocate' && !plan.reinforcement.sleepMode
        ? { ...plan, reinforcement: { ...plan.reinforcement, sleepMode: true } }
        : null,
  },
  {
    spelling: 'engine-share',
    title: 'leave the colocated vLLM a smaller share of the GPU',
    disruption: 2,
    lowers: ['memory'],
    repeats: 6,
    apply: lowerEngineShare,
  },
  {
    spelling: 'away-reference',
    title: 'keep the reference model out of GPU memory during the update',
    disruption: 2,
    lowers: ['memory'],
    apply: plan =>
      plan.reinforcement?.referenceModel === 'separate'
        ? { ...plan, reinforcement: { ...plan.reinforcement, referenceModel: 'precomputed' } }
        : null,
  },
  {
    spelling: 'distributed-optimizer',
    title: 'shard the optimizer states over the data-parallel ranks (distributed optimizer)',
    disruption: 2,
    lowers: ['memory'],
    apply: plan =>
      plan.gpus > 1 && ['none', 'ddp'].includes(plan.parallelism.data)
        ? { ...plan, parallelism: { ...plan.parallelism, data: 'distributed_optimizer' } }
        : null,
  },
  {
    spelling: 'sharding',
    title: 'keep whole weights on each GPU (ZeRO-2): less communication',
    disruption: 2,
    lowers: ['time'],
    apply: ({ parallelism, ...plan }) =>
      parallelism.data === 'zero3' && parallelism.offload === 'none'
        ? { ...plan, parallelism: { ...parallelism, data: 'zero2' } }
        : null,
  },
  {
    spelling: 'sharding',
    title: 'keep the optimizer states on the GPU: no traffic with the host',
    disruption: 2,
    lowers: ['time'],
    apply: ({ parallelism, ...plan }) =>
      parallelism.data.startsWith('zero') && parallelism.offload !== 'none'
        ? { ...plan, parallelism: { ...parallelism, offload: 'none' } }
        : null,
  },
  {
    spelling: 'eight-bit-optimizer',
    title: 'keep the optimizer states in 8 bit',
    disruption: 3,
    lowers: ['memory'],
    apply: plan =>
      plan.optimizer === 'adamw' && plan.precision.optimizerStates !== 'int8' && !plan.precision.masterWeights
        ? { ...plan, precision: { ...plan.precision, optimizerStates: 'int8' } }
        : null,
  },
  {
    spelling: 'sharding',
    title: 'shard gradients and optimizer states over the GPUs (ZeRO-2)',
    disruption: 3,
    lowers: ['memory'],
    apply: plan =>
      plan.gpus > 1 && ['none', 'ddp', 'zero1'].includes(plan.parallelism.data) ? withZero(plan, 'zero2') : null,
  },
  {
    spelling: 'sharding',
    title: 'shard everything over the GPUs (ZeRO-3)',
    disruption: 4,
    lowers: ['memory'],
    apply: plan =>
      plan.gpus > 1 && ['none', 'ddp', 'zero1', 'zero2'].includes(plan.parallelism.data)
        ? withZero(plan, 'zero3')
        : null,
  },
  {
    spelling: 'tensor-ranks',
    title: 'split the model over more tensor-parallel ranks, same global batch',
    disruption: 4,
    lowers: ['memory'],
    repeats: 3,
    apply: doubleTensorRanks,
  },
  {
    spelling: 'sharding',
    title: 'keep the optimizer states in host memory',
    disruption: 5,
    lowers: ['memory'],
    apply: plan =>
      plan.parallelism.data.startsWith('zero') && plan.parallelism.offload === 'none'
        ? { ...plan, parallelism: { ...plan.parallelism, offload: 'optimizer' } }
        : null,
  },
  {
    spelling: 'offload-everything',
    title: 'keep parameters and optimizer states in host memory',
    disruption: 6,
    lowers: ['memory'],
    apply: plan =>
      plan.parallelism.data === 'fsdp2' && plan.parallelism.offload === 'none'
        ? { ...plan, parallelism: { ...plan.parallelism, offload: 'parameters_and_optimizer' } }
        : null,
  },
  {
    spelling: 'packing',
    title: 'pack samples into full sequences: no padding, fewer and fuller steps',
    disruption: 6,
    lowers: ['time'],
    apply: plan =>
      !plan.packing && plan.stage === 'sft' && plan.dataset.padding !== 'none'
        ? { ...plan, packing: true, variableLength: false, dataset: { ...plan.dataset, padding: 'none' } }
        : null,
  },
  {
    spelling: 'lora',
    title: 'train LoRA adapters instead of every parameter',
    disruption: 10,
    lowers: ['memory', 'time'],
    apply: plan => (plan.adapter === null && plan.stage !== 'pretrain' ? withAdapter(plan) : null),
  },
  {
    spelling: 'quantized-base',
    title: 'keep the frozen base in 4 bit (QLoRA)',
    disruption: 6,
    lowers: ['memory'],
    apply: plan =>
      plan.adapter !== null && plan.quantization === 'none' ? { ...plan, quantization: 'nf4-double' } : null,
  },
  {
    spelling: 'sequence-length',
    title: 'shorter sequences: samples beyond are cut or dropped',
    disruption: 12,
    // a shorter run by training on less is no fix
    lowers: ['memory'],
    // below a quarter little is left of what was to be learned
    repeats: 2,
    apply: plan =>
      plan.sequenceLength >= 1024 ? { ...plan, sequenceLength: Math.floor(plan.sequenceLength / 2) } : null,
  },
]

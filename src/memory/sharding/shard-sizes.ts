import type { TrainingPlan } from '../../plan/training-plan.ts'

/** Over how many ranks each kind of state is divided. */
export interface ShardSizes {
  readonly dataParallel: number
  readonly weights: number
  readonly gradients: number
  readonly states: number
}

/** ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054 §5) and its FSDP and Megatron forms. Context-parallel ranks shard too. */
export function shardSizes(plan: TrainingPlan): ShardSizes {
  const { data, tensor, pipeline, context, shardSize } = plan.parallelism
  const dataParallel = Math.max(1, plan.gpus / (tensor * pipeline * context))
  const group = Math.max(1, Math.min(shardSize ?? dataParallel * context, dataParallel * context))
  const divided = DIVIDES[data]
  return {
    dataParallel,
    weights: divided.weights ? group : 1,
    gradients: divided.gradients ? group : 1,
    states: divided.states ? group : 1,
  }
}

const DIVIDES = {
  none: { weights: false, gradients: false, states: false },
  ddp: { weights: false, gradients: false, states: false },
  zero1: { weights: false, gradients: false, states: true },
  distributed_optimizer: { weights: false, gradients: false, states: true },
  zero2: { weights: false, gradients: true, states: true },
  zero3: { weights: true, gradients: true, states: true },
  fsdp1: { weights: true, gradients: true, states: true },
  fsdp2: { weights: true, gradients: true, states: true },
} as const

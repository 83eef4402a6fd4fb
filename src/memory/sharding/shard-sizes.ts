import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { Quantization } from '../../plan/vocabulary.ts'
import type { RankParameters } from './rank-parameters.ts'

/** By how much each kind of state is divided: a rank count, or its mean over dense and expert parameters. */
export interface ShardSizes {
  readonly dataParallel: number
  readonly weights: number
  readonly quantized: number
  readonly gradients: number
  readonly states: number
}

/** ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054 §5) and its FSDP and Megatron forms. Context-parallel ranks shard too. */
export function shardSizes(plan: TrainingPlan, parameters: RankParameters): ShardSizes {
  const { data, tensor, pipeline, context, shardSize, expert } = plan.parallelism
  const dataParallel = Math.max(1, plan.gpus / (tensor * pipeline * context))
  const group = Math.max(1, Math.min(shardSize ?? dataParallel * context, dataParallel * context))
  const expertGroup = Math.max(1, (group * tensor) / (expertTensorParallel(plan) * expert))
  const divided = DIVIDES[data]
  const mean = (experts: number, all: number) =>
    all === 0 || experts === 0 || expertGroup === group
      ? group
      : all / ((all - experts) / group + experts / expertGroup)
  const ofWeights = divided.weights ? mean(parameters.expertTotal, parameters.total) : 1
  const ofTrained = mean(parameters.trainableExperts, parameters.trainable)
  return {
    dataParallel,
    weights: ofWeights,
    quantized: keepsQuantizedWhole(plan) ? 1 : ofWeights,
    gradients: divided.gradients ? ofTrained : 1,
    states: divided.states ? ofTrained : 1,
  }
}

/** accelerate 1.15 utils/fsdp_utils.py fsdp2_prepare_model: frozen Params4bit of a type that is not floating become `ignored_params`. */
function keepsQuantizedWhole({ quantization, quantizationDetails, parallelism }: TrainingPlan): boolean {
  return parallelism.data === 'fsdp2' && quantizationDetails.packsInBytes && PACKED_IN_FOUR_BITS.has(quantization)
}

const PACKED_IN_FOUR_BITS: ReadonlySet<Quantization> = new Set(['nf4', 'nf4-double', 'fp4'])

/** Ranks that share one expert's matrices: the plan's or the tensor-parallel ones, as far as expert ranks leave any (Megatron-LM core/parallel_state.py, expert_tensor_parallel_size). */
export function expertTensorParallel({ gpus, parallelism }: TrainingPlan): number {
  const { tensor, pipeline, expert, expertTensor } = parallelism
  if (expertTensor !== null) return expertTensor
  return expert === 1 ? tensor : Math.max(1, Math.min(tensor, Math.floor(gpus / (pipeline * expert))))
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

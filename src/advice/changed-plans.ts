import type { Gpu } from '../hardware/gpu.ts'
import type { AdapterPlan, TrainingPlan } from '../plan/training-plan.ts'
import type { DataParallelism } from '../plan/vocabulary.ts'

/** What a change needs to know beside the plan. */
export interface ChangeFacts {
  readonly parameters: number
  /** null: not known. */
  readonly gpu: Gpu | null
  readonly usableBytes: number | null
  /** The framework has a key for the micro-batch of evaluation; else it is that of training. */
  readonly ownEvaluationBatch: boolean
}

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

/** The largest divisor up to half of the micro-batch keeps the global batch exact. */
export function halveMicroBatch(plan: TrainingPlan, { ownEvaluationBatch }: ChangeFacts): TrainingPlan | null {
  const { microBatchSize, gradientAccumulationSteps, evaluation } = plan
  const total = gradientAccumulationSteps * microBatchSize
  let smaller = Math.floor(microBatchSize / 2)
  while (smaller > 1 && total % smaller !== 0) smaller -= 1
  if (smaller < 1) return null
  const follows = evaluation !== null && !ownEvaluationBatch && evaluation.microBatchSize === microBatchSize
  return {
    ...plan,
    microBatchSize: smaller,
    gradientAccumulationSteps: total / smaller,
    evaluation: follows ? { ...evaluation, microBatchSize: smaller } : evaluation,
  }
}

/** A packed micro-batch has to hold the longest prompt with its completion. */
export function halveTokenBatch(plan: TrainingPlan): TrainingPlan | null {
  if (plan.reinforcement === null || !plan.packing) return null
  const least = plan.reinforcement.promptLength + plan.reinforcement.completionLength
  const smaller = Math.max(least, Math.floor(plan.sequenceLength / 2))
  if (smaller >= plan.sequenceLength) return null
  const gradientAccumulationSteps = Math.ceil((plan.gradientAccumulationSteps * plan.sequenceLength) / smaller)
  return { ...plan, sequenceLength: smaller, gradientAccumulationSteps }
}

/** Beside its weights an engine needs room for the keys and values of what it generates. */
const ENGINE_ROOM = 0.1
const ENGINE_STEP = 0.1

export function lowerEngineShare(plan: TrainingPlan, { parameters, usableBytes }: ChangeFacts): TrainingPlan | null {
  const { reinforcement } = plan
  if (reinforcement === null || usableBytes === null || reinforcement.generation !== 'vllm_colocate') return null
  const least = (parameters * 2) / usableBytes + ENGINE_ROOM
  const share = Number((reinforcement.colocatedMemoryShare - ENGINE_STEP).toFixed(2))
  return share >= least ? { ...plan, reinforcement: { ...reinforcement, colocatedMemoryShare: share } } : null
}

/** Within a node; half as many data-parallel ranks accumulate twice as often. */
export function doubleTensorRanks(plan: TrainingPlan): TrainingPlan | null {
  const { tensor, pipeline, context } = plan.parallelism
  const doubled = tensor * 2
  if (doubled > plan.gpusPerNode || plan.gpus % (doubled * pipeline * context) !== 0) return null
  return {
    ...plan,
    gradientAccumulationSteps: plan.gradientAccumulationSteps * 2,
    parallelism: { ...plan.parallelism, tensor: doubled },
  }
}

/** ZeRO holds a 16-bit copy and float32 masters (DeepSpeed runtime/engine.py). */
export function withZero(plan: TrainingPlan, data: Extract<DataParallelism, 'zero2' | 'zero3'>): TrainingPlan {
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

export function withAdapter(plan: TrainingPlan): TrainingPlan {
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

import type { Provenance, Sourced } from './provenance.ts'
import type {
  BillingPlan,
  BufferPlan,
  CalibrationPlan,
  CheckpointPlan,
  EvaluationPlan,
  FreezePlan,
  GradientCheckpointing,
  OverheadPlan,
  PricePlan,
  QuantizationDetails,
  ReinforcementPlan,
} from './training-plan.ts'
import type {
  AdapterKernel,
  AdapterType,
  AttentionKernel,
  ComputeDtype,
  DataParallelism,
  ExpertDispatcher,
  Framework,
  FsdpWrap,
  FusedKernels,
  Loss,
  Offload,
  Optimizer,
  OptimizerImplementation,
  OptimizerStateDtype,
  Quantization,
  Stage,
  StorageDtype,
} from './vocabulary.ts'

/** Where the shapes come from: a Hub id, a path of a config.json in the repository, or the fields themselves. */
export type ModelReference =
  | { readonly kind: 'hub'; readonly id: string; readonly revision: string | null }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'inline'; readonly config: unknown }

/**
 * Every value of a plan under its native key (dots for nesting, camelCase). A reader fills what its framework decides;
 * what it leaves out gets the resolver's stated default. `auto` values are settled once model and GPU are known.
 */
export interface PlanValues {
  name: string
  model: ModelReference
  framework: Framework
  libraries: Readonly<Record<string, string>>
  stage: Stage
  /** `null`: every parameter trains. */
  'adapter.type': AdapterType | null
  'adapter.rank': number
  'adapter.targetModules': readonly string[] | 'all-linear' | 'default' | { readonly regex: string }
  'adapter.excludeModules': readonly string[]
  'adapter.targetParameters': readonly string[]
  'adapter.layersToTransform': readonly number[] | null
  'adapter.rankPattern': Readonly<Record<string, number>>
  'adapter.modulesToSave': readonly string[]
  'adapter.dtype': StorageDtype
  'adapter.dropout': number
  'adapter.bias': 'none' | 'all' | 'lora_only'
  'adapter.virtualTokens': number
  'adapter.kernels': readonly AdapterKernel[]
  'adapter.targetRule':
    | 'peft'
    | 'llama-factory'
    | 'axolotl'
    | 'ms-swift'
    | 'unsloth'
    | 'litgpt'
    | 'torchtune'
    | 'megatron'
  freeze: FreezePlan
  quantization: Quantization
  'quantizationDetails.quantizesHead': boolean
  'quantizationDetails.quantizesExperts': QuantizationDetails['quantizesExperts']
  'quantizationDetails.quantizesAdaptedOnly': boolean
  'quantizationDetails.packsInBytes': boolean
  'quantizationDetails.computeDtype': StorageDtype | null
  /** auto: the dtype of the published weights. */
  'precision.weights': StorageDtype | 'auto'
  'precision.outerWeights': StorageDtype | null
  'precision.trainedWeights': StorageDtype | null
  /** auto: bfloat16 where the GPU has it, else float16. */
  'precision.compute': ComputeDtype | 'auto'
  'precision.autocast': boolean
  /** auto: the dtype of what trains. */
  'precision.gradients': StorageDtype | 'auto'
  /** auto: the dtype of what trains, or of its master copy. */
  'precision.optimizerStates': OptimizerStateDtype | 'auto'
  'precision.masterWeights': boolean
  'precision.masterWeightBytes': number
  optimizer: Optimizer
  optimizerImplementation: OptimizerImplementation
  optimizerPaged: boolean
  optimizerRank: number | null
  microBatchSize: number
  /** auto with globalBatchSize: derived from it and the ranks. */
  gradientAccumulationSteps: number | 'auto'
  /** Sequences per optimizer step over all ranks, where the framework is given that instead. Not part of the plan. */
  globalBatchSize: number
  sequenceLength: number
  variableLength: boolean
  packing: boolean
  meanSequenceLength: number | null
  gradientCheckpointing: GradientCheckpointing
  checkpointingReentrant: boolean
  activationOffload: boolean
  expandableSegments: boolean
  attention: AttentionKernel
  loss: Loss
  classificationLabels: number | null
  fusedKernels: FusedKernels
  compile: boolean
  compileLoss: boolean | null
  fusedExperts: boolean | null
  gpus: number
  gpusPerNode: number
  'parallelism.data': DataParallelism
  'parallelism.shardSize': number | null
  'parallelism.reshardAfterForward': boolean
  'parallelism.tensor': number
  'parallelism.sequenceParallel': boolean
  'parallelism.pipeline': number
  'parallelism.pipelineInterleave': number
  'parallelism.context': number
  'parallelism.expert': number
  'parallelism.expertTensor': number | null
  'parallelism.expertDispatcher': ExpertDispatcher | null
  'parallelism.overlapsExperts': boolean | null
  'parallelism.offload': Offload
  'parallelism.wrap': FsdpWrap
  'parallelism.noSync': boolean
  'parallelism.loadsWhole': boolean
  buffers: BufferPlan
  reinforcement: ReinforcementPlan | null
  'reinforcement.meanCompletionLength': number | null
  evaluation: EvaluationPlan | null
  checkpoints: CheckpointPlan | null
  'dataset.samples': number | null
  'dataset.epochs': number | null
  'dataset.maxSteps': number | null
  'dataset.tokens': number | null
  'dataset.dropLast': boolean
  'dataset.padding': 'longest' | 'fixed' | 'none'
  'dataset.lengthGrouped': boolean
  'dataset.names': readonly string[]
  /** The run takes each named data set whole: its size is theirs. Not part of the plan. */
  'dataset.whole': boolean
  'hardware.gpu': string
  'hardware.price': PricePlan
  retries: number
  billing: BillingPlan
  overheads: OverheadPlan
  calibration: readonly CalibrationPlan[]
  'ruleOfThumb.stepSeconds': number
}

export type PlanKey = keyof PlanValues

/** What is known once the model and the GPU are: a default may depend on it. */
export interface ResolutionFacts {
  readonly checkpointDtype: StorageDtype | null
  /** Scheme in which the weights are published; null: no model known. */
  readonly checkpointQuantization?: Quantization | null
  readonly modelType: string | null
  readonly isMixtureOfExperts: boolean
  readonly hasVision: boolean
  readonly tiedEmbeddings: boolean
  readonly maxPositions: number | null
  /** null: no GPU known. */
  readonly gpuGeneration: string | null
  readonly bf16Supported: boolean | null
  /** Model already resolved to GPUs of the plan. */
  readonly gpus: number
  readonly gpusPerNode: number
}

/** A value, or a rule that gives it from the model and the GPU. */
export type DraftValue<T> = Sourced<T> | ((facts: ResolutionFacts) => Sourced<T>)

export type PlanDraft = { readonly [K in PlanKey]?: DraftValue<PlanValues[K]> }

/** The same while a reader fills it. */
export type MutablePlanDraft = { [K in PlanKey]?: DraftValue<PlanValues[K]> }

/** `over` wins key by key. */
export function overlayDrafts(under: PlanDraft, over: PlanDraft): PlanDraft {
  return { ...under, ...over }
}

/** A framework's default with the place it is written down. */
export function byDefault<T>(value: T, note: string): Sourced<T> {
  return { value, from: 'default', note }
}

/** A guess that a user could settle by setting a key; say which. */
export function assumed<T>(value: T, note: string): Sourced<T> {
  return { value, from: 'assumed', note }
}

/** What a draft says outright; undefined: nothing, or a rule that waits for the model. */
export function statedValue<T>(value: DraftValue<T> | undefined): T | undefined {
  return typeof value === 'function' ? undefined : value?.value
}

/** Where a draft's value comes from. */
export function provenanceOf(value: DraftValue<unknown> | undefined): Provenance {
  if (value === undefined || typeof value === 'function') return { from: 'default' }
  const { value: _value, ...provenance } = value
  return provenance
}

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

/**
 * One training run on one kind of GPU, fully resolved: estimators never guess a field and never ask which framework
 * a value came from. Field meanings are those of DESIGN §2 (docs/plan.md); keys are the camelCase of the native format.
 */
export interface TrainingPlan {
  readonly name: string | null
  /** How the model was named: a Hub id, a path, or null for an inline mapping. Shapes live in {@link ../models/architecture}. */
  readonly model: string | null
  readonly framework: Framework
  /** Library name → version text. Empty: the documented current profile. */
  readonly libraries: Readonly<Record<string, string>>
  readonly stage: Stage
  readonly adapter: AdapterPlan | null
  readonly freeze: FreezePlan
  readonly quantization: Quantization
  readonly quantizationDetails: QuantizationDetails
  readonly precision: PrecisionPlan
  readonly optimizer: Optimizer
  readonly optimizerImplementation: OptimizerImplementation
  readonly optimizerPaged: boolean
  /** Projection rank of GaLore/APOLLO-like optimizers; null where the optimizer has none. */
  readonly optimizerRank: number | null
  /** Sequences per GPU and forward pass. Pairs (DPO…) count once. */
  readonly microBatchSize: number
  readonly gradientAccumulationSteps: number
  /** Tokens per sequence at the peak (padded or packed). */
  readonly sequenceLength: number
  /** Batch shapes change from step to step (padded to the longest of a batch); false: every step has the same shape. */
  readonly variableLength: boolean
  readonly packing: boolean
  readonly meanSequenceLength: number | null
  readonly gradientCheckpointing: GradientCheckpointing
  /** torch.utils.checkpoint's re-entrant variant (keeps a detached copy of the layer input in the hump). */
  readonly checkpointingReentrant: boolean
  readonly activationOffload: boolean
  /** The allocator's segments grow, so that blocks of any size share them (`expandable_segments:True`). */
  readonly expandableSegments: boolean
  readonly attention: AttentionKernel
  readonly loss: Loss
  /** Labels of a sequence classification head in the place of the vocabulary head; null: the head as published. */
  readonly classificationLabels: number | null
  readonly fusedKernels: FusedKernels
  readonly compile: boolean
  /** The loss is compiled with the model; null: as the framework does. */
  readonly compileLoss: boolean | null
  /** Products, casts and activation of all experts of a layer run as one (Megatron's `use_transformer_engine_op_fuser`); null: not said. */
  readonly fusedExperts: boolean | null
  readonly gpus: number
  readonly gpusPerNode: number
  readonly parallelism: ParallelismPlan
  /** ZeRO/DDP buffer sizes; null: the engine's default. */
  readonly buffers: BufferPlan
  /** Preference and reinforcement stages; null otherwise. */
  readonly reinforcement: ReinforcementPlan | null
  readonly evaluation: EvaluationPlan | null
  readonly checkpoints: CheckpointPlan | null
  readonly dataset: DatasetPlan
  readonly hardware: HardwarePlan
  readonly retries: number
  readonly billing: BillingPlan
  readonly overheads: OverheadPlan
  /** Measured ÷ estimated step times of the user's own finished runs. */
  readonly calibration: readonly CalibrationPlan[]
  readonly ruleOfThumb: { readonly stepSeconds: number }
}

export interface AdapterPlan {
  readonly type: AdapterType
  readonly rank: number
  /** Module-name suffixes, `all-linear`, `default` (the library's own map), or a regular expression over module paths. */
  readonly targetModules: readonly string[] | 'all-linear' | 'default' | { readonly regex: string }
  readonly excludeModules: readonly string[]
  /** Names of 3-D expert parameters (PEFT `target_parameters`). */
  readonly targetParameters: readonly string[]
  readonly layersToTransform: readonly number[] | null
  readonly rankPattern: Readonly<Record<string, number>>
  readonly modulesToSave: readonly string[]
  readonly dtype: StorageDtype
  readonly dropout: number
  readonly bias: 'none' | 'all' | 'lora_only'
  readonly virtualTokens: number
  /** Projections whose base product and adapter are one autograd function. */
  readonly kernels: readonly AdapterKernel[]
  /** Which rule `all-linear`/`default` follows where libraries differ. */
  readonly targetRule:
    | 'peft'
    | 'llama-factory'
    | 'axolotl'
    | 'ms-swift'
    | 'unsloth'
    | 'litgpt'
    | 'torchtune'
    | 'megatron'
}

export type FreezePlan =
  | { readonly kind: 'none' }
  | { readonly kind: 'trainable_layers'; readonly layers: number }
  /** Module-path patterns that do not train. `vision_tower`, `projector`, `language_model`, `router`, `experts` are understood as parts. */
  | { readonly kind: 'patterns'; readonly patterns: readonly string[] }
  /** Everything is frozen but parameters whose full name starts with a match of one of the regular expressions. */
  | { readonly kind: 'trainable_patterns'; readonly patterns: readonly string[] }

export interface QuantizationDetails {
  /** lm_head is quantised too (Lightning Fabric). */
  readonly quantizesHead: boolean
  /** Fused 3-D expert tensors are quantised too: taken apart into linear layers, as stacks that come back whole, or as stacks that a kernel reads and expands anew in the backward pass. */
  readonly quantizesExperts: 'none' | 'linear' | 'stacks' | 'read_stacks'
  /** Only matrices under an adapter are quantised (torchtune's Qwen builders). */
  readonly quantizesAdaptedOnly: boolean
  /** dtype into which 4-bit weights are de-quantised for the products. */
  readonly computeDtype: StorageDtype | null
  /** 4-bit weights are packed into bytes, not into numbers of a floating type: FSDP2 leaves them whole on every rank. */
  readonly packsInBytes: boolean
}

export interface PrecisionPlan {
  readonly weights: StorageDtype
  /** Embeddings, head and norms, where they are stored in another dtype than `weights`; null: they are not. */
  readonly outerWeights: StorageDtype | null
  /** Base parameters that train, where they are stored in another dtype than the frozen ones; null: they are not. */
  readonly trainedWeights: StorageDtype | null
  readonly compute: ComputeDtype
  readonly autocast: boolean
  readonly gradients: StorageDtype
  readonly optimizerStates: OptimizerStateDtype
  readonly masterWeights: boolean
  /** Bytes of a trained parameter's master copy: 4 as float32; 2 where the optimizer keeps 16 bits, or only those the bfloat16 weight lacks. */
  readonly masterWeightBytes: number
}

export type GradientCheckpointing = 'none' | 'full' | 'selective' | { readonly every: number }

export interface ParallelismPlan {
  readonly data: DataParallelism
  /** Ranks that share one copy; null: all data-parallel ranks. */
  readonly shardSize: number | null
  readonly reshardAfterForward: boolean
  readonly tensor: number
  readonly sequenceParallel: boolean
  readonly pipeline: number
  readonly pipelineInterleave: number
  readonly context: number
  readonly expert: number
  /** Tensor-parallel ranks of one expert; null: Megatron core's, those of the rest. */
  readonly expertTensor: number | null
  /** null: not said. */
  readonly expertDispatcher: ExpertDispatcher | null
  /** Tokens travel to experts and back under the products of another micro-batch (Megatron's `overlap_moe_expert_parallel_comm`); null: not said. */
  readonly overlapsExperts: boolean | null
  readonly offload: Offload
  /** Units of FSDP. root: no auto-wrap policy, everything is gathered at once; outer: embedding and head are units beside the layers. */
  readonly wrap: FsdpWrap
  /** Unsharded gradients are kept between micro-steps (`no_sync`). */
  readonly noSync: boolean
  /** Every rank loads a quantised model whole onto its GPU before FSDP shards it. */
  readonly loadsWhole: boolean
}

export interface BufferPlan {
  /** Elements; DeepSpeed `reduce_bucket_size`. `auto` is Hugging Face's hidden². */
  readonly reduceBucketElements: number | 'auto' | null
  readonly allgatherBucketElements: number | 'auto' | null
  readonly prefetchBucketElements: number | 'auto' | null
  readonly persistenceThresholdElements: number | 'auto' | null
  readonly maxLiveParameters: number | null
  readonly subGroupElements: number | null
  readonly overlapComm: boolean | null
  readonly ddpBucketBytes: number | null
  readonly gradientAsBucketView: boolean
}

export interface ReinforcementPlan {
  /** none: no reference; shared: the frozen base with adapters off; separate: a second copy in GPU memory; precomputed: computed before training. */
  readonly referenceModel: 'none' | 'shared' | 'separate' | 'precomputed'
  readonly generations: number
  readonly promptLength: number
  /** Tokens at which a completion is cut. */
  readonly completionLength: number
  /** Mean tokens of a completion; null or absent: every completion is `completionLength` long. */
  readonly meanCompletionLength?: number | null
  readonly iterations: number
  /** PPO/GRPO generation engine. */
  readonly generation: 'none' | 'transformers' | 'vllm_colocate' | 'vllm_server'
  /** ZeRO-3 makes the model whole on every rank while transformers generates; absent: it does. */
  readonly gathersForGeneration?: boolean
  /** Share of the GPU reserved by a colocated engine; 0 without one. */
  readonly colocatedMemoryShare: number
  /** The colocated engine releases its memory during the update. */
  readonly sleepMode: boolean
  readonly rewardModel: boolean
  readonly valueModel: boolean
}

export interface EvaluationPlan {
  readonly everySteps: number | null
  readonly timesTotal: number | null
  readonly microBatchSize: number
  /** Samples that one evaluation reads; null: unknown. */
  readonly samples: number | null
  /** Share of the training set held out; 0 when a set is named. Beside `samples`, which then are the most that it reads. */
  readonly share: number
  /** Tokens of the longest answer that evaluation generates for a batch; absent: it only computes the loss. */
  readonly newTokens?: number | null
  /** Samples that get an answer each time, one after the other; null or absent: every batch of the set does. */
  readonly answers?: number | null
  /** Once more when the run ends, on the whole set. */
  readonly atEnd?: boolean
}

export interface CheckpointPlan {
  readonly everySteps: number | null
  readonly timesTotal: number | null
  readonly includesOptimizer: boolean
}

export interface DatasetPlan {
  /** Real samples per epoch; null: unknown. */
  readonly samples: number | null
  readonly epochs: number | null
  readonly maxSteps: number | null
  /** Total tokens of the run; null: not how the run is sized. */
  readonly tokens: number | null
  readonly dropLast: boolean
  /** How samples share a micro-batch. */
  readonly padding: 'longest' | 'fixed' | 'none'
  readonly lengthGrouped: boolean
  /** Names as in the config (Hub ids or paths), for the policy's `datasets`. */
  readonly names: readonly string[]
}

export interface HardwarePlan {
  /** Id in data/gpus.json; null: unknown (finding `no-gpu`). */
  readonly gpu: string | null
  readonly price: PricePlan | null
}

export interface PricePlan {
  /** The GPU that `perGpuHour` was stated for, by id; absent: whichever the run uses. */
  readonly gpu?: string
  readonly perGpuHour: number | null
  readonly currency: string | null
  readonly provider: string | null
  readonly region: string | null
  readonly spot: boolean | null
}

/** How money is counted; only a policy says it, never a config. */
export interface BillingPlan {
  /** Started units are billed whole, for every attempt. */
  readonly unit: BillingUnit
  /** Shares off catalogue prices by provider; `*` is any other. */
  readonly discounts: Readonly<Record<string, number>>
  /** GPUs that are paid for already, by id: another run on them costs nothing more. */
  readonly reserved: Readonly<Record<string, number>>
  /** The first that matches wins over the catalogue. */
  readonly prices: readonly NegotiatedPrice[]
}

export type BillingUnit = 'second' | 'minute' | 'hour'

export interface NegotiatedPrice {
  /** Id in data/gpus.json. */
  readonly gpu: string
  /** GPUs are rented in whole instances of this many. */
  readonly instanceGpus: number
  readonly instance: string | null
  /** Of one instance. */
  readonly perInstanceHour: number
  readonly currency: string
  /** null: whatever the run asks for. */
  readonly provider: string | null
  readonly region: string | null
  readonly spot: boolean
}

/** Time that a policy adds to what the model knows. */
export interface OverheadPlan {
  /** null: estimated. */
  readonly startUpSeconds: number | null
  /** Share of a spot run that interruptions cost: lost work and restarts. */
  readonly interruptionShare: number
}

export interface CalibrationPlan {
  /** Id in data/gpus.json. */
  readonly gpu: string
  /** null: every kind of training on this GPU. */
  readonly training: TrainingKind | null
  /** null: every framework. */
  readonly framework: Framework | null
  /** Measured ÷ estimated step time, mean over runs. */
  readonly stepFactor: number
  readonly low: number
  readonly high: number
  readonly runs: number
}

export type TrainingKind = 'full' | 'adapter' | 'quantized-adapter' | 'mixture-of-experts' | 'offload'

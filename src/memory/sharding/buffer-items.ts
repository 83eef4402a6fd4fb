import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { Quantization } from '../../plan/vocabulary.ts'
import { computeBytes } from '../activations/element-sizes.ts'
import { DTYPE_BYTES } from '../dtype-bytes.ts'
import { item, short, sumBytes } from '../memory-item.ts'
import { type StateContext, weightItems } from '../states/persistent-items.ts'
import type { RankParameters } from './rank-parameters.ts'

/** DeepSpeed 0.19 zero/config.py: reduce_bucket_size, allgather_bucket_size 5e8, stage3_prefetch_bucket_size 5e7, param_persistence_threshold 1e5. */
const ZERO_DEFAULTS = { reduce: 5e8, allgather: 5e8, prefetch: 5e7 } as const

export interface BufferItems {
  /** While weights are loaded. */
  readonly load: readonly MemoryItem[]
  /** Always there. */
  readonly persistent: readonly MemoryItem[]
  /** While a layer runs forward. */
  readonly forward: readonly MemoryItem[]
  /** While a layer runs backward. */
  readonly backward: readonly MemoryItem[]
  /** During the optimizer step. */
  readonly step: readonly MemoryItem[]
  /** Blocks of the streams that gather and reduce, while they lie idle. */
  readonly idle: IdleStreams
}

/** Bytes by what runs. A stream keeps its blocks, and no other stream can use them (c10/cuda/CUDACachingAllocator.cpp). */
export interface IdleStreams {
  readonly forward: number
  readonly backward: number
  readonly step: number
}

const NO_STREAMS: IdleStreams = { forward: 0, backward: 0, step: 0 }
const NOTHING: BufferItems = { load: [], persistent: [], forward: [], backward: [], step: [], idle: NO_STREAMS }

/** What data-parallel engines allocate beside the shards themselves. */
export function bufferItems(context: StateContext, hiddenSize: number): BufferItems {
  switch (context.plan.parallelism.data) {
    case 'ddp':
      return distributedDataParallel(context)
    case 'zero1':
    case 'zero2':
      return zeroOneTwo(context, hiddenSize)
    case 'zero3':
      return zeroThree(context, hiddenSize)
    case 'fsdp1':
    case 'fsdp2':
      return fullyShardedDataParallel(context)
    default:
      return NOTHING
  }
}

/** torch 2.13 nn/parallel/distributed.py: buckets hold all gradients again unless gradient_as_bucket_view. Engines with master weights reduce in their own gradient buffer. */
function distributedDataParallel({ plan, parameters, shards }: StateContext): BufferItems {
  const ownsBuffer = plan.precision.masterWeights
  if (plan.buffers.gradientAsBucketView || ownsBuffer || shards.dataParallel === 1) return NOTHING
  const bytes = DTYPE_BYTES[plan.precision.gradients]
  return {
    ...NOTHING,
    persistent: [
      item('gradient buckets', parameters.trainable * bytes, {
        note: `${short(parameters.trainable)} trained × ${bytes} B`,
        source: 'torch 2.13 nn/parallel/distributed.py (gradient_as_bucket_view=False)',
      }),
    ],
  }
}

function bucketElements(setting: number | 'auto' | null, fallback: number, automatic: number): number {
  return setting === 'auto' ? automatic : (setting ?? fallback)
}

/** DeepSpeed 0.19 stage_1_and_2.py: one contiguous bucket for reduction (two with overlap), one for the gathered weights at the step. */
function zeroOneTwo({ plan, parameters }: StateContext, hiddenSize: number): BufferItems {
  const { buffers } = plan
  const bytes = DTYPE_BYTES[plan.precision.gradients]
  const reduce = Math.min(
    bucketElements(buffers.reduceBucketElements, ZERO_DEFAULTS.reduce, hiddenSize ** 2),
    parameters.trainable,
  )
  const gather = Math.min(
    bucketElements(buffers.allgatherBucketElements, ZERO_DEFAULTS.allgather, ZERO_DEFAULTS.allgather),
    parameters.trainable,
  )
  const copies = buffers.overlapComm === true ? 2 : 1
  return {
    ...NOTHING,
    backward: [
      item('reduction bucket', copies * reduce * bytes, {
        note: `${copies} × ${short(reduce)} elements × ${bytes} B`,
        source: 'DeepSpeed 0.19 stage_1_and_2.py setup_buckets, zero/config.py',
      }),
    ],
    step: [
      item('all-gather bucket', gather * 2, {
        note: `${short(gather)} elements × 2 B`,
        source: 'DeepSpeed 0.19 zero/config.py allgather_bucket_size',
      }),
    ],
  }
}

/** DeepSpeed 0.19 stage3.py and partitioned_param_coordinator.py: live layers, prefetch and reduction buckets. */
function zeroThree({ plan, parameters }: StateContext, hiddenSize: number): BufferItems {
  const { buffers } = plan
  const bytes = Math.min(2, DTYPE_BYTES[plan.precision.weights])
  const gradient = DTYPE_BYTES[plan.precision.gradients]
  const reduce = Math.min(
    bucketElements(buffers.reduceBucketElements, ZERO_DEFAULTS.reduce, hiddenSize ** 2),
    parameters.trainable,
  )
  const prefetch = Math.min(
    bucketElements(buffers.prefetchBucketElements, ZERO_DEFAULTS.prefetch, 0.9 * hiddenSize ** 2),
    parameters.total,
  )
  const outer = Math.max(parameters.embedding, parameters.head)
  const live = Math.min(parameters.total, Math.max(2 * parameters.largestLayer, outer) + prefetch)
  const gathered = item('gathered layers', live * bytes, {
    note: `${short(live)} elements × ${bytes} B: two layers or the head, and the prefetch bucket`,
    source: 'DeepSpeed 0.19 partitioned_param_coordinator.py fetch_sub_module',
  })
  return {
    load: [],
    persistent: [
      item('reduction bucket', reduce * gradient, {
        note: `${short(reduce)} elements × ${gradient} B`,
        source: 'DeepSpeed 0.19 stage3.py __setup_for_real_optimizer (ipg bucket)',
      }),
    ],
    forward: [gathered],
    backward: [gathered],
    step: [],
    idle: NO_STREAMS,
  }
}

/** Trainers that shard the embedding and the head as units of their own (torchtitan 0.2 models/llama3/infra/parallelize.py apply_fsdp). */
const SHARDS_OUTER_APART = new Set(['torchtitan'])
/** Those whose FSDP2 is Accelerate's do so too when the two are untied (accelerate 1.15 utils/fsdp_utils.py fsdp2_prepare_model). */
const SHARDS_UNTIED_APART = new Set([
  'transformers',
  'trl',
  'llama-factory',
  'ms-swift',
  'alignment-handbook',
  'open-r1',
])

/** Trainers that gather the full state on every rank to load a checkpoint. */
const LOADS_WHOLE_MODEL = new Set(['litgpt'])

/** Quantised by bitsandbytes on the GPU that they are then kept on. */
const PLACED_AS_LOADED: ReadonlySet<Quantization> = new Set<Quantization>(['nf4', 'nf4-double', 'fp4', 'int8'])

/** The layer that runs backward, the one before it, and the buffer of their all-gather. */
const UNITS_IN_FLIGHT = 3

/**
 * When the root runs backward the last layer is gathered ahead; layers were dropped after forward. FSDP1 knows the order from the graph of
 * the forward pass, which re-entrant checkpointing hides (bench/memory-lab/gathered_units.py).
 */
function gathersAhead({ checkpointingReentrant, gradientCheckpointing, parallelism }: TrainingPlan): boolean {
  const hidden = checkpointingReentrant && gradientCheckpointing === 'full'
  return parallelism.data !== 'fsdp1' || !hidden
}

/** torch 2.13 distributed/fsdp/_fully_shard/_fsdp_param_group.py and _fsdp_collectives.py; FSDP1 gathers the same units. */
function fullyShardedDataParallel(context: StateContext): BufferItems {
  const { plan, parameters, shards } = context
  if (shards.weights === 1) return NOTHING
  const stored = DTYPE_BYTES[plan.precision.weights]
  // Autocast casts what the products read; without a policy of its own FSDP gathers as stored.
  const bytes = plan.precision.autocast ? stored : Math.min(computeBytes(plan), stored)
  const unit = unitBytes(plan, {
    elements: parameters.largestLayer,
    bytes,
    quantizedShare: quantizedShare(plan, parameters.quantized, parameters.total),
    neverSharded: shards.quantized === 1 ? quantizedShare(plan, parameters.quantized, inLayers(parameters)) : 0,
  })
  const untiedApart =
    plan.parallelism.data === 'fsdp2' && parameters.head > 0 && SHARDS_UNTIED_APART.has(plan.framework)
  const apart = plan.parallelism.wrap === 'outer' || SHARDS_OUTER_APART.has(plan.framework) || untiedApart
  const outer = (apart ? parameters.head : parameters.embedding + parameters.head) * bytes
  const outerInBackward = apart ? 0 : outer
  const root = plan.parallelism.wrap === 'root'
  const whole = parameters.layers * unit
  const trainedShare = parameters.total === 0 ? 0 : Math.min(1, parameters.trainableBase / parameters.total)
  const reduce = DTYPE_BYTES[plan.precision.gradients]
  const unshardedGradients = parameters.largestLayer * trainedShare * (bytes + reduce)
  const largestOuter = apart ? Math.max(parameters.embedding, parameters.head) : parameters.embedding + parameters.head
  const trainedOuter = Math.min(parameters.trainableBase, largestOuter)
  const reduction = Math.max(parameters.largestLayer * trainedShare, trainedOuter) * reduce
  const unitsAhead = gathersAhead(plan) ? 1 : 0
  // FSDP2 makes a rank's own gradients in the stream that reduces (_fsdp_collectives.py foreach_reduce)
  const reduced = plan.parallelism.data === 'fsdp2' ? (parameters.trainableBase * reduce) / shards.gradients : 0
  const resident = root || !plan.parallelism.reshardAfterForward
  const gathered = (units: number, outside: number) =>
    item('gathered weights', (resident ? whole + unit : units * unit) + outside, {
      note: resident
        ? `all ${short(parameters.layers)} layers of ${short(unit)} B stay gathered, embedding and head ${short(outside)} B`
        : `${units} × ${short(unit)} B of one layer, embedding and head ${short(outside)} B`,
      source:
        'torch 2.13 distributed/fsdp/_fully_shard/_fsdp_param_group.py wait_for_unshard; root group is not resharded',
    })
  const gradients = item('gradients before reduction', unshardedGradients, {
    note: `${short(parameters.largestLayer * trainedShare)} trained of one layer × (${bytes} + ${reduce}) B`,
    source: 'torch 2.13 distributed/fsdp/_fully_shard/_fsdp_param_group.py post_backward (one reduce-scatter input)',
  })
  return {
    load: [wholeModel(context)],
    persistent: [],
    forward: [gathered(unitsAhead, outer)],
    backward: [gathered(UNITS_IN_FLIGHT, outerInBackward), gradients],
    step: [],
    idle: {
      forward: (resident ? 0 : UNITS_IN_FLIGHT - unitsAhead) * unit + reduction + reduced,
      backward: Math.max(0, reduction - unshardedGradients),
      step: (resident ? 0 : UNITS_IN_FLIGHT * unit) + reduction,
    },
  }
}

/**
 * What is whole on a rank beside its shards. A bitsandbytes model is placed on the GPU as it loads: FSDP1 shards it unit by unit, while
 * Accelerate and Axolotl hold its `state_dict()` until FSDP2 has sharded all of it.
 */
function wholeModel(context: StateContext): MemoryItem {
  const { plan, parameters } = context
  const make = (bytes: number, note: string, source: string) =>
    item('whole model while loading', bytes, { note, source })
  if (LOADS_WHOLE_MODEL.has(plan.framework))
    return make(
      parameters.total * DTYPE_BYTES[plan.precision.weights],
      `${short(parameters.total)} parameters`,
      'Lightning Fabric strategies/fsdp.py load_raw gathers the full state',
    )
  const placed = plan.parallelism.loadsWhole && PLACED_AS_LOADED.has(plan.quantization)
  const sharded = plan.parallelism.data === 'fsdp2' ? 0 : sumBytes(weightItems(context))
  const { quantized } = context.shards
  const loaded = weightItems({ ...context, shards: { ...context.shards, weights: 1, quantized: 1 } })
  // what is never sharded is there already
  const whole = placed ? sumBytes(loaded.filter(({ name }) => quantized > 1 || name !== 'quantized weights')) : 0
  return make(
    Math.max(0, whole - sharded),
    `${short(parameters.total)} parameters, packed${sharded > 0 ? ', less the shards that take their place' : ''}`,
    'transformers 5.18 quantizers/quantizer_bnb_4bit.py update_device_map; accelerate 1.15 utils/fsdp_utils.py fsdp2_prepare_model (original_sd)',
  )
}

function inLayers({ total, embedding, head }: RankParameters): number {
  return Math.max(0, total - embedding - head)
}

function quantizedShare(plan: TrainingPlan, quantized: number, total: number): number {
  return plan.quantization === 'none' || total === 0 ? 0 : Math.min(1, quantized / total)
}

/** Quantised layers are gathered in their packed form. */
function unitBytes(
  plan: TrainingPlan,
  unit: {
    readonly elements: number
    readonly bytes: number
    readonly quantizedShare: number
    /** Share of a layer that is whole on every rank anyway. */
    readonly neverSharded?: number
  },
): number {
  const { neverSharded = 0 } = unit
  if (neverSharded > 0) return unit.elements * (1 - neverSharded) * unit.bytes
  const packed = plan.quantization === 'none' ? unit.bytes : 0.5
  return unit.elements * (unit.quantizedShare > 0 ? packed : unit.bytes)
}

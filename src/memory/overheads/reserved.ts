import constants from '../../../data/memory-allocator.json' with { type: 'json' }
import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { item, short } from '../memory-item.ts'
import { variesInLength } from './varying-length.ts'

export interface ReservedOptions {
  /** The part that comes and goes within a step. */
  readonly dynamicBytes: number
  /** The part a forward and backward pass has, and the part the optimizer step has. */
  readonly passBytes: number
  readonly stepBytes: number
  /** Of the step, what a pass has not. */
  readonly stepTemporaryBytes: number
  readonly stepPeaks: boolean
  /** Blocks that side streams keep and do not use at the peak. */
  readonly idleStreamBytes: number
  /** Gradients of layer inputs that stay until the backward is done. */
  readonly retainedBytes: number
  /** The smaller of the layer's and the loss's hump. */
  readonly smallerHumpBytes: number
  /** Freed within the loss before it peaks, in blocks too small for what it makes then. */
  readonly idleLogitsBytes: number
  /** What the loss holds per logit at its most; 0 when logits are never whole. */
  readonly logitsBytes: number
  readonly usableBytes: number | null
  readonly allocatedBytes: number
  /** Context and communication buffers. */
  readonly outsideBytes: number
}

/** Name of the component that is no part of what must fit. */
export const RECLAIMABLE = 'reclaimable cache'

export interface CachedBlocks {
  /** Split blocks and those idle beside the peak: as good as needed. */
  readonly held: MemoryItem
  /** Whole blocks of other shapes, given back before an allocation fails (c10/cuda/CUDACachingAllocator.cpp release_cached_blocks). */
  readonly reclaimable: MemoryItem
}

/** Blocks the caching allocator keeps above the allocated peak, as far as the card has room for them. */
export function cachedBlocks(plan: TrainingPlan, options: ReservedOptions): CachedBlocks {
  const { logitsBytes, usableBytes, allocatedBytes, outsideBytes } = options
  const steady = withStreams(withStep(steadyBytes(plan, options), plan, options), options.idleStreamBytes)
  const generations = variesInLength(plan) && !plan.expandableSegments ? cachedGenerations(plan) : 0
  const varying = generations * logitsBytes
  const room = usableBytes === null ? steady.bytes + varying : Math.max(0, usableBytes - allocatedBytes - outsideBytes)
  const least = Math.min(steady.bytes + varying, leastCachedBytes(options.dynamicBytes))
  const held = Math.max(Math.min(steady.bytes, room), least)
  const reclaimable = Math.min(varying, Math.max(0, room - held))
  return {
    held: item('cached blocks', held, { note: steady.note, source: constants.source }),
    reclaimable: item(RECLAIMABLE, reclaimable, {
      note: `${short(generations)} generations of ${short(logitsBytes)} B of logits${reclaimable < varying ? ', as far as the card has room' : ''}; given back before an allocation fails`,
      source: constants.generationsSource,
    }),
  }
}

/** Blocks that are partly in use and cannot be given back near the card's limit. */
export function leastCachedBytes(dynamicBytes: number): number {
  return dynamicBytes * constants.floorShare
}

/** Batches of other lengths leave blocks of other sizes: so many times what the loss holds. Long samples are rare, so beyond a length fewer pile up. */
function cachedGenerations(plan: TrainingPlan): number {
  const frequent = Math.min(plan.sequenceLength, constants.frequentLength)
  const rare = plan.sequenceLength - frequent
  return (frequent * constants.variableLengthGenerations + rare * constants.rareLengthGenerations) / plan.sequenceLength
}

interface Cached {
  readonly bytes: number
  readonly note: string
}

/** Engines that lay out gradients and states before the first step. */
const LAYS_OUT_STATES = new Set(['zero1', 'zero2', 'zero3', 'distributed_optimizer'])

/**
 * torch.optim makes its states in the first step, inside the blocks that the first pass left, and the lists of a foreach step are of other
 * sizes than activations: the next pass needs new blocks, and the smaller phase lies idle beside the larger one. Adapters are too small to matter.
 */
function withStep(steady: Cached, plan: TrainingPlan, options: ReservedOptions): Cached {
  const { passBytes, stepBytes, stepTemporaryBytes, stepPeaks } = options
  const lists = plan.optimizerImplementation === 'foreach' && !LAYS_OUT_STATES.has(plan.parallelism.data)
  const apart = plan.adapter === null && lists && !variesInLength(plan) && !plan.expandableSegments
  if (!apart) return steady
  const pass = Math.min(passBytes, stepBytes)
  if (stepPeaks)
    return pass > steady.bytes ? { bytes: pass, note: `${short(pass)} B of a pass, beside the optimizer step` } : steady
  return {
    bytes: steady.bytes + stepTemporaryBytes,
    note: `${steady.note} + ${short(stepTemporaryBytes)} B of the optimizer step, which shares no blocks with a pass`,
  }
}

function withStreams(steady: Cached, bytes: number): Cached {
  return bytes === 0
    ? steady
    : { bytes: steady.bytes + bytes, note: `${steady.note} + ${short(bytes)} B of streams that gather and reduce` }
}

/**
 * Batches of one shape: blocks of the smaller hump are of other sizes than those of the larger one and lie idle beside it.
 * Scores of every layer leave blocks of several sizes behind. Sharded runs gather and reduce on streams of their own, whose blocks are not shared; there a share of all that comes and goes.
 * Logits that are freed before the loss peaks leave a block behind that is too small for its float32 tensors. Generations of varying length count it already.
 */
function steadyBytes(plan: TrainingPlan, options: ReservedOptions): Cached {
  const explicitScores = plan.attention === 'eager' && plan.gradientCheckpointing === 'none'
  const idleLogits = variesInLength(plan) ? 0 : options.idleLogitsBytes
  if (plan.expandableSegments) {
    const share = constants.expandableShare
    const logits = idleLogits > 0 ? ` + ${short(idleLogits)} B of freed logits` : ''
    return {
      bytes: options.dynamicBytes * share + idleLogits,
      note: `${short(options.dynamicBytes)} B that come and go × ${share}${logits}, in segments that grow`,
    }
  }
  if (plan.gpus > 1 || explicitScores) {
    const share = explicitScores ? constants.explicitScoresShare : constants.shardedShare
    const bytes = options.dynamicBytes * share
    const note = `${short(options.dynamicBytes)} B that come and go × ${share}`
    if (explicitScores || !SHARES_NO_LAYOUT.has(plan.parallelism.data)) {
      const logits = idleLogits > 0 ? ` + ${short(idleLogits)} B of freed logits` : ''
      return { bytes: bytes + idleLogits, note: `${note}${logits}` }
    }
    const humps = humpBytes(plan, options, idleLogits)
    return humps.bytes > bytes ? humps : { bytes, note }
  }
  return humpBytes(plan, options, idleLogits)
}

/** Parallelism in which the main stream of a rank sees what that of a single GPU does. */
const SHARES_NO_LAYOUT = new Set(['ddp', 'fsdp1', 'fsdp2'])

/** What the loss freed is used again by gradients that stay from layer to layer. */
function humpBytes(plan: TrainingPlan, options: ReservedOptions, idleLogits: number): Cached {
  const factor = plan.quantization === 'none' ? constants.humpFactor : constants.quantizedHumpFactor
  const smaller = Math.max(0, options.smallerHumpBytes - options.retainedBytes)
  const hump = smaller * factor
  const floor = options.dynamicBytes * constants.steadyShare
  const idle =
    idleLogits > hump ? `${short(idleLogits)} B of freed logits` : `${short(smaller)} B of the smaller hump × ${factor}`
  return {
    bytes: Math.max(hump, idleLogits) + floor,
    note: `${idle} + ${short(options.dynamicBytes)} B that come and go × ${constants.steadyShare}`,
  }
}

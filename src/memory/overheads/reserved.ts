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
  const [shared, apart] = [steadyBytes(plan, options), phasesApart(plan, options)]
  const steady = apart.bytes > shared.bytes ? apart : shared
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

/** Engines that lay out gradients and states before the first step. */
const LAYS_OUT_STATES = new Set(['zero1', 'zero2', 'zero3', 'distributed_optimizer'])

/**
 * torch.optim makes its states in the first step, inside the blocks that the first pass left, and the lists of a foreach step are of other
 * sizes than activations: the next pass needs new blocks, and the smaller phase lies idle beside the larger one. Adapters are too small to matter.
 */
function phasesApart(plan: TrainingPlan, options: ReservedOptions): { readonly bytes: number; readonly note: string } {
  const { passBytes, stepBytes } = options
  const lists = plan.optimizerImplementation === 'foreach' && !LAYS_OUT_STATES.has(plan.parallelism.data)
  const apart = plan.adapter === null && lists && !variesInLength(plan) && !plan.expandableSegments
  return {
    bytes: apart ? Math.min(passBytes, stepBytes) : 0,
    note: `${short(passBytes)} B of a pass and ${short(stepBytes)} B of the optimizer step do not share blocks`,
  }
}

/**
 * Batches of one shape: blocks of the smaller hump are of other sizes than those of the larger one and lie idle beside it.
 * Scores of every layer leave blocks of several sizes behind. Sharded runs gather and reduce on streams of their own, whose blocks are not shared; there a share of all that comes and goes.
 * Logits that are freed before the loss peaks leave a block behind that is too small for its float32 tensors. Generations of varying length count it already.
 */
function steadyBytes(plan: TrainingPlan, options: ReservedOptions): { readonly bytes: number; readonly note: string } {
  const explicitScores = plan.attention === 'eager' && plan.gradientCheckpointing === 'none'
  const idleLogits = variesInLength(plan) ? 0 : options.idleLogitsBytes
  if (plan.gpus > 1 || explicitScores) {
    const share = explicitScores ? constants.explicitScoresShare : constants.shardedShare
    const logits = idleLogits > 0 ? ` + ${short(idleLogits)} B of freed logits` : ''
    return {
      bytes: options.dynamicBytes * share + idleLogits,
      note: `${short(options.dynamicBytes)} B that come and go × ${share}${logits}`,
    }
  }
  if (plan.expandableSegments) {
    const share = constants.expandableShare
    return {
      bytes: options.dynamicBytes * share,
      note: `${short(options.dynamicBytes)} B that come and go × ${share}, in segments that grow`,
    }
  }
  const factor = plan.quantization === 'none' ? constants.humpFactor : constants.quantizedHumpFactor
  const hump = options.smallerHumpBytes * factor
  const floor = options.dynamicBytes * constants.steadyShare
  const idle =
    idleLogits > hump
      ? `${short(idleLogits)} B of freed logits`
      : `${short(options.smallerHumpBytes)} B of the smaller hump × ${factor}`
  return {
    bytes: Math.max(hump, idleLogits) + floor,
    note: `${idle} + ${short(options.dynamicBytes)} B that come and go × ${constants.steadyShare}`,
  }
}

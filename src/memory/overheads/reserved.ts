import constants from '../../../data/memory-allocator.json' with { type: 'json' }
import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { item, short } from '../memory-item.ts'
import { variesInLength } from './varying-length.ts'

export interface ReservedOptions {
  /** The part that comes and goes within a step. */
  readonly dynamicBytes: number
  /** tokens × vocabulary on this rank; 0 when logits are never whole. */
  readonly logits: number
  readonly usableBytes: number | null
  readonly allocatedBytes: number
  /** Context and communication buffers. */
  readonly outsideBytes: number
}

/** Blocks the caching allocator keeps above the allocated peak. */
export function reservedItem(plan: TrainingPlan, options: ReservedOptions): MemoryItem {
  const share =
    plan.attention === 'eager'
      ? constants.eagerShare
      : plan.quantization === 'none'
        ? constants.fixedShare
        : constants.quantizedShare
  const varying = variesInLength(plan) ? cachedPerLogit(plan) * options.logits : 0
  const wanted = options.dynamicBytes * share + varying
  const room =
    options.usableBytes === null
      ? wanted
      : Math.max(0, options.usableBytes - options.allocatedBytes - options.outsideBytes)
  const bytes = Math.max(Math.min(wanted, room), Math.min(wanted, options.dynamicBytes * constants.floorShare))
  return item('cached blocks', bytes, {
    note: `${short(options.dynamicBytes)} B that come and go × ${share}${varying > 0 ? ` + ${short(cachedPerLogit(plan))} B × ${short(options.logits)} logits` : ''}`,
    source: constants.source,
  })
}

/** Long samples are rare, so beyond a length fewer generations of blocks pile up. */
function cachedPerLogit(plan: TrainingPlan): number {
  const frequent = Math.min(plan.sequenceLength, constants.frequentLength)
  const rare = plan.sequenceLength - frequent
  return (
    (frequent * constants.variableLengthBytesPerLogit + rare * constants.rareLengthBytesPerLogit) / plan.sequenceLength
  )
}

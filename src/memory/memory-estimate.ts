import type { Finding } from '../plan/finding.ts'
import type { MemoryItem } from '../plan/item.ts'
import type { Bytes } from '../plan/units.ts'

export type MomentName =
  | 'after load'
  | 'end of forward'
  | 'loss'
  | 'head backward'
  | 'backward'
  | 'gradients complete'
  | 'optimizer step'
  | 'evaluation'
  | 'generation'

/** One moment of the steady-state step on the worst rank and the tensors that coexist in it. */
export interface Moment {
  readonly name: MomentName
  readonly items: readonly MemoryItem[]
  readonly bytes: Bytes
}

/** Per-GPU peak memory. `components` sums to `deviceBytes`. */
export interface MemoryEstimate {
  readonly allocatedBytes: Bytes
  readonly reservedBytes: Bytes
  readonly deviceBytes: Bytes
  /** What must fit: the device figure without the cache that PyTorch gives back before an allocation fails. */
  readonly requiredBytes: Bytes
  readonly requiredHighBytes: Bytes
  readonly lowBytes: Bytes
  readonly highBytes: Bytes
  /** The same for the allocated figure, which is surer than what the allocator keeps above it. */
  readonly allocatedLowBytes: Bytes
  readonly allocatedHighBytes: Bytes
  /** null: GPU unknown. */
  readonly usableBytes: Bytes | null
  readonly peakAt: MomentName
  readonly components: readonly MemoryItem[]
  readonly moments: readonly Moment[]
  /** Host memory per node (offload, paged states, offloaded activations). */
  readonly hostBytes: Bytes
  /** Class of run whose residuals gave the interval. */
  readonly intervalClass: string
  readonly findings: readonly Finding[]
}

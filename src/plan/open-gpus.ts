import { assumed, byDefault, type DraftValue, type PlanDraft, type ResolutionFacts } from './plan-draft.ts'
import type { Sourced } from './provenance.ts'
import type { DataParallelism } from './vocabulary.ts'

/** A usual server. */
const SERVER_GPUS = 8
/** Beyond this nothing that is shared by the ranks counts any more. */
const MOST_GPUS = 1024

/** Nobody says how many GPUs share a run that shards over all there are. */
export interface OpenGpuCount {
  /** What the figures stand for. */
  readonly gpus: Sourced<number>
  /** Counts to hold limits against, from the fewest that the run may have. */
  readonly candidates: readonly number[]
}

/** null: the number of GPUs is stated, or nothing is shared among them. */
export function openGpuCount(
  draft: PlanDraft,
  facts: Omit<ResolutionFacts, 'gpus' | 'gpusPerNode'>,
): OpenGpuCount | null {
  const stated = draft.gpus
  if (typeof stated === 'function' || (stated !== undefined && stated.from !== 'assumed')) return null
  const data: DraftValue<DataParallelism> = draft['parallelism.data'] ?? byDefault('none', 'not given')
  const onServer = typeof data === 'function' ? data({ ...facts, gpus: SERVER_GPUS, gpusPerNode: SERVER_GPUS }) : data
  if (onServer.value === 'none' || onServer.value === 'ddp') return null
  const ranks = stated?.value ?? 1
  // what names a sharding strategy has ranks to share with; what shards only where there are several may run on one
  const fewest = ranks > 1 || typeof data === 'function' ? ranks : 2
  const candidates: number[] = []
  for (let gpus = fewest; gpus <= Math.max(fewest, MOST_GPUS); gpus *= 2) candidates.push(gpus)
  const taken = stated ?? (fewest > 1 ? assumed(SERVER_GPUS, SERVER_NOTE) : undefined)
  return { gpus: taken ?? assumed(1, 'no launcher or policy says how many GPUs'), candidates }
}

const SERVER_NOTE = 'the run shards and no launcher or policy says over how many GPUs; a server of 8 is taken'

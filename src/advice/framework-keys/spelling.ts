import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { SpelledChange } from '../plan-changes.ts'

/**
 * How a framework's own file says a change: keys with their new values, none where it cannot. Of spellings separated by
 * `|` the one that the file has is meant, else the first that has a place in it.
 */
export type Spelling = (plan: TrainingPlan) => Readonly<Record<string, unknown>>

/** A value that depends on which of the spellings separated by `|` is meant: one that counts over all ranks, say. */
export class ValueBySpelling {
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values
  }

  of(key: string): unknown {
    return this.#values[key]
  }
}

export type FrameworkSpelling = Partial<Readonly<Record<SpelledChange, Spelling>>>

/** `key` on where every layer is recomputed, off where none is. */
export function checkpointingSwitch(key: string): Spelling {
  return ({ gradientCheckpointing }) => ({ [key]: gradientCheckpointing !== 'none' })
}

/** Micro-batch and accumulation under the names given. */
export function batchKeys(micro: string, accumulation: string): Spelling {
  return plan => ({ [micro]: plan.microBatchSize, [accumulation]: plan.gradientAccumulationSteps })
}

export function lengthKey(key: string): Spelling {
  return ({ sequenceLength }) => ({ [key]: sequenceLength })
}

export function evaluationKey(key: string): Spelling {
  return ({ evaluation }) => ({ [key]: evaluation?.microBatchSize })
}

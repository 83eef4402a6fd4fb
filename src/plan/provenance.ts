export type Origin = 'file' | 'launch' | 'policy' | 'model' | 'default' | 'assumed'

/** Where a plan value came from. `line` and `column` count from 1. */
export interface Provenance {
  readonly from: Origin
  readonly path?: string
  readonly line?: number
  readonly column?: number
  /** The user's own key, e.g. `per_device_train_batch_size`. */
  readonly key?: string
  /** Why this value: the framework's rule with its source, or what would settle it. */
  readonly note?: string
}

export interface Sourced<T> extends Provenance {
  readonly value: T
}

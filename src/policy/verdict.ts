export type Verdict = 'pass' | 'warn' | 'fail' | 'unknown'

export type LimitKind = 'memory' | 'cost' | 'cost_increase' | 'hours' | 'gpu_hours'

export interface LimitReport {
  readonly kind: LimitKind
  readonly level: 'pass' | 'warn' | 'fail' | 'unknown'
  /** Value and limit as shown, e.g. `112 %`, `100 %`. */
  readonly value: string
  readonly limit: string
  /** A failed limit that the override label turned into a warning. */
  readonly overridden: boolean
  readonly preExisting: boolean
}

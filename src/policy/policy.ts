import type { BillingPlan, CalibrationPlan, OverheadPlan, PricePlan } from '../plan/training-plan.ts'

/** DESIGN §4 after defaults, inputs and the first matching `configs` rule are merged for one path. */
export interface Policy {
  readonly hardware: {
    readonly gpu: string | null
    readonly gpus: number | null
    readonly price: PricePlan | null
  }
  readonly currency: string | null
  /** Value of one unit of a currency in `currency`. */
  readonly exchangeRates: Readonly<Record<string, number>>
  /** Where catalogue prices come from. */
  readonly prices: 'embedded' | 'live'
  readonly billing: BillingPlan
  readonly retries: number | null
  readonly overheads: OverheadPlan
  readonly calibration: readonly CalibrationPlan[]
  readonly estimator: 'detailed' | 'rule-of-thumb'
  readonly budget: Budget
  readonly failOn: 'new' | 'any'
  readonly onUnknown: 'pass' | 'warn' | 'fail'
  /** How a run counts whose framework refuses its settings at start. */
  readonly onRefusal: 'pass' | 'warn' | 'fail'
  readonly overrideLabel: string | null
  readonly datasets: Readonly<Record<string, PolicyDataset>>
  /** Model id → path of a config.json in the repository, or the fields themselves. */
  readonly models: Readonly<Record<string, string | object>>
  readonly ignore: boolean
  /** The rule that applied, for `explain`: null is none. */
  readonly rule: { readonly index: number; readonly paths: readonly string[]; readonly line: number | null } | null
}

export interface PolicyDataset {
  readonly samples: number | null
  /** Of a sample; of a prompt where the run generates the answers. */
  readonly meanTokens: number | null
  /** Of a generated answer. */
  readonly meanCompletionTokens?: number | null
}

export interface Limit {
  readonly warn: number | null
  readonly fail: number | null
}

export interface Budget {
  /** In `currency`, per run, retries included. */
  readonly cost: Limit
  readonly costIncrease: { readonly warn: Increase | null; readonly fail: Increase | null }
  readonly hours: Limit
  readonly gpuHours: Limit
  /** Shares of the usable memory: 0.9 is 90 %. */
  readonly memory: Limit
}

export type Increase =
  | { readonly kind: 'amount'; readonly amount: number }
  | { readonly kind: 'share'; readonly share: number }

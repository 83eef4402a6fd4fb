import { findPrice } from '../hardware/price-catalogue.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { exchangeOf } from './convert-money.ts'
import type { HourPrice } from './estimate-cost.ts'
import { findRunPrice } from './run-price.ts'

interface ComparisonOptions {
  /** The GPU that a price stated in the config belongs to; null: unknown. */
  readonly statedFor: string | null
  /** The currency everything is compared in. */
  readonly currency: string
  /** Value of one unit of a currency in `currency`. */
  readonly exchangeRates: Readonly<Record<string, number>>
}

export interface ComparablePrice {
  readonly price: HourPrice
  readonly exchange: { readonly currency: string; readonly rate: number } | null
}

/**
 * A price to compare hardware with: the one a run would be billed by, else the cheapest offer of any provider in the
 * catalogue, whole instances. A price stated for one GPU is not lent to another. null: none that can be compared.
 */
export function comparablePrice(plan: TrainingPlan, options: ComparisonOptions): ComparablePrice | null {
  const { gpu, price: stated } = plan.hardware
  if (gpu === null) return null
  const own = stated && gpu !== options.statedFor ? { ...stated, perGpuHour: null } : stated
  const billed = findRunPrice({ ...plan, hardware: { gpu, price: own } }).price
  const offers = [
    billed,
    findPrice({ gpu, gpus: plan.gpus, spot: own?.spot, currency: options.currency }),
    findPrice({ gpu, gpus: plan.gpus, spot: own?.spot }),
  ]
  for (const price of offers) {
    if (price === null) continue
    if (price.currency === options.currency) return { price, exchange: null }
    const exchange = exchangeOf(price.currency, options)
    if (exchange !== null) return { price, exchange }
  }
  return null
}

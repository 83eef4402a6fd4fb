import { findPrice } from '../hardware/price-catalogue.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { HourPrice } from './estimate-cost.ts'

export type RunPrice = HourPrice

export interface PricedRun {
  readonly price: RunPrice | null
  readonly findings: readonly Finding[]
}

/** The price of a run's GPUs: the stated one, else the catalogue's for the provider that was asked for. Never a provider nobody named. */
export function findRunPrice(plan: TrainingPlan): PricedRun {
  const { gpu, price } = plan.hardware
  if (price?.perGpuHour != null)
    return {
      price: { perGpuHour: price.perGpuHour, currency: price.currency ?? 'USD', source: 'stated price' },
      findings: [],
    }
  if (gpu === null || price?.provider == null) return { price: null, findings: [] }
  const found = findPrice({
    gpu,
    gpus: plan.gpus,
    provider: price.provider,
    region: price.region,
    spot: price.spot,
    currency: price.currency,
  })
  if (found) return { price: found, findings: [] }
  const message = `The catalogue has no price of ${price.provider} for ${gpu}${price.region ? ` in ${price.region}` : ''}.`
  return { price: null, findings: [finding('no-price', { message })] }
}

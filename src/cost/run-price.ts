import { findGpu } from '../hardware/gpu-catalogue.ts'
import { findPrice, type Price, type PriceRow } from '../hardware/price-catalogue.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { NegotiatedPrice, TrainingPlan } from '../plan/training-plan.ts'
import type { HourPrice } from './estimate-cost.ts'

export type RunPrice = HourPrice

export interface PricedRun {
  readonly price: RunPrice | null
  readonly findings: readonly Finding[]
}

export interface PriceOptions {
  /** Refreshed rows of the provider; absent: the embedded catalogue. */
  readonly rows?: readonly PriceRow[] | undefined
  /** ISO date to hold ages against; absent: age is not judged. */
  readonly today?: string | undefined
}

/**
 * The price of a run's GPUs: the stated one, else a negotiated one of the policy, else the catalogue's for the provider
 * that was asked for. Never a provider nobody named, and a price stated for one GPU is not lent to another.
 */
export function findRunPrice(plan: TrainingPlan, options: PriceOptions = {}): PricedRun {
  const { gpu, price } = plan.hardware
  const isLent = price?.gpu !== undefined && gpu !== null && idOf(price.gpu) !== idOf(gpu)
  if (price?.perGpuHour != null && !isLent)
    return {
      price: {
        perGpuHour: price.perGpuHour,
        currency: price.currency ?? 'USD',
        source: 'stated price',
        ...spotOf(plan),
      },
      findings: [],
    }
  if (gpu === null) return { price: null, findings: [] }
  const negotiated = plan.billing.prices.find(row => matches(row, plan))
  if (negotiated) return { price: negotiatedPrice(negotiated, plan.gpus), findings: [] }
  if (price?.provider == null) {
    const message = `The price per GPU-hour was stated for ${price?.gpu}; this run uses ${gpu}.`
    return { price: null, findings: isLent ? [finding('no-price', { message })] : [] }
  }
  const found = findPrice({
    gpu,
    gpus: plan.gpus,
    provider: price.provider,
    region: price.region,
    spot: price.spot,
    currency: isLent ? null : price.currency,
    rows: options.rows,
  })
  if (found)
    return {
      price: { ...found, discount: discountOf(plan, found.provider) },
      findings: staleFindings(found, options.today),
    }
  const message = `The catalogue has no ${price.spot ? 'spot ' : ''}price of ${price.provider} for ${gpu}${price.region ? ` in ${price.region}` : ''}.`
  return { price: null, findings: [finding('no-price', { message })] }
}

function idOf(gpu: string): string {
  return findGpu(gpu)?.id ?? gpu
}

function spotOf({ hardware }: TrainingPlan): { readonly spot?: true } {
  return hardware.price?.spot ? { spot: true } : {}
}

function matches(row: NegotiatedPrice, { hardware }: TrainingPlan): boolean {
  const { gpu, price } = hardware
  return (
    row.gpu === gpu &&
    row.spot === (price?.spot ?? false) &&
    (row.provider === null || price?.provider == null || row.provider === price.provider) &&
    (row.region === null || price?.region == null || row.region === price.region)
  )
}

function negotiatedPrice(row: NegotiatedPrice, gpus: number): RunPrice {
  const instances = Math.ceil(gpus / row.instanceGpus)
  return {
    perGpuHour: (row.perInstanceHour * instances) / gpus,
    currency: row.currency,
    source: 'negotiated price of the policy',
    provider: row.provider,
    ...(row.instance === null ? {} : { instanceType: row.instance }),
    instanceGpus: row.instanceGpus,
    instances,
    perInstanceHour: row.perInstanceHour,
    spot: row.spot,
  }
}

function discountOf({ billing: { discounts } }: TrainingPlan, provider: string): number {
  for (const name of [provider, '*']) if (Object.hasOwn(discounts, name)) return discounts[name] ?? 0
  return 0
}

/** Three months: prices of one card moved by 20–40 % within a quarter of 2026 (RunPod H100 SXM 3.29 → 3.99). */
const FRESH_DAYS = 90
const DAY_MILLISECONDS = 86_400_000

function staleFindings({ asOf, provider, instanceType, source }: Price, today: string | undefined): readonly Finding[] {
  if (today === undefined) return []
  const offer = `${provider} ${instanceType}`
  if (asOf === null)
    return [finding('stale-price', { message: `The catalogue’s price of ${offer} carries no date (${source}).` })]
  const days = Math.floor((Date.parse(today) - Date.parse(asOf)) / DAY_MILLISECONDS)
  if (days <= FRESH_DAYS) return []
  const message = `The catalogue’s price of ${offer} is of ${asOf}, ${days} days ago (${source}).`
  return [finding('stale-price', { message })]
}

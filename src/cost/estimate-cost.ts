import type { BillingUnit, TrainingPlan } from '../plan/training-plan.ts'
import type { TimeEstimate } from '../time/time-estimate.ts'
import { type CostTerm, costFormula, decimalsOf, product } from './cost-formula.ts'

/** Money per GPU and hour and where the figure comes from; a catalogue `Price` is one. */
export interface HourPrice {
  readonly perGpuHour: number
  readonly currency: string
  readonly source: string
  readonly provider?: string | null
  readonly instanceType?: string
  readonly instanceGpus?: number
  readonly instances?: number
  readonly perInstanceHour?: number
  readonly instanceMemoryBytes?: number | null
  readonly spot?: boolean
  readonly asOf?: string | null
  /** Share taken off `perGpuHour` and `perInstanceHour`. */
  readonly discount?: number
}

/** Cost of a run; `run` is one attempt, `total` includes retries. */
export interface CostEstimate {
  readonly currency: string
  /** Of the GPUs that the run uses: idle ones of a whole instance are in it. */
  readonly pricePerGpuHour: number
  /** Retries included; the time used, not the time billed. */
  readonly gpuHours: number
  readonly run: number
  readonly total: number
  readonly priceSource: string
  /** Who rents the GPUs out; null: the price was stated. */
  readonly provider: string | null
  /** The whole calculation in one line; the figures shown multiply to the total. */
  readonly formula: string
  /** What is billed: GPUs by the hour, or whole instances. */
  readonly billing: string
}

interface CostInputs {
  readonly plan: TrainingPlan
  readonly time: TimeEstimate
  readonly price: HourPrice
  /** The currency to count in and the value of one unit of the price's own; null: there is no rate. */
  readonly exchange?: { readonly currency: string; readonly rate: number } | null
}

const UNIT_SECONDS: Readonly<Record<BillingUnit, number>> = { second: 1, minute: 60, hour: 3600 }

/** Billed time × GPUs or instances × price × attempts. null: the length of the run is not known. */
export function estimateCost({ plan, time, price, exchange }: CostInputs): CostEstimate | null {
  if (time.runSeconds === null) return null
  const rented = rentedCapacity(plan, price)
  const attempts = plan.retries
  const terms = [
    billedTime(time.runSeconds, plan.billing.unit),
    rented.capacity,
    { value: rented.perHour, unit: { currency: price.currency }, decimals: decimalsOf(rented.perHour) },
    ...discountTerms(price.discount ?? 0),
    ...(attempts === 1 ? [] : [{ value: attempts, unit: ' attempts', decimals: 0 }]),
    ...(exchange
      ? [{ value: exchange.rate, unit: ` ${exchange.currency}/${price.currency}`, decimals: decimalsOf(exchange.rate) }]
      : []),
  ]
  const currency = exchange?.currency ?? price.currency
  const total = product(terms)
  return {
    currency,
    pricePerGpuHour: pricePerUsedGpu(plan, price) * (exchange?.rate ?? 1),
    gpuHours: (time.runSeconds / 3600) * plan.gpus * attempts,
    run: total / attempts,
    total,
    priceSource: priceSource(price),
    provider: price.provider ?? null,
    formula: costFormula(terms, currency) + rented.note,
    billing: rented.billing + (plan.billing.unit === 'second' ? '' : `, by the started ${plan.billing.unit}`),
  }
}

/** What one used GPU costs for an hour: idle ones of its instance, reserved capacity and discounts counted in. */
export function pricePerUsedGpu(plan: TrainingPlan, price: HourPrice): number {
  const { capacity, perHour } = rentedCapacity(plan, price)
  return (capacity.value * perHour * (1 - (price.discount ?? 0))) / plan.gpus
}

/** Seconds are a fraction of an hour; minutes and hours are counted whole. */
function billedTime(seconds: number, unit: BillingUnit): CostTerm {
  const units = Math.ceil(seconds / UNIT_SECONDS[unit] - 1e-9)
  if (unit === 'second') return { value: units / 3600, unit: ' h', decimals: null }
  if (unit === 'hour') return { value: units, unit: ' started h', decimals: 0 }
  return { value: units / 60, unit: ` h (${units} started min)`, decimals: null }
}

interface RentedCapacity {
  readonly capacity: CostTerm
  readonly perHour: number
  /** After the formula: what it leaves out. */
  readonly note: string
  readonly billing: string
}

/** GPUs by the hour or whole instances, less what is reserved. */
function rentedCapacity(plan: TrainingPlan, price: HourPrice): RentedCapacity {
  const { instanceGpus = 1, perInstanceHour } = price
  const reserved = Math.min(plan.gpus, reservedGpus(plan))
  const paid = plan.gpus - reserved
  const note = reserved > 0 ? ` (${reserved} of ${plan.gpus} GPUs are reserved and paid for)` : ''
  const gpus = (count: number): string => `${count} GPU${count === 1 ? '' : 's'}`
  if (instanceGpus === 1 || perInstanceHour === undefined)
    return {
      capacity: { value: paid, unit: paid === 1 ? ' GPU' : ' GPUs', decimals: 0 },
      perHour: price.perGpuHour,
      note,
      billing: `${paid} × GPU-hour`,
    }
  const instances = Math.ceil(paid / instanceGpus)
  const idle = instances * instanceGpus - paid
  const name = price.instanceType ?? 'instance'
  const wasted = idle > 0 ? `, ${idle} of ${instances * instanceGpus} GPUs idle but billed` : ''
  return {
    capacity: {
      value: instances,
      unit: ` ${name} of ${gpus(instanceGpus)}${idle > 0 ? `, ${idle} idle,` : ''}`,
      decimals: 0,
    },
    perHour: perInstanceHour,
    note,
    billing: `${instances} × ${name} with ${gpus(instanceGpus)}, billed whole${wasted}`,
  }
}

function reservedGpus({ billing, hardware }: TrainingPlan): number {
  const { gpu } = hardware
  return gpu !== null && Object.hasOwn(billing.reserved, gpu) ? (billing.reserved[gpu] ?? 0) : 0
}

function discountTerms(discount: number): readonly CostTerm[] {
  if (discount === 0) return []
  const percent = Number((discount * 100).toFixed(4))
  return [{ value: 1 - discount, unit: ` (${percent} % off)`, decimals: decimalsOf(Number((1 - discount).toFixed(6))) }]
}

function priceSource({ provider, instanceType, spot, asOf, source }: HourPrice): string {
  const offer = [provider, instanceType, spot ? 'spot' : undefined].filter(Boolean).join(' ')
  const dated = asOf === undefined ? source : `${source}, ${asOf ?? 'undated'}`
  return offer === '' ? dated : `${offer} (${dated})`
}

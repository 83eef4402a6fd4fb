import type { TrainingPlan } from '../plan/training-plan.ts'
import type { TimeEstimate } from '../time/time-estimate.ts'

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
  readonly spot?: boolean
  readonly asOf?: string | null
}

/** Cost of a run; `run` is one attempt, `total` includes retries. */
export interface CostEstimate {
  readonly currency: string
  readonly pricePerGpuHour: number
  /** Retries included. */
  readonly gpuHours: number
  readonly run: number
  readonly total: number
  readonly priceSource: string
  /** The whole calculation in one line. */
  readonly formula: string
  /** What is billed: GPUs by the hour, or whole instances. */
  readonly billing: string
}

interface CostInputs {
  readonly plan: TrainingPlan
  readonly time: TimeEstimate
  readonly price: HourPrice
}

/** GPU-hours × price × retries. null: the length of the run is not known. */
export function estimateCost({ plan, time, price }: CostInputs): CostEstimate | null {
  if (time.runSeconds === null) return null
  const hours = time.runSeconds / 3600
  const run = hours * plan.gpus * price.perGpuHour
  const total = run * plan.retries
  const attempts = plan.retries === 1 ? '' : ` × ${plan.retries} attempts`
  return {
    currency: price.currency,
    pricePerGpuHour: price.perGpuHour,
    gpuHours: hours * plan.gpus * plan.retries,
    run,
    total,
    priceSource: priceSource(price),
    formula:
      `${hours.toFixed(2)} h × ${plan.gpus} GPU${plan.gpus === 1 ? '' : 's'} × ${price.perGpuHour.toFixed(2)} ${price.currency}` +
      `${attempts} = ${total.toFixed(2)} ${price.currency}`,
    billing: billing(price, plan.gpus),
  }
}

function priceSource({ provider, instanceType, spot, asOf, source }: HourPrice): string {
  const offer = [provider, instanceType, spot ? 'spot' : undefined].filter(Boolean).join(' ')
  const dated = asOf === undefined ? source : `${source}, ${asOf ?? 'undated'}`
  return offer === '' ? dated : `${offer} (${dated})`
}

function billing({ instanceGpus, instances, instanceType }: HourPrice, gpus: number): string {
  if (instanceGpus === undefined || instances === undefined || instanceGpus === 1) return `${gpus} × GPU-hour`
  const idle = instanceGpus * instances - gpus
  const wasted = idle > 0 ? `, ${idle} of ${instanceGpus * instances} GPUs idle but billed` : ''
  return `${instances} × ${instanceType ?? 'instance'} with ${instanceGpus} GPUs, billed whole${wasted}`
}

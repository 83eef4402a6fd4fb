import data from '../../data/prices.json' with { type: 'json' }
import { GIB } from '../plan/units.ts'
import { findGpu } from './gpu-catalogue.ts'
import { nameKey } from './name-key.ts'

/** What one GPU costs for an hour, and whose price that is. */
export interface Price {
  /** Id in data/gpus.json. */
  readonly gpu: string
  readonly perGpuHour: number
  readonly currency: string
  readonly provider: string
  readonly region: string | null
  readonly spot: boolean
  readonly instanceType: string
  /** GPUs of one instance. */
  readonly instanceGpus: number
  /** Instances that `gpus` GPUs need; they are billed whole. */
  readonly instances: number
  readonly perInstanceHour: number
  /** Main memory of one instance; null: not said. */
  readonly instanceMemoryBytes: number | null
  /** ISO date; null: the source does not say. */
  readonly asOf: string | null
  readonly source: string
  readonly confidence: PriceConfidence
}

export type PriceConfidence = 'seen' | 'derived' | 'second-hand' | 'stale' | 'low'

export interface PriceQuery {
  /** Id or alias. */
  readonly gpu: string
  /** GPUs of the run; absent: 1. */
  readonly gpus?: number | undefined
  readonly provider?: string | null | undefined
  readonly region?: string | null | undefined
  readonly spot?: boolean | null | undefined
  readonly currency?: string | null | undefined
  /** Instead of the embedded catalogue. */
  readonly rows?: readonly PriceRow[] | undefined
}

/** One instance type of a provider, as data/prices.json and a live catalogue hold it. Prices are of one instance and hour. */
export interface PriceRow {
  readonly provider: string
  readonly instanceType: string
  readonly gpu: string
  readonly gpus: number
  readonly byTheGpu: boolean
  readonly currency: string
  /** In `region`. */
  readonly onDemand: number | null
  readonly region: string | null
  readonly onDemandMin: number | null
  readonly minRegion: string | null
  readonly onDemandMedian: number | null
  readonly spotMin: number | null
  readonly spotRegion: string | null
  /** Main memory of the machine. */
  readonly memoryGib: number | null
  readonly asOf: string | null
  readonly asOfNote: string | null
  readonly confidence: string
  /** Index into the catalogue's sources, or the source itself. */
  readonly source: number | string
}

const TRUST: Readonly<Record<string, PriceConfidence>> = {
  seen: 'seen',
  derived: 'derived',
  'second-hand': 'second-hand',
  stale: 'stale',
  low: 'low',
}
/** Offers sold by the GPU inside one machine: several of them are still one machine. */
const BY_THE_GPU: ReadonlySet<string> = new Set(data.prices.filter(row => row.byTheGpu).map(row => row.instanceType))
const UNTRUSTED: ReadonlySet<string> = new Set(['stale', 'low'])

/** Ids of the GPUs that some provider of the catalogue rents. */
export const RENTED_GPUS: readonly string[] = [...new Set(data.prices.map(({ gpu }) => gpu))]

/**
 * The cheapest way to rent `gpus` GPUs of this kind, whole instances billed: `perGpuHour` is the instances' price over the
 * GPUs asked for, so 3 GPUs on an 8-GPU type cost the instance. Fresh rows win over stale and low-confidence ones.
 * null: nothing matches.
 */
export function findPrice(query: PriceQuery): Price | null {
  const gpus = Math.max(1, query.gpus ?? 1)
  const gpuId = findGpu(query.gpu)?.id ?? query.gpu
  const offers = rowsOf(query.rows ?? data.prices, gpuId)
    .filter(row => matches(row, query))
    .map(row => toPrice(row, { gpus, spot: query.spot ?? false, region: query.region ?? null }))
    .filter(price => price !== null)
  const wholeNodes = gpus > 8 ? offers.filter(price => price.instanceGpus >= 4) : offers
  const fitting = wholeNodes.length > 0 ? wholeNodes : offers
  return (
    [...fitting].sort(
      (a, b) =>
        Number(UNTRUSTED.has(a.confidence)) - Number(UNTRUSTED.has(b.confidence)) ||
        // one machine before several: GPUs on separate machines are not the same hardware
        Number(splits(a, gpus)) - Number(splits(b, gpus)) ||
        Number(a.currency !== 'USD') - Number(b.currency !== 'USD') ||
        a.perGpuHour - b.perGpuHour,
    )[0] ?? null
  )
}

/** Offers whose provider, instance type, GPU or currency contains every word; all for an empty query. One GPU each. */
export function searchPrices(query: string): readonly Price[] {
  const words = query.split(/\s+/).map(nameKey).filter(Boolean)
  const alias = findGpu(query)?.id ?? null
  return data.prices
    .filter(row => {
      const text = [row.provider, row.instanceType, row.gpu, row.currency].map(nameKey).join(' ')
      return row.gpu === alias || words.every(word => text.includes(word))
    })
    .map(row => toPrice(row, { gpus: row.gpus, spot: row.onDemand === null, region: null }))
    .filter(price => price !== null)
}

/** Rows of each catalogue by GPU: a search for hardware asks thousands of times. */
const byGpu = new WeakMap<readonly PriceRow[], ReadonlyMap<string, readonly PriceRow[]>>()

function rowsOf(rows: readonly PriceRow[], gpu: string): readonly PriceRow[] {
  const known = byGpu.get(rows) ?? groupByGpu(rows)
  byGpu.set(rows, known)
  return known.get(gpu) ?? []
}

function groupByGpu(rows: readonly PriceRow[]): ReadonlyMap<string, readonly PriceRow[]> {
  const groups = new Map<string, PriceRow[]>()
  for (const row of rows) groups.set(row.gpu, [...(groups.get(row.gpu) ?? []), row])
  return groups
}

function splits({ instances, instanceGpus, instanceType }: Price, gpus: number): boolean {
  return gpus <= 8 && instances > 1 && !(instanceGpus === 1 && BY_THE_GPU.has(instanceType))
}

function matches(row: PriceRow, { provider, region, currency, spot }: PriceQuery): boolean {
  if (provider && !nameKey(row.provider).startsWith(nameKey(provider))) return false
  if (currency && row.currency !== currency) return false
  const regions = (spot ? [row.spotRegion] : [row.region, row.minRegion]).flatMap(text => text?.split('/') ?? [])
  return !region || regions.some(known => known === region || known === 'any')
}

interface Wanted {
  readonly gpus: number
  readonly spot: boolean
  readonly region: string | null
}

function toPrice(row: PriceRow, { gpus, spot, region }: Wanted): Price | null {
  const cheapestHere = region !== null && (row.minRegion?.split('/').includes(region) ?? false)
  const perInstanceHour = spot ? row.spotMin : cheapestHere ? row.onDemandMin : row.onDemand
  if (perInstanceHour === null || perInstanceHour <= 0) return null
  const instances = Math.ceil(gpus / row.gpus)
  return {
    gpu: row.gpu,
    perGpuHour: (perInstanceHour * instances) / gpus,
    currency: row.currency,
    provider: row.provider,
    region: spot ? row.spotRegion : cheapestHere ? region : row.region,
    spot,
    instanceType: row.instanceType,
    instanceGpus: row.gpus,
    instances,
    perInstanceHour,
    instanceMemoryBytes: row.memoryGib === null ? null : row.memoryGib * GIB,
    asOf: row.asOf,
    source: (typeof row.source === 'string' ? row.source : data.sources[row.source]) ?? 'unknown',
    confidence: TRUST[row.confidence] ?? 'low',
  }
}

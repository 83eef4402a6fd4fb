import type { Run } from '../../src/plan/run.ts'
import { type NativePlan, nativeRun } from './native-run.ts'

export type Metric = 'allocated' | 'reserved' | 'device' | 'unspecified'

export interface Reading {
  readonly metric: Metric
  /** GiB (2^30 bytes) per GPU. */
  readonly gib: number
}

export interface MemoryRow {
  readonly id: string
  readonly group: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly run: Run
  readonly readings: readonly Reading[]
  /** Did it run on its GPU; null: not known. */
  readonly fits: boolean | null
  /** May constants and intervals be chosen on it? Other rows are only scored. */
  readonly fitting: boolean
  /** The figure belongs to the last pipeline rank. */
  readonly lastRank: boolean
}

interface RawRow {
  readonly id: string
  readonly group: string
  readonly confidence: MemoryRow['confidence']
  readonly plan: NativePlan
  readonly measured: {
    readonly metric: Metric
    readonly gib: number | null
    readonly fits: boolean | null
    readonly ranks: string | null
    readonly fitting?: boolean
    readonly allocated_gib?: number
    readonly reserved_gib?: number
    readonly device_gib?: number
  }
}

/** Rows of bench/memory.jsonl as runs, read by the same code as users' plans. A row that cannot be read is an error. */
export function readMemoryRows(text: string): MemoryRow[] {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => toRow(JSON.parse(line)))
}

function toRow(raw: RawRow): MemoryRow {
  const { measured } = raw
  const readings: Reading[] = []
  const add = (metric: Metric, gib: number | null | undefined) => {
    if (typeof gib === 'number') readings.push({ metric, gib })
  }
  add(measured.metric, measured.gib)
  add('allocated', measured.allocated_gib)
  add('reserved', measured.reserved_gib)
  add('device', measured.device_gib)
  return {
    id: raw.id,
    group: raw.group,
    confidence: raw.confidence,
    run: nativeRun(raw.id, raw.plan),
    readings,
    fits: measured.fits,
    fitting: measured.fitting ?? true,
    lastRank: measured.ranks === 'last',
  }
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { estimateMemory, estimateRank } from '../../src/memory/estimate-memory.ts'
import type { MemoryEstimate } from '../../src/memory/memory-estimate.ts'
import { GIB } from '../../src/plan/units.ts'
import { type MemoryRow, type Metric, readMemoryRows } from './memory-rows.ts'
import { PUBLISHED_FORMULAS } from './published-formulas.ts'
import { quantile } from './quantile.ts'

export interface ScoredReading {
  readonly row: MemoryRow
  readonly estimate: MemoryEstimate
  readonly metric: Metric
  /** predicted ÷ measured − 1. */
  readonly error: number
  readonly inside: boolean
}

export interface Accuracy {
  readonly name: string
  readonly readings: number
  readonly median: number
  readonly p90: number
  readonly bias: number
  /** Share of readings inside the interval. */
  readonly inside: number
}

export interface Outcomes {
  readonly rows: number
  readonly right: number
  readonly tooClose: number
  /** Said it fits, and it ran out of memory. */
  readonly falseFits: readonly string[]
  /** Said it does not fit, and it ran. */
  readonly falseAlarms: readonly string[]
}

export interface MemoryScores {
  readonly headline: readonly Accuracy[]
  readonly groups: readonly Accuracy[]
  /** Groups that are only scored: nothing was chosen on them. */
  readonly held: readonly Accuracy[]
  /** The same over all groups, by the figure that was scored. */
  readonly heldByFigure: readonly Accuracy[]
  readonly published: readonly Accuracy[]
  readonly classes: readonly (Accuracy & { readonly low: number; readonly high: number })[]
  readonly outcomes: Outcomes
  readonly meanHalfWidth: number
  readonly scored: readonly ScoredReading[]
}

/** Scores the memory model on bench/memory.jsonl: each reading against its own figure, low-confidence rows for outcomes only. */
export function scoreMemory(root: string): MemoryScores {
  const rows = readMemoryRows(readFileSync(join(root, 'bench/memory.jsonl'), 'utf8'))
  const all = rows.flatMap(scoreRow).filter(({ row }) => row.confidence !== 'low')
  const scored = all.filter(({ row }) => row.fitting)
  const held = all.filter(({ row }) => !row.fitting)
  const high = scored.filter(({ row }) => row.confidence === 'high')
  const metric = (name: Metric) => (entry: ScoredReading) => entry.metric === name
  return {
    headline: [
      accuracy('allocated, high confidence', high.filter(metric('allocated'))),
      accuracy('reserved, high confidence', high.filter(metric('reserved'))),
      accuracy('device, high confidence', high.filter(metric('device'))),
      accuracy(
        'all, high and medium',
        scored.filter(entry => entry.metric !== 'unspecified'),
      ),
      accuracy('unspecified (scored against device)', scored.filter(metric('unspecified'))),
      accuracy('everything, high and medium', scored),
    ],
    groups: grouped(scored, groupOf),
    held: grouped(held, groupOf),
    heldByFigure: grouped(held, ({ metric: own }) => (own === 'unspecified' ? 'device' : own)),
    published: PUBLISHED_FORMULAS.map(formula =>
      accuracy(
        formula.name,
        scored.map(entry => ({ ...entry, error: formula.bytes(entry.row.run) / measuredBytes(entry) - 1 })),
      ),
    ),
    classes: grouped(scored, ({ estimate }) => estimate.intervalClass).map(entry => withFactors(entry, scored)),
    outcomes: outcomes(rows),
    meanHalfWidth: mean(
      scored.map(({ estimate, metric }) => {
        const { low, high } = intervalOf(estimate, metric)
        return (high - low) / 2 / FIGURES[metric](estimate)
      }),
    ),
    scored,
  }
}

function groupOf({ row, metric }: ScoredReading): string {
  return `${row.group} · ${metric}`
}

export function estimateRow(row: MemoryRow): MemoryEstimate {
  const last = row.lastRank && row.run.plan.parallelism.pipeline > 1
  return last ? estimateRank(row.run, 'last') : estimateMemory(row.run)
}

function scoreRow(row: MemoryRow): ScoredReading[] {
  const estimate = estimateRow(row)
  return row.readings.map(({ metric, gib }) => {
    const measured = gib * GIB
    const { low, high } = intervalOf(estimate, metric)
    return {
      row,
      estimate,
      metric,
      error: FIGURES[metric](estimate) / measured - 1,
      inside: measured >= low && measured <= high,
    }
  })
}

const FIGURES: Record<Metric, (estimate: MemoryEstimate) => number> = {
  allocated: estimate => estimate.allocatedBytes,
  reserved: estimate => estimate.reservedBytes,
  device: estimate => estimate.deviceBytes,
  unspecified: estimate => estimate.deviceBytes,
}

/** Each figure's own interval; a reserved one lies below the device figure by the context at most. */
function intervalOf(estimate: MemoryEstimate, metric: Metric): { low: number; high: number } {
  if (metric === 'allocated') return { low: estimate.allocatedLowBytes, high: estimate.allocatedHighBytes }
  const outside = metric === 'reserved' ? estimate.deviceBytes - estimate.reservedBytes : 0
  return { low: estimate.lowBytes - outside, high: estimate.highBytes }
}

function measuredBytes(entry: ScoredReading): number {
  return FIGURES[entry.metric](entry.estimate) / (1 + entry.error)
}

function grouped(scored: readonly ScoredReading[], keyOf: (entry: ScoredReading) => string): Accuracy[] {
  const groups = new Map<string, ScoredReading[]>()
  for (const entry of scored) groups.set(keyOf(entry), [...(groups.get(keyOf(entry)) ?? []), entry])
  return [...groups].map(([name, members]) => accuracy(name, members)).sort((a, b) => a.name.localeCompare(b.name))
}

function accuracy(name: string, entries: readonly ScoredReading[]): Accuracy {
  const absolute = entries.map(({ error }) => Math.abs(error))
  return {
    name,
    readings: entries.length,
    median: quantile(absolute, 0.5),
    p90: quantile(absolute, 0.9),
    bias: quantile(
      entries.map(({ error }) => error),
      0.5,
    ),
    inside: mean(entries.map(({ inside }) => (inside ? 1 : 0))),
  }
}

/** Measured ÷ predicted at the 5th and 95th percentile of the class: what its interval should be. */
function withFactors(entry: Accuracy, scored: readonly ScoredReading[]): Accuracy & { low: number; high: number } {
  const ratios = scored
    .filter(({ estimate }) => estimate.intervalClass === entry.name)
    .map(({ error }) => 1 / (1 + error))
  return { ...entry, low: quantile(ratios, 0.05), high: quantile(ratios, 0.95) }
}

/** Megatron's golden cases are too small for their GPUs to say anything about fit. */
function outcomes(rows: readonly MemoryRow[]): Outcomes {
  const known = rows.filter(
    row => row.fits !== null && row.run.gpu !== null && !row.group.startsWith('megatron-golden'),
  )
  const judged = known.map(row => ({ row, verdict: verdictOf(estimateRow(row)) }))
  const names = (fits: boolean, verdict: string) =>
    judged.filter(entry => entry.row.fits === fits && entry.verdict === verdict).map(entry => entry.row.id)
  const falseFits = names(false, 'fits')
  const falseAlarms = names(true, 'over')
  const tooClose = judged.filter(entry => entry.verdict === 'close').length
  return {
    rows: known.length,
    right: known.length - falseFits.length - falseAlarms.length - tooClose,
    tooClose,
    falseFits,
    falseAlarms,
  }
}

function verdictOf(estimate: MemoryEstimate): 'fits' | 'over' | 'close' {
  const usable = estimate.usableBytes ?? Number.POSITIVE_INFINITY
  if (estimate.highBytes <= usable) return 'fits'
  return estimate.lowBytes > usable ? 'over' : 'close'
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length
}

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EFFICIENCY, type Efficiency } from '../../src/time/efficiency.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import type { TimeEstimate } from '../../src/time/time-estimate.ts'
import { asStated, readSpeedRows, type SpeedRow, type SpeedRows, withRelease } from './speed-rows.ts'
import { utilisationStepSeconds } from './utilisation-table.ts'
import { scoreWallClock, type WallClockScore } from './wall-clock.ts'

export interface ScoredRow {
  readonly row: SpeedRow
  /** predicted ÷ measured. */
  readonly ratio: number
  readonly insideInterval: boolean
  readonly intervalClass: string
}

export interface Score {
  readonly rows: number
  readonly groups: number
  /** Median over groups of the group medians of |error|. */
  readonly median: number
  /** 90th percentile over rows, each weighing 1 ÷ rows of its group. */
  readonly p90: number
}

export interface GroupScore {
  readonly group: string
  readonly rows: number
  /** Median of the plans alone. */
  readonly alone: number
  readonly median: number
  readonly p90: number
  readonly bias: number
}

export interface SpeedScores {
  /** Of the plans alone. */
  readonly slices: Readonly<Record<string, Score>>
  /** The same slices where a plan names the release of Megatron-Bridge. */
  readonly named: Readonly<Record<string, Score>>
  /** The same slices where a plan also says what its source says beside it. */
  readonly stated: Readonly<Record<string, Score>>
  /** The same slices for a constant utilisation of 40 %. */
  readonly utilisation: Readonly<Record<string, Score>>
  readonly groups: readonly GroupScore[]
  /** Share of rows inside their interval, by class. */
  readonly intervals: readonly { readonly name: string; readonly rows: number; readonly inside: number }[]
  /** Whole runs with start-up and evaluation. */
  readonly wallClock: readonly WallClockScore[]
  readonly scored: readonly ScoredRow[]
}

/** Scores the time model on the rows of bench/speed.jsonl that constants are fitted on. `root` is the repository. */
export function scoreSpeed(root: string): SpeedScores {
  return scoreRows(loadSpeedRows(root).rows, EFFICIENCY)
}

/** The same by group for rows that no constant was fitted on. */
export function scoreHeldSpeed(root: string): SpeedScores {
  return scoreRows(loadSpeedRows(root).held, EFFICIENCY)
}

export interface LoadedSpeedRows extends SpeedRows {
  /** Rows that are only scored. */
  readonly held: readonly SpeedRow[]
}

const loaded = new Map<string, LoadedSpeedRows>()

/** The rows of bench/speed.jsonl, read once. */
export function loadSpeedRows(root: string): LoadedSpeedRows {
  const known = loaded.get(root) ?? readRows(root)
  loaded.set(root, known)
  return known
}

function readRows(root: string): LoadedSpeedRows {
  const { rows, unread } = readSpeedRows(readFileSync(join(root, 'bench/speed.jsonl'), 'utf8'))
  return { rows: rows.filter(({ fitting }) => fitting), held: rows.filter(({ fitting }) => !fitting), unread }
}

export function scoreRows(rows: readonly SpeedRow[], constants: Efficiency): SpeedScores {
  const alone = scorePlans(rows, constants)
  const statedRows = rows.map(asStated)
  const scored = scorePlans(statedRows, constants)
  const slices = scoreSlices(alone)
  const named = scoreSlices(scorePlans(rows.map(withRelease), constants))
  const stated = scoreSlices(scored)
  const utilisation = scoreSlices(scored.map(entry => ({ ...entry, ratio: utilisationRatio(entry.row) })))
  const ofGroups = byKey(alone, ({ row }) => row.group)
  const groups = [...byKey(scored, ({ row }) => row.group)].map(([group, members]) =>
    groupScore(group, members, ofGroups.get(group) ?? members),
  )
  const intervals = [...byKey(alone, row => row.intervalClass)].map(([name, members]) => ({
    name,
    rows: members.length,
    inside: members.filter(row => row.insideInterval).length / members.length,
  }))
  const wallClock = constants === EFFICIENCY ? scoreWallClock(statedRows) : []
  return {
    slices,
    named,
    stated,
    utilisation,
    groups: groups.sort((a, b) => a.group.localeCompare(b.group)),
    intervals,
    wallClock,
    scored,
  }
}

export function scorePlans(rows: readonly SpeedRow[], constants: Efficiency): readonly ScoredRow[] {
  return rows.map(row => scoreRow(row, constants)).filter(row => row !== null)
}

function scoreSlices(scored: readonly ScoredRow[]): Readonly<Record<string, Score>> {
  return Object.fromEntries(
    Object.entries(SLICES).map(([name, isIn]) => [name, score(scored.filter(({ row }) => isIn(row)))]),
  )
}

function utilisationRatio(row: SpeedRow): number {
  const step = utilisationStepSeconds(row)
  if (row.stepSeconds !== null) return step / row.stepSeconds
  const { dataset, microBatchSize, gradientAccumulationSteps, gpus } = row.run.plan
  const steps = ((dataset.samples ?? 0) * (dataset.epochs ?? 1)) / (microBatchSize * gradientAccumulationSteps * gpus)
  return (step * steps) / (row.totalSeconds ?? Number.NaN)
}

const SLICES: Readonly<Record<string, (row: SpeedRow) => boolean>> = {
  all: () => true,
  adapters: ({ run }) => run.plan.adapter !== null,
  'single node': ({ run }) => run.plan.gpus <= run.plan.gpusPerNode,
  'single GPU': ({ run }) => run.plan.gpus === 1,
  dense: ({ run }) => run.architecture.layers.every(({ layer }) => layer.moe === null),
  'mixture of experts': ({ run }) => run.architecture.layers.some(({ layer }) => layer.moe !== null),
  full: ({ run }) => run.plan.adapter === null,
  'wall-clock': ({ stepSeconds }) => stepSeconds === null,
}

function scoreRow(row: SpeedRow, constants: Efficiency): ScoredRow | null {
  const time = estimateTime(row.run, { constants })
  if (time === null) return null
  const [predicted, measured] = figures(row, time)
  if (predicted === null || measured === null) return null
  const low = time.lowStepSeconds / time.stepSeconds
  const high = time.highStepSeconds / time.stepSeconds
  const ratio = predicted / measured
  return { row, ratio, insideInterval: 1 / ratio >= low && 1 / ratio <= high, intervalClass: time.intervalClass }
}

/** The step time, or the run without its start-up where the source gives only wall-clock. */
function figures(row: SpeedRow, time: TimeEstimate): readonly [number | null, number | null] {
  if (row.stepSeconds !== null) return [time.stepSeconds, row.stepSeconds]
  const startUp = time.components.find(item => item.name === 'start-up')?.seconds ?? 0
  return [time.runSeconds === null ? null : time.runSeconds - startUp, row.totalSeconds]
}

function score(rows: readonly ScoredRow[]): Score {
  const groups = byKey(rows, ({ row }) => row.group)
  const medians = [...groups.values()].map(members => quantile(members.map(error), 0.5))
  const weighted = rows
    .map(row => ({ error: error(row), weight: 1 / (groups.get(row.row.group)?.length ?? 1) }))
    .sort((a, b) => a.error - b.error)
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0)
  let seen = 0
  const at = weighted.find(({ weight }) => {
    seen += weight
    return seen >= 0.9 * total - 1e-9
  })
  return { rows: rows.length, groups: groups.size, median: quantile(medians, 0.5), p90: at?.error ?? Number.NaN }
}

function groupScore(group: string, members: readonly ScoredRow[], alone: readonly ScoredRow[]): GroupScore {
  const errors = members.map(error)
  return {
    group,
    rows: members.length,
    alone: quantile(alone.map(error), 0.5),
    median: quantile(errors, 0.5),
    p90: quantile(errors, 0.9),
    bias: quantile(
      members.map(row => row.ratio - 1),
      0.5,
    ),
  }
}

function error({ ratio }: ScoredRow): number {
  return Math.abs(ratio - 1)
}

/** Linear between order statistics. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - Math.floor(position))
}

export function byKey<T>(items: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item])
  return groups
}

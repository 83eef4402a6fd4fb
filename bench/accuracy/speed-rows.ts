import { findGpu } from '../../src/hardware/gpu-catalogue.ts'
import type { Run } from '../../src/plan/run.ts'
import type { EvaluationPlan } from '../../src/plan/training-plan.ts'
import { type NativePlan, readNativeRun } from './native-run.ts'

/** One measured run of bench/speed.jsonl, ready to estimate. */
export interface SpeedRow {
  readonly id: string
  readonly group: string
  readonly confidence: 'high' | 'medium' | 'low'
  readonly run: Run & { readonly gpu: NonNullable<Run['gpu']> }
  readonly stepSeconds: number | null
  readonly totalSeconds: number | null
  /** May constants be fitted on it? Other rows are only scored. */
  readonly fitting: boolean
  /** What the total covers, and remarks of the row. */
  readonly includes: string
  readonly notes: string
  /** Release of Megatron-Bridge that the source measured; its plan does not name it. */
  readonly release: string | null
}

interface RawRow {
  readonly id: string
  readonly group: string
  readonly source: { readonly locator: string }
  readonly confidence: SpeedRow['confidence']
  readonly plan: NativePlan
  readonly measured: {
    readonly step_seconds: number | null
    readonly total_seconds: number | null
    readonly includes?: string
    readonly fitting?: boolean
  }
  readonly notes?: string
}

export interface SpeedRows {
  readonly rows: readonly SpeedRow[]
  /** What could not be read, and why. */
  readonly unread: readonly string[]
}

/** Rows of bench/speed.jsonl as runs, read by the same code as users' plans; low-confidence rows are left out. */
export function readSpeedRows(text: string): SpeedRows {
  const rows: SpeedRow[] = []
  const unread: string[] = []
  for (const line of text.split('\n').filter(Boolean)) {
    const raw: RawRow = JSON.parse(line)
    if (raw.confidence === 'low') continue
    const run = readRun(raw)
    if (typeof run === 'string') unread.push(`${raw.id}: ${run}`)
    else {
      const { step_seconds: stepSeconds, total_seconds: totalSeconds, includes = '', fitting = true } = raw.measured
      const { id, group, confidence, notes = '' } = raw
      const release = /^(\d\d\.\d\d[\d.]*) container/.exec(raw.source.locator)?.[1] ?? null
      rows.push({ id, group, confidence, run, stepSeconds, totalSeconds, fitting, includes, notes, release })
    }
  }
  return { rows, unread }
}

/** The row as a plan that names the release of Megatron-Bridge that was measured. */
export function withRelease(row: SpeedRow): SpeedRow {
  if (row.release === null) return row
  const { plan } = row.run
  const libraries = { ...plan.libraries, 'megatron-bridge': row.release }
  return { ...row, run: { ...row.run, plan: { ...plan, libraries } } }
}

/**
 * The row as a plan that also says what its source says beside the plan: the release, validations inside the time, and a card
 * of less power than the one named.
 */
export function asStated(row: SpeedRow): SpeedRow {
  const { run } = withRelease(row)
  const evaluation = statedEvaluation(row) ?? run.plan.evaluation
  const gpu = CAPPED.test(row.notes) ? cappedCard() : run.gpu
  return { ...row, run: { ...run, gpu, plan: { ...run.plan, evaluation } } }
}

const CAPPED = /500 W(?: limit| H100)|at a 500 W/

function cappedCard(): SpeedRow['run']['gpu'] {
  const card = findGpu('h100-sxm-96gb')
  if (card === null) throw new Error('the catalogue has no H100 of 500 W')
  return card
}

/** LitGPT’s `eval` block, as the notes quote it; each validation ends with one answer of 100 tokens (config_hub). */
function statedEvaluation({ notes, run }: SpeedRow): EvaluationPlan | null {
  const found = /validation every (\d+) steps \(at most (\d+) batches of ~(\d+) samples\)( and at the end)?/.exec(notes)
  if (found === null) return null
  const [, every, batches, held, atEnd] = found
  const { microBatchSize } = run.plan
  const samples = Math.min(Number(held), Number(batches) * microBatchSize)
  const schedule = { everySteps: Number(every), timesTotal: null, atEnd: atEnd !== undefined }
  return { ...schedule, microBatchSize, samples, share: 0, newTokens: 100, answers: 1 }
}

function readRun({ id, plan }: RawRow): SpeedRow['run'] | string {
  const run = readNativeRun(id, plan)
  if (typeof run === 'string') return run
  return run.gpu === null ? 'the GPU is not known' : { ...run, gpu: run.gpu }
}

import { estimateTime } from '../../src/time/estimate-time.ts'
import { quantile } from './quantile.ts'
import type { SpeedRow } from './speed-rows.ts'

/** Whole runs, start-up and evaluation included, of one kind of source. */
export interface WallClockScore {
  readonly name: string
  readonly rows: number
  readonly median: number
  readonly p90: number
  readonly bias: number
}

/** What a run of this kind did beside its steps, as its source states it, and how long all of it took. */
interface WholeRun {
  readonly kind: string
  readonly row: SpeedRow
  readonly seconds: number
  readonly steps: number
  readonly evaluation: NonNullable<SpeedRow['run']['plan']['evaluation']>
}

/**
 * MLPerf: sequences of a typical run, those between two evaluations, those of one evaluation, evaluations skipped at the
 * start (training rules v5.0; the runs themselves stop at a loss).
 */
const MLPERF: Readonly<Record<string, { trained: number; every: number; held: number; skipped: number }>> = {
  'meta-llama/Llama-2-70b-hf': { trained: 3072, every: 384, held: 173, skipped: 3 },
  'meta-llama/Llama-3.1-405B': { trained: 276_480, every: 46_080, held: 5760, skipped: 0 },
}

/** PEFT comparison: 20 validations of 50 samples and a test of 1,319, in batches of 51; the longest answer is assumed. */
const PEFT = { samples: 20 * 50 + 1319, microBatchSize: 51, newTokens: 400 }

/** Scores runs with their start-up and evaluation, by kind of source. */
export function scoreWallClock(rows: readonly SpeedRow[]): readonly WallClockScore[] {
  const runs = rows.flatMap(row => [mlperf(row), peft(row), litgpt(row)]).filter(run => run !== null)
  return [...new Set(runs.map(({ kind }) => kind))].map(kind => {
    const ratios = runs.filter(run => run.kind === kind).map(ratio)
    const errors = ratios.map(value => Math.abs(value - 1))
    return {
      name: kind,
      rows: ratios.length,
      median: quantile(errors, 0.5),
      p90: quantile(errors, 0.9),
      bias: quantile(
        ratios.map(value => value - 1),
        0.5,
      ),
    }
  })
}

function ratio({ kind, row, seconds, steps, evaluation }: WholeRun): number {
  const { plan } = row.run
  const dataset = kind === LITGPT ? plan.dataset : { ...plan.dataset, maxSteps: steps }
  const time = estimateTime({ ...row.run, plan: { ...plan, dataset, evaluation } })
  // the source's clock of litgpt starts with the training loop
  const startUp = kind === LITGPT ? (time?.components.find(({ name }) => name === 'start-up')?.seconds ?? 0) : 0
  return ((time?.runSeconds ?? Number.NaN) - startUp) / seconds
}

function mlperf(row: SpeedRow): WholeRun | null {
  const rule = MLPERF[row.run.architecture.name]
  const found = /start-up (\d+) s, one evaluation ([\d.]+) s/.exec(row.notes)
  if (rule === undefined || found === null || row.stepSeconds === null) return null
  const { microBatchSize, gradientAccumulationSteps, gpus, parallelism } = row.run.plan
  const { tensor, pipeline, context } = parallelism
  const global = (microBatchSize * gradientAccumulationSteps * gpus) / (tensor * pipeline * context)
  const steps = Math.ceil(rule.trained / global)
  const timesTotal = rule.trained / rule.every - rule.skipped
  return {
    kind: 'MLPerf: start-up, steps, evaluations',
    row,
    seconds: Number(found[1]) + steps * row.stepSeconds + timesTotal * Number(found[2]),
    steps,
    evaluation: { everySteps: null, timesTotal, microBatchSize, samples: rule.held, share: 0 },
  }
}

function peft(row: SpeedRow): WholeRun | null {
  const found = /whole run with 20 generation evaluations: (\d+) s/.exec(row.includes)
  if (found === null) return null
  return {
    kind: 'PEFT comparison: load, steps, generated evaluations',
    row,
    seconds: Number(found[1]),
    steps: 5000,
    evaluation: { everySteps: null, timesTotal: 1, share: 0, ...PEFT },
  }
}

const LITGPT = 'litgpt: steps, validation, saves'

/** The source’s clock runs from the first step; its validations are in the plan. */
function litgpt(row: SpeedRow): WholeRun | null {
  const { evaluation } = row.run.plan
  if (row.totalSeconds === null || row.stepSeconds !== null || evaluation === null) return null
  return { kind: LITGPT, row, seconds: row.totalSeconds, steps: 0, evaluation }
}

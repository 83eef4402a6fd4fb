import type { TrainingKind } from '../plan/training-plan.ts'
import type { Framework } from '../plan/vocabulary.ts'
import type { RunReport } from '../report/report.ts'
import type { MeasuredRun } from './run-log.ts'

/** One figure, measured and estimated. */
export interface ComparedFigure {
  readonly what: 'step' | 'training loop' | 'torch allocated' | 'torch reserved' | 'device memory'
  readonly unit: 'seconds' | 'bytes'
  readonly measured: number
  readonly estimated: number
}

/** A finished run beside its estimate. */
export interface ComparedRun {
  readonly path: string
  readonly writer: string
  readonly gpu: string
  readonly training: TrainingKind
  readonly framework: Framework
  /** Measured ÷ estimated step time; null: the log has no step time. */
  readonly stepFactor: number | null
  readonly figures: readonly ComparedFigure[]
}

export type Comparison =
  | { readonly status: 'compared'; readonly run: ComparedRun }
  | { readonly status: 'impossible'; readonly message: string }

/** Parts of a run that a step factor scales; the others (checkpoints, compilation) take as long as they take. */
const SCALED: ReadonlySet<string> = new Set(['training steps', 'evaluation'])
/** Before the trainer's own clock starts. */
const BEFORE: ReadonlySet<string> = new Set(['start-up', 'spot interruptions'])

/** Holds a log against the estimate of its config, made without calibration. */
export function compareRun(measured: MeasuredRun, report: RunReport): Comparison {
  const { plan, time, memory, path } = report
  if (!plan?.hardware.gpu || !time || !memory)
    return { status: 'impossible', message: `\`${path}\` cannot be estimated: model or GPU are not known.` }
  const loop = loopOf(measured, report)
  const stepFactor =
    measured.stepSeconds !== null
      ? measured.stepSeconds / time.stepSeconds
      : loop === null || measured.loopSeconds === null
        ? null
        : factorOf(measured.loopSeconds, loop)
  const step = measured.stepSeconds ?? (stepFactor === null ? null : stepFactor * time.stepSeconds)
  return {
    status: 'compared',
    run: {
      path,
      writer: measured.writer,
      gpu: plan.hardware.gpu,
      training: time.training ?? 'full',
      framework: plan.framework,
      stepFactor,
      figures: [
        figure('step', 'seconds', step, time.stepSeconds),
        figure('training loop', 'seconds', measured.loopSeconds, loop === null ? null : loop.scaled + loop.fixed),
        figure('torch allocated', 'bytes', measured.peak.allocatedBytes, memory.allocatedBytes),
        figure('torch reserved', 'bytes', measured.peak.reservedBytes, memory.reservedBytes),
        figure('device memory', 'bytes', measured.peak.deviceBytes, memory.deviceBytes),
      ].filter(row => row !== null),
    },
  }
}

interface Loop {
  readonly scaled: number
  readonly fixed: number
}

/** What the estimate says of the steps that were really made; null: without a number of steps there is no loop. */
function loopOf({ steps, loopSeconds }: MeasuredRun, { time }: RunReport): Loop | null {
  const made = steps ?? time?.steps ?? null
  if (!time || made === null || loopSeconds === null) return null
  // evaluation and checkpoints of a run that was cut short came as often a step as planned
  const share = time.steps === null ? 1 : made / time.steps
  let scaled = time.components.length === 0 ? made * time.stepSeconds : 0
  let fixed = 0
  for (const { name, seconds } of time.components) {
    if (SCALED.has(name)) scaled += seconds * share
    else if (name === 'compile') fixed += seconds
    else if (!BEFORE.has(name)) fixed += seconds * share
  }
  return { scaled, fixed }
}

/** The factor with which the estimate gives the measured time; parts that do not scale never make it negative. */
function factorOf(seconds: number, { scaled, fixed }: Loop): number {
  return seconds > fixed * 2 ? (seconds - fixed) / scaled : seconds / (scaled + fixed)
}

function figure(
  what: ComparedFigure['what'],
  unit: ComparedFigure['unit'],
  measured: number | null,
  estimated: number | null,
): ComparedFigure | null {
  return measured === null || estimated === null ? null : { what, unit, measured, estimated }
}

import type { CalibrationPlan, TrainingKind } from '../plan/training-plan.ts'
import type { StepContext } from './step-context.ts'

/** The calibration of this GPU that says most about the run: kind of training before framework. null: none. */
export function calibrationOf(context: StepContext): CalibrationPlan | null {
  const kind = trainingKind(context)
  const { framework, calibration } = context.plan
  const rows = calibration.filter(
    row =>
      row.gpu === context.gpu.id &&
      (row.training === null || row.training === kind) &&
      (row.framework === null || row.framework === framework),
  )
  return rows.toSorted((a, b) => precision(b) - precision(a))[0] ?? null
}

function precision({ training, framework }: CalibrationPlan): number {
  return Number(training !== null) * 2 + Number(framework !== null)
}

/** What a step is spent on decides how far a measured factor carries. */
export function trainingKind({ plan, work }: StepContext): TrainingKind {
  if (plan.parallelism.offload !== 'none') return 'offload'
  if (work.experts > 0) return 'mixture-of-experts'
  if (plan.adapter === null) return 'full'
  return plan.quantization === 'none' ? 'adapter' : 'quantized-adapter'
}

/** `calibrated × 1.180 (1.120–1.250 in 3 runs)`. */
export function describeCalibration({ stepFactor, low, high, runs }: CalibrationPlan): string {
  const spread = runs > 1 ? ` (${low.toFixed(3)}–${high.toFixed(3)} in ${runs} runs)` : ' (one run)'
  return `calibrated × ${stepFactor.toFixed(3)}${spread}`
}

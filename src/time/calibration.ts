import type { CalibrationPlan, TrainingKind } from '../plan/training-plan.ts'
import type { StepContext } from './step-context.ts'

/** The calibration of this GPU and kind of training; one for every kind of training comes second. null: none. */
export function calibrationOf(context: StepContext): CalibrationPlan | null {
  const rows = context.plan.calibration.filter(({ gpu }) => gpu === context.gpu.id)
  const kind = trainingKind(context)
  return rows.find(({ training }) => training === kind) ?? rows.find(({ training }) => training === null) ?? null
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

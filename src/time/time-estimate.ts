import type { Finding } from '../plan/finding.ts'
import type { TimeItem } from '../plan/item.ts'
import type { TrainingKind } from '../plan/training-plan.ts'
import type { Seconds } from '../plan/units.ts'

/** Time of one optimizer step and of the whole run. Run figures are null when the number of steps is unknown. */
export interface TimeEstimate {
  readonly stepSeconds: Seconds
  readonly lowStepSeconds: Seconds
  readonly highStepSeconds: Seconds
  /** The fastest a step could be on this hardware. */
  readonly floorStepSeconds: Seconds
  readonly steps: number | null
  readonly tokensPerSecondPerGpu: number
  readonly samplesPerSecond: number
  readonly modelFlopsUtilization: number
  /** One attempt: start-up, steps, evaluation, checkpoints. */
  readonly runSeconds: Seconds | null
  /** runSeconds × retries. */
  readonly totalSeconds: Seconds | null
  /** Parts of one step; sum to stepSeconds. */
  readonly stepComponents: readonly TimeItem[]
  /** Parts of one run; sum to runSeconds. Empty when steps are unknown. */
  readonly components: readonly TimeItem[]
  readonly energyKwh: number | null
  readonly intervalClass: string
  /** The kind that a calibration is for. */
  readonly training: TrainingKind
  readonly findings: readonly Finding[]
}

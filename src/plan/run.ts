import type { Gpu } from '../hardware/gpu.ts'
import type { Architecture } from '../models/architecture.ts'
import type { ModelCounts } from '../models/model-counts.ts'
import type { TrainingPlan } from './training-plan.ts'

/** Everything the estimators need about one run. */
export interface Run {
  readonly plan: TrainingPlan
  readonly architecture: Architecture
  readonly counts: ModelCounts
  /** null: unknown. */
  readonly gpu: Gpu | null
}

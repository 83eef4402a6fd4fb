import intervals from '../../data/memory-intervals.json' with { type: 'json' }
import type { TrainingPlan } from '../plan/training-plan.ts'

export type IntervalClass = keyof typeof intervals.classes

export interface IntervalFactors {
  readonly name: IntervalClass
  readonly low: number
  readonly high: number
}

/** Class of run and the factors that cover 90 % of its measured residuals. */
export function intervalFactors(plan: TrainingPlan): IntervalFactors {
  const { tensor, pipeline, context, expert, data } = plan.parallelism
  const name: IntervalClass =
    tensor * pipeline * context * expert > 1
      ? 'model parallel'
      : data === 'none' || plan.gpus === 1
        ? 'single GPU'
        : 'sharded'
  return { name, ...intervals.classes[name] }
}

import intervals from '../../data/memory-intervals.json' with { type: 'json' }
import type { TrainingPlan } from '../plan/training-plan.ts'
import { variesInLength } from './overheads/varying-length.ts'

export type IntervalClass = keyof typeof intervals.classes

export interface IntervalFactors {
  readonly name: IntervalClass
  readonly low: number
  readonly high: number
}

/** Class of run and the factors that cover 90 % of its measured residuals. */
export function intervalFactors(plan: TrainingPlan): IntervalFactors {
  const name = classOf(plan)
  return { name, ...intervals.classes[name] }
}

function classOf(plan: TrainingPlan): IntervalClass {
  const { tensor, pipeline, context, expert, data } = plan.parallelism
  if (tensor * pipeline * context * expert > 1) return 'model parallel'
  if (plan.gpus > 1 && data !== 'ddp' && data !== 'none') return 'sharded'
  if (plan.quantization !== 'none') return 'quantised weights'
  return variesInLength(plan) ? 'varying length' : 'fixed length'
}

import type { TrainingPlan } from './training-plan.ts'

/** The value of a plan under a dotted key such as `precision.weights`; undefined when the plan has no such part. */
export function planValue(plan: TrainingPlan, key: string): unknown {
  let current: unknown = plan
  for (const part of key.split('.')) {
    if (typeof current !== 'object' || current === null) return current === null ? null : undefined
    current = Object.hasOwn(current, part) ? Reflect.get(current, part) : undefined
  }
  return current
}

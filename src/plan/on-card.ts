import type { TrainingPlan } from './training-plan.ts'

/** The plan on another card. */
export function onCard(plan: TrainingPlan, gpu: string): TrainingPlan {
  return plan.hardware.gpu === gpu ? plan : { ...plan, hardware: { ...plan.hardware, gpu } }
}

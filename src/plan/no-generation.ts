import type { ReinforcementPlan } from './training-plan.ts'

/** A preference or reward stage that holds nothing beside the model and generates nothing. */
export const NO_GENERATION: ReinforcementPlan = {
  referenceModel: 'none',
  generations: 1,
  promptLength: 0,
  completionLength: 0,
  iterations: 1,
  generation: 'none',
  colocatedMemoryShare: 0,
  sleepMode: false,
  rewardModel: false,
  valueModel: false,
}

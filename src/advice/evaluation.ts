import type { CostEstimate } from '../cost/estimate-cost.ts'
import type { RuleOfThumb } from '../cost/rule-of-thumb.ts'
import type { MemoryEstimate } from '../memory/memory-estimate.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { TimeEstimate } from '../time/time-estimate.ts'

/** One plan re-estimated: what fixes, alternatives and causes are verified with. */
export interface Evaluation {
  readonly memory: MemoryEstimate
  readonly time: TimeEstimate | null
  readonly cost: CostEstimate | null
  readonly ruleOfThumb: RuleOfThumb | null
}

/** `gpu`: another card than the plan's own, by id. What does not depend on the card is worked out once a plan. */
export type Evaluate = (plan: TrainingPlan, gpu?: string) => Evaluation | null

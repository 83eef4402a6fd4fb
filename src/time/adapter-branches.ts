import type { ModelCounts } from '../models/model-counts.ts'
import type { StepContext } from './step-context.ts'

/** Methods without a branch beside the linear layers. */
const WITHOUT_BRANCHES: ReadonlySet<string> = new Set([
  'prefix',
  'prompt',
  'p_tuning',
  'adaption_prompt',
  'adapter',
  'adapter_v2',
  'ln_tuning',
  'trainable_tokens',
])

/** Matrices that run a low-rank branch. */
export function branches({ plan, counts }: StepContext): ModelCounts['adapterTargets'] {
  return plan.adapter === null || WITHOUT_BRANCHES.has(plan.adapter.type) ? [] : counts.adapterTargets
}

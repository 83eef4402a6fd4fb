import { assumed, type PlanDraft, type PlanKey } from './plan-draft.ts'

const SIZES = [
  'parallelism.tensor',
  'parallelism.pipeline',
  'parallelism.context',
] as const satisfies readonly PlanKey[]

/** Without a number of GPUs the fewest that the parallel sizes allow are assumed; a policy or launcher says more. */
export function withParallelGpus(draft: PlanDraft): PlanDraft {
  if (draft.gpus !== undefined) return draft
  const sizes = SIZES.map(key => draft[key]).map(size =>
    size === undefined || typeof size === 'function' ? 1 : size.value,
  )
  const product = sizes.reduce((total, size) => total * size, 1)
  const expert = draft['parallelism.expert']
  const experts = expert === undefined || typeof expert === 'function' ? 1 : expert.value
  const fewest = Math.max(product, experts)
  if (fewest <= 1 || fewest > 1e6) return draft
  return {
    ...draft,
    gpus: assumed(fewest, 'the fewest that the parallel sizes allow; the launcher or the policy says how many'),
  }
}

import type { PlanKey } from './plan-draft.ts'

/** Counts of something that a run has at least one of, and far fewer than 10^12. */
const COUNTS: ReadonlySet<PlanKey> = new Set<PlanKey>([
  'gpus',
  'gpusPerNode',
  'microBatchSize',
  'gradientAccumulationSteps',
  'sequenceLength',
  'parallelism.tensor',
  'parallelism.pipeline',
  'parallelism.context',
  'parallelism.expert',
  'parallelism.expertTensor',
  'retries',
])
const MOST = 1e12

/** True for a number that no run can have, whatever file or launcher it came from: nothing may be computed from it. */
export function isImplausible(key: PlanKey, value: unknown): boolean {
  if (typeof value !== 'number') return false
  return !Number.isFinite(value) || (COUNTS.has(key) && (value < 1 || value > MOST))
}

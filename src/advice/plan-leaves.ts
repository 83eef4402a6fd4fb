import type { TrainingPlan } from '../plan/training-plan.ts'

/** Parts of a plan whose change moves figures. */
const PARTS = [
  'microBatchSize',
  'sequenceLength',
  'gradientAccumulationSteps',
  'gradientCheckpointing',
  'checkpointingReentrant',
  'adapter',
  'quantization',
  'optimizer',
  'optimizerImplementation',
  'optimizerPaged',
  'precision',
  'attention',
  'loss',
  'classificationLabels',
  'fusedKernels',
  'compile',
  'compileLoss',
  'fusedExperts',
  'packing',
  'variableLength',
  'activationOffload',
  'expandableSegments',
  'parallelism',
  'gpus',
  'gpusPerNode',
  'hardware',
  'dataset',
  'freeze',
  'stage',
  'reinforcement',
  'evaluation',
  'checkpoints',
  'meanSequenceLength',
  'retries',
] as const satisfies readonly (keyof TrainingPlan)[]

/** A value of a plan, or one inside a part that both plans have. */
export interface PlanLeaf {
  readonly part: (typeof PARTS)[number] | 'model'
  readonly inner: string | null
  /** `precision.weights`. */
  readonly name: string
}

/** Innermost values that differ; a part that only one plan has counts as a whole. */
export function changedLeaves(a: TrainingPlan, b: TrainingPlan): readonly PlanLeaf[] {
  return PARTS.flatMap((part): readonly PlanLeaf[] => {
    const [before, after] = [a[part], b[part]]
    if (isSame(before, after)) return []
    if (!isMapping(before) || !isMapping(after)) return [{ part, inner: null, name: part }]
    return Object.keys({ ...before, ...after })
      .filter(inner => !isSame(Reflect.get(before, inner), Reflect.get(after, inner)))
      .map(inner => ({ part, inner, name: `${part}.${inner}` }))
  })
}

/** `plan` with the given values of `other`. */
export function withLeaves(plan: TrainingPlan, other: TrainingPlan, leaves: readonly PlanLeaf[]): TrainingPlan {
  const changed: Record<string, unknown> = { ...plan }
  for (const { part, inner } of leaves) {
    const [own, wanted] = [changed[part], other[part]]
    changed[part] =
      inner !== null && isMapping(own) && isMapping(wanted) ? { ...own, [inner]: Reflect.get(wanted, inner) } : wanted
  }
  return { ...plan, ...changed }
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

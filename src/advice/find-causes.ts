import { planValue } from '../plan/plan-value.ts'
import type { PlanProvenance } from '../plan/resolve-plan.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { CauseReport } from '../report/report.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'

interface CauseOptions {
  readonly basePlan: TrainingPlan
  readonly headPlan: TrainingPlan
  readonly provenance: PlanProvenance
  readonly evaluate: Evaluate
  readonly limitBytes: number | null
}

/** Keys whose change moves figures, by part; a part that changes as a whole (adapter on, off) counts once. */
const KEYS = [
  'microBatchSize',
  'sequenceLength',
  'gradientAccumulationSteps',
  'gradientCheckpointing',
  'adapter',
  'quantization',
  'optimizer',
  'optimizerImplementation',
  'optimizerPaged',
  'precision',
  'attention',
  'loss',
  'fusedKernels',
  'compile',
  'packing',
  'activationOffload',
  'parallelism',
  'gpus',
  'hardware',
  'dataset',
  'freeze',
  'stage',
  'reinforcement',
  'evaluation',
  'meanSequenceLength',
  'retries',
] as const

/** Which changed keys moved the figures: each change alone against the base, and what only happens together. */
export function findCauses({
  basePlan,
  headPlan,
  provenance,
  evaluate,
  limitBytes,
}: CauseOptions): readonly CauseReport[] {
  const changed = KEYS.filter(key => JSON.stringify(basePlan[key]) !== JSON.stringify(headPlan[key]))
  if (changed.length === 0) return []
  const before = evaluate(basePlan)
  const after = evaluate(headPlan)
  if (!before || !after) return []
  const causes = changed.map(key => {
    const alone = evaluate({ ...basePlan, [key]: headPlan[key] })
    const without = evaluate({ ...headPlan, [key]: basePlan[key] })
    const inner = innerChange(basePlan, headPlan, key)
    const named = Object.entries(provenance).find(([planKey]) => planKey === inner)?.[1]?.key
    return {
      key: named ?? inner,
      from: planValue(basePlan, inner),
      to: planValue(headPlan, inner),
      ...difference(before, alone),
      fitsWithout: without && limitBytes !== null ? without.memory.deviceBytes <= limitBytes : null,
    }
  })
  const moved = causes.filter(({ memoryBytes, runSeconds, cost }) =>
    [memoryBytes, runSeconds, cost].some(value => value !== null && value !== 0),
  )
  if (moved.length < 2) return moved
  const summed = moved.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0)
  const together = after.memory.deviceBytes - before.memory.deviceBytes - summed
  return Math.abs(together) < 2 ** 27
    ? moved
    : [
        ...moved,
        {
          key: 'together',
          from: null,
          to: null,
          memoryBytes: together,
          runSeconds: null,
          cost: null,
          fitsWithout: null,
        },
      ]
}

/** `parallelism.data` rather than the whole block when one leaf changed. */
function innerChange(base: TrainingPlan, head: TrainingPlan, key: (typeof KEYS)[number]): string {
  const [a, b] = [base[key], head[key]]
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return key === 'adapter' ? 'adapter.type' : key
  const after = new Map<string, unknown>(Object.entries(b))
  const leaves = Object.entries(a).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(after.get(name)))
  return leaves[0] ? `${key}.${leaves[0][0]}` : key
}

function difference(
  before: Evaluation,
  after: Evaluation | null,
): Pick<CauseReport, 'memoryBytes' | 'runSeconds' | 'cost'> {
  const minus = (a: number | null | undefined, b: number | null | undefined): number | null =>
    a == null || b == null ? null : a - b
  return {
    memoryBytes: minus(after?.memory.deviceBytes, before.memory.deviceBytes),
    runSeconds: minus(after?.time?.runSeconds, before.time?.runSeconds),
    cost: minus(after?.cost?.total, before.cost?.total),
  }
}

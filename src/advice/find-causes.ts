import { type ConfigDocument, nodeAt, plainData } from '../formats/config-document.ts'
import { planValue } from '../plan/plan-value.ts'
import type { PlanProvenance } from '../plan/resolve-plan.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { CauseReport } from '../report/report.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'

/** One side of the comparison. */
interface CauseSide {
  readonly plan: TrainingPlan
  readonly provenance: PlanProvenance
  /** null: the run is in no file. */
  readonly document: ConfigDocument | null
  /** With this side's model. */
  readonly evaluate: Evaluate
}

interface CauseOptions {
  readonly base: CauseSide
  readonly head: CauseSide
  /** Share of the usable memory that may be used. */
  readonly memoryShare: number
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
export function findCauses({ base, head, memoryShare }: CauseOptions): readonly CauseReport[] {
  const changed = KEYS.filter(key => JSON.stringify(base.plan[key]) !== JSON.stringify(head.plan[key]))
  const isOtherModel = base.plan.model !== head.plan.model
  if (changed.length === 0 && !isOtherModel) return []
  const before = base.evaluate(base.plan)
  const after = head.evaluate(head.plan)
  if (!before || !after) return []
  const cause = (key: string, alone: Evaluation | null, without: Evaluation | null): CauseReport => ({
    ...namedChange(key, base, head),
    ...difference(before, alone),
    fitsWithout: fitsIn(without, memoryShare),
  })
  const causes = changed.map(key =>
    cause(
      innerChange(base.plan, head.plan, key),
      base.evaluate({ ...base.plan, [key]: head.plan[key] }),
      head.evaluate({ ...head.plan, [key]: base.plan[key] }),
    ),
  )
  if (isOtherModel)
    causes.unshift(
      cause(
        'model',
        head.evaluate({ ...base.plan, model: head.plan.model }),
        base.evaluate({ ...head.plan, model: base.plan.model }),
      ),
    )
  const moved = causes.filter(({ memoryBytes, runSeconds, cost }) =>
    [memoryBytes, runSeconds, cost].some(value => value !== null && value !== 0),
  )
  if (moved.length < 2) return moved
  const summed = moved.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0)
  const together = after.memory.requiredBytes - before.memory.requiredBytes - summed
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

/** In the user's own key and values where the file has them, else in the plan's. */
function namedChange(planKey: string, base: CauseSide, head: CauseSide): Pick<CauseReport, 'key' | 'from' | 'to'> {
  const keyOf = ({ provenance }: CauseSide): string | undefined =>
    Object.entries(provenance).find(([own]) => own === planKey)?.[1]?.key
  const key = keyOf(head) ?? keyOf(base) ?? planKey
  const from = writtenAt(base.document, key)
  const to = writtenAt(head.document, key)
  const isWritten = (from !== undefined || to !== undefined) && JSON.stringify(from) !== JSON.stringify(to)
  return isWritten
    ? { key, from: from ?? null, to: to ?? null }
    : { key, from: planValue(base.plan, planKey), to: planValue(head.plan, planKey) }
}

function writtenAt(document: ConfigDocument | null, key: string): unknown {
  const node = document ? nodeAt(document.roots[0], key) : undefined
  return node ? plainData(node) : undefined
}

function fitsIn(result: Evaluation | null, memoryShare: number): boolean | null {
  if (!result || result.memory.usableBytes === null) return null
  return result.memory.requiredBytes <= result.memory.usableBytes * memoryShare
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
    memoryBytes: minus(after?.memory.requiredBytes, before.memory.requiredBytes),
    runSeconds: minus(after?.time?.runSeconds, before.time?.runSeconds),
    cost: minus(after?.cost?.total, before.cost?.total),
  }
}

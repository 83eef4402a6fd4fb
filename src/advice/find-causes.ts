import type { ConfigDocument } from '../formats/config-document.ts'
import { planValue } from '../plan/plan-value.ts'
import type { Provenance } from '../plan/provenance.ts'
import type { PlanProvenance } from '../plan/resolve-plan.ts'
import { samplesPerStep } from '../plan/samples-per-step.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { CauseReport } from '../report/report.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'
import { changedLeaves, type PlanLeaf, withLeaves } from './plan-leaves.ts'
import { writtenKey, writtenValue } from './written-value.ts'

/** One side of the comparison. */
export interface CauseSide {
  readonly plan: TrainingPlan
  readonly provenance: PlanProvenance
  /** Files that values stand in, by path: the config, its companions. */
  readonly documents: ReadonlyMap<string, ConfigDocument>
  /** With this side's model. */
  readonly evaluate: Evaluate
  /** Equal on both sides where the model has the same shapes. */
  readonly modelShapes: string
  /** The file that gives the shapes; null: the catalogue or the Hub. */
  readonly modelPath: string | null
}

interface CauseOptions {
  readonly path: string
  readonly base: CauseSide
  readonly head: CauseSide
  /** Share of the usable memory that may be used. */
  readonly memoryShare: number
}

/** One edit of the user, with all that it changes in the plan. */
interface Edit extends Pick<CauseReport, 'key' | 'from' | 'to' | 'path'> {
  readonly leaves: readonly PlanLeaf[]
  readonly isModel: boolean
}

/** Which edits moved the figures: each alone against the base, and what only happens together. */
export function findCauses({ path, base, head, memoryShare }: CauseOptions): readonly CauseReport[] {
  const edits = editsBetween(base, head)
  const before = edits.length > 0 ? base.evaluate(base.plan) : null
  const after = before && head.evaluate(head.plan)
  if (!before || !after) return []
  const causes = edits.map(({ leaves, isModel, path: own, ...edit }): CauseReport => {
    const alone = withModel(withLeaves(base.plan, head.plan, leaves), isModel ? head : base)
    const without = withModel(withLeaves(head.plan, base.plan, leaves), isModel ? base : head)
    return {
      ...edit,
      ...(own && own !== path ? { path: own } : {}),
      ...difference(before, alone),
      fitsWithout: fitsIn(without, memoryShare),
    }
  })
  const moved = causes.filter(({ memoryBytes, runSeconds, cost }) => [memoryBytes, runSeconds, cost].some(Boolean))
  const together = interaction(difference(before, after), moved)
  return together ? [...moved, together] : moved
}

function withModel(plan: TrainingPlan, side: CauseSide): Evaluation | null {
  return side.evaluate({ ...plan, model: side.plan.model })
}

/** Below an eighth of a GiB, a minute and half a unit of money nobody asks. */
const NOTICEABLE = { memoryBytes: 2 ** 27, runSeconds: 60, cost: 0.5 } as const

type Difference = Pick<CauseReport, 'memoryBytes' | 'runSeconds' | 'cost'>

/** What the edits move beyond their sum. */
function interaction(whole: Difference, moved: readonly CauseReport[]): CauseReport | null {
  if (moved.length < 2) return null
  const rest = (figure: keyof Difference): number | null => {
    const total = whole[figure]
    if (total === null) return null
    const left = total - moved.reduce((sum, own) => sum + (own[figure] ?? 0), 0)
    return Math.abs(left) < NOTICEABLE[figure] ? 0 : left
  }
  const left = { memoryBytes: rest('memoryBytes'), runSeconds: rest('runSeconds'), cost: rest('cost') }
  return Object.values(left).some(Boolean)
    ? { key: 'together', from: null, to: null, ...left, fitsWithout: null }
    : null
}

function editsBetween(base: CauseSide, head: CauseSide): readonly Edit[] {
  const written = new Map<string, Edit>()
  const derived: PlanLeaf[] = []
  for (const leaf of changedLeaves(base.plan, head.plan)) {
    const edit = writtenEdit(leaf, base, head)
    if (!edit) derived.push(leaf)
    else {
      const id = JSON.stringify([edit.path, edit.key])
      written.set(id, { ...edit, leaves: [...(written.get(id)?.leaves ?? []), leaf] })
    }
  }
  const edits = [...modelEdit(base, head), ...written.values(), ...libraryEdit(base, head)]
  return assigned(sameBatch(edits, base, head), derived, base, head)
}

/** The user's own key and values where a file says another thing than before; null: the plan follows from something else. */
function writtenEdit(leaf: PlanLeaf, base: CauseSide, head: CauseSide): Edit | null {
  for (const own of [provenanceOf(head, leaf), provenanceOf(base, leaf)]) {
    if (own?.path === undefined) continue
    const key = writtenKey(head.documents, own) ?? writtenKey(base.documents, own)
    if (key === null) continue
    const from = writtenValue(base.documents, placeIn(base, leaf, own), key)
    const to = writtenValue(head.documents, placeIn(head, leaf, own), key)
    if (JSON.stringify(from) !== JSON.stringify(to))
      return { key, path: own.path, from: from ?? null, to: to ?? null, leaves: [leaf], isModel: false }
  }
  return null
}

/** The file may have another name on the other side. */
function placeIn(side: CauseSide, leaf: PlanLeaf, own: Provenance): Provenance {
  const here = provenanceOf(side, leaf)
  return here?.path !== undefined && here.key === own.key ? here : own
}

function provenanceOf({ provenance }: CauseSide, { part, name }: PlanLeaf): Provenance | undefined {
  const of = (wanted: string): Provenance | undefined => Object.entries(provenance).find(([own]) => own === wanted)?.[1]
  return of(name) ?? of(part) ?? (part === 'adapter' ? of('adapter.type') : undefined)
}

/** Another model, or other shapes in the file of the same. */
function modelEdit(base: CauseSide, head: CauseSide): readonly Edit[] {
  const leaf: PlanLeaf = { part: 'model', inner: null, name: 'model' }
  if (base.plan.model !== head.plan.model) {
    const edit = writtenEdit(leaf, base, head)
    return [
      {
        ...(edit ?? { key: 'model', from: base.plan.model, to: head.plan.model, leaves: [] }),
        leaves: [],
        isModel: true,
      },
    ]
  }
  if (base.modelShapes === head.modelShapes) return []
  return [{ key: head.modelPath ?? 'model', from: null, to: null, leaves: [], isModel: true }]
}

function libraryEdit(base: CauseSide, head: CauseSide): readonly Edit[] {
  const [before, after] = [base.plan.libraries, head.plan.libraries]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => before[name] !== after[name],
  )
  const [only] = names
  if (only === undefined) return []
  const shown = (versions: Readonly<Record<string, string>>): string =>
    names.length === 1
      ? (versions[only] ?? 'current')
      : names.map(name => `${name} ${versions[name] ?? 'current'}`).join(', ')
  return [
    {
      key: names.length === 1 ? only : 'library versions',
      from: shown(before),
      to: shown(after),
      leaves: [],
      isModel: false,
    },
  ]
}

/** More accumulation for a smaller micro-batch is one edit. */
function sameBatch(edits: readonly Edit[], base: CauseSide, head: CauseSide): readonly Edit[] {
  const of = (part: PlanLeaf['part']): Edit | undefined =>
    edits.find(({ leaves }) => leaves.some(own => own.part === part))
  const [micro, accumulation] = [of('microBatchSize'), of('gradientAccumulationSteps')]
  const isSame = samplesPerStep({ ...base.plan, gpus: head.plan.gpus }) === samplesPerStep(head.plan)
  if (!micro || !accumulation || micro === accumulation || !isSame) return edits
  const joined = { ...micro, leaves: [...micro.leaves, ...accumulation.leaves] }
  return edits.flatMap(edit => (edit === micro ? [joined] : edit === accumulation ? [] : [edit]))
}

/** Parts whose edit decides a part that no file says; the first that was edited. */
const DECIDED_BY: Readonly<Partial<Record<PlanLeaf['part'], readonly PlanLeaf['part'][]>>> = {
  precision: ['adapter', 'quantization', 'parallelism', 'optimizer'],
  quantization: ['adapter'],
  optimizer: ['adapter'],
  gradientAccumulationSteps: ['microBatchSize', 'gpus', 'parallelism'],
  reinforcement: ['sequenceLength', 'microBatchSize'],
  dataset: ['packing'],
  loss: ['fusedKernels'],
  evaluation: ['microBatchSize'],
}

/** What follows from edits goes with the one that decides it, else with the libraries, else with the only or first one. */
function assigned(
  edits: readonly Edit[],
  derived: readonly PlanLeaf[],
  base: CauseSide,
  head: CauseSide,
): readonly Edit[] {
  if (edits.length === 0)
    return derived.map(leaf => ({
      key: leaf.name,
      from: planValue(base.plan, leaf.name),
      to: planValue(head.plan, leaf.name),
      leaves: [leaf],
      isModel: false,
    }))
  const owner = (leaf: PlanLeaf): Edit | undefined => {
    for (const part of DECIDED_BY[leaf.part] ?? []) {
      const found = edits.find(({ leaves }) => leaves.some(own => own.part === part))
      if (found) return found
    }
    return edits.find(({ leaves, isModel }) => leaves.length === 0 && !isModel) ?? edits[0]
  }
  return edits
    .map(edit => ({ ...edit, leaves: [...edit.leaves, ...derived.filter(leaf => owner(leaf) === edit)] }))
    .filter(({ leaves, isModel }) => leaves.length > 0 || isModel)
}

function fitsIn(result: Evaluation | null, memoryShare: number): boolean | null {
  if (!result || result.memory.usableBytes === null) return null
  return result.memory.requiredBytes <= result.memory.usableBytes * memoryShare
}

function difference(before: Evaluation, after: Evaluation | null): Difference {
  const minus = (a: number | null | undefined, b: number | null | undefined): number | null =>
    a == null || b == null ? null : a - b
  return {
    memoryBytes: minus(after?.memory.requiredBytes, before.memory.requiredBytes),
    runSeconds: minus(after?.time?.runSeconds, before.time?.runSeconds),
    cost: minus(after?.cost?.total, before.cost?.total),
  }
}

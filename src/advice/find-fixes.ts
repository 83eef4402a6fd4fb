import { type ConfigDocument, nodeAt, plainData } from '../formats/config-document.ts'
import { requiredComponents } from '../memory/required-components.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ChangeReport, FixReport } from '../report/report.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'
import { FRAMEWORK_KEYS, type FrameworkSpelling } from './framework-keys.ts'
import { PLAN_CHANGES, type PlanChange } from './plan-changes.ts'
import { findFlag } from './shell-flags.ts'

interface FixOptions {
  readonly format: string
  /** The file in which the changes are made. */
  readonly document: ConfigDocument
  readonly plan: TrainingPlan
  readonly evaluate: Evaluate
  /** null: nothing to fit into. */
  readonly limitBytes: number | null
  /** Above this the policy warns; null: nowhere. */
  readonly warnBytes: number | null
}

interface Candidate {
  readonly changes: readonly PlanChange[]
  readonly plan: TrainingPlan
  readonly result: Evaluation
  readonly keys: Readonly<Record<string, unknown>>
}

/** More than are shown: some do not survive being written into the file. */
const MAX_CANDIDATES = 12
/** A micro-batch of 64 reaches 1 in six halvings. */
const MAX_REPEATS = 6

/** The smallest changes, in the user's own keys, that make a run fit; each is verified by estimating it again. */
export function findFixes(options: FixOptions): readonly FixReport[] {
  const { limitBytes } = options
  const spelled = spellingOf(options)
  if (limitBytes === null || !spelled) return []
  const available = PLAN_CHANGES.filter(({ id }) => Object.hasOwn(spelled, id))
  const singles = available.flatMap(change => repeatUntilFit(options, [change], limitBytes))
  const passing = singles.filter(({ result }) => passes(result, options, limitBytes))
  const tight = singles.filter(
    ({ result }) => result.memory.requiredBytes <= limitBytes && !passes(result, options, limitBytes),
  )
  const isGentle = passing.some(candidate => disruptionOf(candidate) < CHANGES_TRAINING)
  const combined = isGentle ? [] : combinations(options, available, limitBytes, passing.length > 0)
  const ranked = [...passing, ...combined].toSorted((a, b) => disruptionOf(a) - disruptionOf(b))
  return [...ranked, ...tight].slice(0, MAX_CANDIDATES).map(candidate => toReport(candidate, options, limitBytes))
}

/** The policy says nothing any more: the interval stays below the limit and the estimate below the warning. */
function passes({ memory }: Evaluation, { warnBytes }: FixOptions, limitBytes: number): boolean {
  return memory.requiredHighBytes <= limitBytes && memory.requiredBytes <= (warnBytes ?? limitBytes)
}

/** From this disruption on a change alters what is learned, not only how. */
const CHANGES_TRAINING = 10

function disruptionOf({ changes }: Candidate): number {
  return changes.reduce((sum, { disruption }) => sum + disruption, 0)
}

/** Applies the changes, the halving ones again and again, until the plan fits or nothing is left to halve. */
function repeatUntilFit(options: FixOptions, changes: readonly PlanChange[], limitBytes: number): readonly Candidate[] {
  let plan: TrainingPlan | null = options.plan
  let best: Candidate | null = null
  for (let round = 0; round < MAX_REPEATS; round += 1) {
    const next: TrainingPlan | null = changes.reduce<TrainingPlan | null>(
      (current, change) => (current === null ? null : (change.apply(current) ?? (round > 0 ? current : null))),
      plan,
    )
    if (next === null || next === plan) break
    const result = options.evaluate(next)
    if (!result) break
    plan = next
    best = { changes, plan: next, result, keys: spell(spellingOf(options), changes, next) }
    if (
      passes(result, options, limitBytes) ||
      !changes.some(({ id }) => id === 'smaller-micro-batch' || id === 'shorter-sequences')
    )
      break
  }
  return best ? [best] : []
}

/**
 * Pairs first, else everything that applies less what is needless; of changes that leave the training as it is before
 * others. When something already passes that alters what is learned, only those are worth offering beside it.
 */
function combinations(
  options: FixOptions,
  available: readonly PlanChange[],
  limitBytes: number,
  onlyGentle: boolean,
): readonly Candidate[] {
  const gentle = available.filter(({ disruption }) => disruption < CHANGES_TRAINING)
  for (const usable of onlyGentle ? [gentle] : [gentle, available]) {
    const pairs = usable.flatMap((a, index) => usable.slice(index + 1).map(b => [a, b]))
    for (const sets of [pairs, [applicable(options.plan, usable)]]) {
      const found = sets
        .flatMap(changes => repeatUntilFit(options, changes, limitBytes))
        .filter(({ result }) => passes(result, options, limitBytes))
        .map(candidate => withoutNeedless(candidate, options, limitBytes))
      if (found.length > 0) return found
    }
  }
  return []
}

/** Leaves out, the most disruptive first, what the run fits without. */
function withoutNeedless(candidate: Candidate, options: FixOptions, limitBytes: number): Candidate {
  let best = candidate
  for (const change of candidate.changes.toSorted((a, b) => b.disruption - a.disruption)) {
    const fewer = best.changes.filter(own => own !== change)
    if (fewer.length === 0) break
    const [smaller] = repeatUntilFit(options, fewer, limitBytes)
    if (smaller && passes(smaller.result, options, limitBytes)) best = smaller
  }
  return best
}

/** Every change that applies on top of those before it. */
function applicable(plan: TrainingPlan, available: readonly PlanChange[]): readonly PlanChange[] {
  const chosen: PlanChange[] = []
  let current = plan
  for (const change of available) {
    const next = change.apply(current)
    if (next === null) continue
    chosen.push(change)
    current = next
  }
  return chosen
}

/** A command line has the arguments of the framework that it starts. */
function spellingOf({ format, plan }: FixOptions): FrameworkSpelling | undefined {
  const name = Object.hasOwn(FRAMEWORK_KEYS, format) ? format : plan.framework
  return Object.hasOwn(FRAMEWORK_KEYS, name) ? FRAMEWORK_KEYS[name] : undefined
}

function spell(
  spelled: FrameworkSpelling | undefined,
  changes: readonly PlanChange[],
  plan: TrainingPlan,
): Readonly<Record<string, unknown>> {
  return Object.assign({}, ...changes.map(({ id }) => spelled?.[id]?.(plan) ?? {}))
}

function toReport({ changes, result, keys }: Candidate, options: FixOptions, limitBytes: number): FixReport {
  const { document } = options
  return {
    title: changes.map(({ title }) => title).join(' and '),
    changes: Object.entries(keys).flatMap(([key, to]) => changeOf(key, to, document)),
    memoryBytes: result.memory.requiredBytes,
    components: requiredComponents(result.memory.components).map(({ name, bytes }) => ({ name, bytes })),
    runSeconds: result.time?.runSeconds ?? null,
    cost: result.cost?.total ?? null,
    tooTight: !passes(result, options, limitBytes),
  }
}

/** The key as it is written in the file, and nothing when it already has the value; no line where it has to be added. */
function changeOf(spellings: string, to: unknown, document: ConfigDocument): readonly ChangeReport[] {
  const keys = spellings.split('|')
  const found = keys.map(key => ({ key, written: findWritten(document, key) })).find(({ written }) => written !== null)
  const key = found?.key ?? keys[0] ?? spellings
  const from = found?.written?.value ?? null
  const wanted = Array.isArray(from) && Array.isArray(to) ? [...new Set([...from, ...to])] : to
  if (found && JSON.stringify(from) === JSON.stringify(wanted)) return []
  return [{ path: document.path, line: found?.written?.line ?? null, key, from, to: wanted }]
}

function findWritten(document: ConfigDocument, key: string): { readonly line: number; readonly value: unknown } | null {
  if (document.syntax === 'shell') return findFlag(document.text, key)
  const node = nodeAt(document.roots[0], key)
  return node ? { line: node.keyLine, value: plainData(node) } : null
}

import { type ConfigDocument, nodeAt, plainData } from '../formats/config-document.ts'
import { requiredComponents } from '../memory/required-components.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ChangeReport, FixReport, LimitKind } from '../report/report.ts'
import type { ChangeFacts } from './changed-plans.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'
import { FRAMEWORK_KEYS } from './framework-keys/framework-keys.ts'
import { type FrameworkSpelling, ValueBySpelling } from './framework-keys/spelling.ts'
import { type LoweredFigure, PLAN_CHANGES, type PlanChange } from './plan-changes.ts'
import { findFlag, type LineRange, styleOfAdded } from './shell-flags.ts'
import { remainingLimits, type Standing } from './standing.ts'

interface FixOptions {
  readonly format: string
  /** The file in which the changes are made. */
  readonly document: ConfigDocument
  /** The lines of the run's command, where the file is a script of several; null: not known. */
  readonly command: LineRange | null
  readonly plan: TrainingPlan
  readonly facts: Omit<ChangeFacts, 'ownEvaluationBatch'>
  readonly evaluate: Evaluate
  readonly standing: (plan: TrainingPlan, result: Evaluation) => Standing
}

interface Search extends FixOptions {
  readonly facts: ChangeFacts
  readonly before: Standing
  readonly spelled: FrameworkSpelling
}

interface Candidate {
  readonly changes: readonly PlanChange[]
  readonly plan: TrainingPlan
  readonly result: Evaluation
  readonly tooTight: boolean
  /** null: it breaks a limit that held. */
  readonly remaining: readonly LimitKind[] | null
}

/** More than are shown: some do not survive being written into the file. */
const MAX_CANDIDATES = 12

/**
 * The smallest changes, in the user's own keys, with which a run passes its policy; each is verified by estimating it
 * again. After those that pass come those too tight, then those that leave fewer limits broken.
 */
export function findFixes(options: FixOptions): readonly FixReport[] {
  const spelled = spellingOf(options)
  const now = options.evaluate(options.plan)
  if (!spelled || !now) return []
  const facts = { ...options.facts, ownEvaluationBatch: Object.hasOwn(spelled, 'evaluation-batch') }
  const search: Search = { ...options, facts, spelled, before: options.standing(options.plan, now) }
  const found = candidatesOf(search)
  const chosen = found.some(passes) || !isMixed(search.before) ? found : [...candidatesOf(memoryOnly(search)), ...found]
  return chosen.slice(0, MAX_CANDIDATES).map(candidate => toReport(candidate, search))
}

/** Memory and an amount are over: what makes the run start is worth offering though it costs too much. */
function isMixed({ broken }: Standing): boolean {
  return broken.includes('memory') && broken.length > 1
}

function memoryOnly(search: Search): Search {
  const only = (standing: Standing): Standing => ({
    ...standing,
    broken: standing.broken.filter(kind => kind === 'memory'),
    unknown: standing.unknown.filter(kind => kind === 'memory'),
  })
  return {
    ...search,
    before: only(search.before),
    standing: (plan, result) => only(search.standing(plan, result)),
  }
}

/** The best first. */
function candidatesOf(search: Search): readonly Candidate[] {
  const { spelled } = search
  const available = PLAN_CHANGES.filter(
    ({ spelling, lowers }) =>
      Object.hasOwn(spelled, spelling) && lowers.some(figure => wantedFigures(search.before).has(figure)),
  )
  const singles = available.flatMap(change => repeatUntilPassing(search, [change]))
  const isGentle = singles.some(candidate => passes(candidate) && disruptionOf(candidate) < CHANGES_TRAINING)
  const combined = isGentle ? [] : combinations(search, available, singles.some(passes))
  return [...singles, ...combined]
    .filter(candidate => rankOf(candidate, search.before) < WORTHLESS)
    .toSorted(
      (a, b) =>
        rankOf(a, search.before) - rankOf(b, search.before) ||
        disruptionOf(a) - disruptionOf(b) ||
        secondsOf(a) - secondsOf(b),
    )
}

/** An amount is lowered by a shorter run. */
function wantedFigures({ broken, isTight }: Standing): ReadonlySet<LoweredFigure> {
  const wanted = new Set<LoweredFigure>(isTight ? ['memory'] : [])
  for (const kind of broken) wanted.add(kind === 'memory' ? 'memory' : 'time')
  return wanted
}

function passes({ remaining, tooTight }: Candidate): boolean {
  return remaining?.length === 0 && !tooTight
}

const WORTHLESS = 3

/** Passes; only too tight; leaves fewer limits broken; neither. */
function rankOf(candidate: Candidate, { broken }: Standing): number {
  const { remaining } = candidate
  if (passes(candidate)) return 0
  if (remaining?.length === 0) return 1
  return remaining !== null && remaining.length < broken.length ? 2 : WORTHLESS
}

/** From this disruption on a change alters what is learned, not only how. */
const CHANGES_TRAINING = 10

function disruptionOf({ changes }: Candidate): number {
  return changes.reduce((sum, { disruption }) => sum + disruption, 0)
}

function secondsOf({ result }: Candidate): number {
  return result.time?.runSeconds ?? result.time?.stepSeconds ?? 0
}

/** Applies the changes, the repeating ones again and again, until the plan passes or none applies any more. */
function repeatUntilPassing(search: Search, changes: readonly PlanChange[]): readonly Candidate[] {
  let plan: TrainingPlan | null = search.plan
  let best: Candidate | null = null
  const rounds = Math.max(...changes.map(({ repeats = 1 }) => repeats))
  for (let round = 0; round < rounds; round += 1) {
    const next: TrainingPlan | null = changes.reduce<TrainingPlan | null>((current, change) => {
      if (current === null || round >= (change.repeats ?? 1)) return current
      return change.apply(current, search.facts) ?? (round > 0 ? current : null)
    }, plan)
    if (next === null || next === plan) break
    const candidate = evaluated(search, changes, next)
    if (!candidate) break
    plan = next
    if (best === null || rankOf(candidate, search.before) <= rankOf(best, search.before)) best = candidate
    if (passes(candidate)) break
  }
  return best ? [best] : []
}

function evaluated(search: Search, changes: readonly PlanChange[], plan: TrainingPlan): Candidate | null {
  const result = search.evaluate(plan)
  if (!result) return null
  const after = search.standing(plan, result)
  return { changes, plan, result, tooTight: after.isTight, remaining: remainingLimits(search.before, after) }
}

/**
 * Pairs first, else everything that applies less what is needless; of changes that leave the training as it is before
 * others. When something already passes that alters what is learned, only those are worth offering beside it.
 */
function combinations(search: Search, available: readonly PlanChange[], onlyGentle: boolean): readonly Candidate[] {
  const gentle = available.filter(({ disruption }) => disruption < CHANGES_TRAINING)
  for (const usable of onlyGentle ? [gentle] : [gentle, available]) {
    const pairs = usable.flatMap((a, index) =>
      usable.slice(index + 1).flatMap(b => (a.spelling === b.spelling ? [] : [[a, b]])),
    )
    for (const sets of [pairs, [applicable(search, usable)]]) {
      const found = sets
        .flatMap(changes => repeatUntilPassing(search, changes))
        .filter(passes)
        .map(candidate => withoutNeedless(candidate, search))
      if (found.length > 0) return found
    }
  }
  return []
}

/** Leaves out, the most disruptive first, what the run passes without. */
function withoutNeedless(candidate: Candidate, search: Search): Candidate {
  let best = candidate
  for (const change of candidate.changes.toSorted((a, b) => b.disruption - a.disruption)) {
    const fewer = best.changes.filter(own => own !== change)
    if (fewer.length === 0) break
    const [smaller] = repeatUntilPassing(search, fewer)
    if (smaller && passes(smaller)) best = smaller
  }
  return best
}

/** Every change that applies on top of those before it, one of a kind. */
function applicable({ plan, facts }: Search, available: readonly PlanChange[]): readonly PlanChange[] {
  const chosen: PlanChange[] = []
  let current = plan
  for (const change of available) {
    const next = chosen.some(({ spelling }) => spelling === change.spelling) ? null : change.apply(current, facts)
    if (next === null) continue
    chosen.push(change)
    current = next
  }
  return chosen
}

/** A command line has the arguments of the framework that it starts. */
function spellingOf({ format, plan }: FixOptions): FrameworkSpelling | undefined {
  const name = isOwnFile(format) ? format : plan.framework
  return Object.hasOwn(FRAMEWORK_KEYS, name) ? FRAMEWORK_KEYS[name] : undefined
}

/** Not a script or launcher file with commands. */
function isOwnFile(format: string): boolean {
  return Object.hasOwn(FRAMEWORK_KEYS, format)
}

function toReport({ changes, plan, result, tooTight, remaining }: Candidate, search: Search): FixReport {
  const keys: Readonly<Record<string, unknown>> = Object.assign(
    {},
    ...changes.map(({ spelling }) => search.spelled[spelling]?.(plan) ?? {}),
  )
  return {
    title: changes.map(({ title }) => title).join('; '),
    changes: Object.entries(keys).flatMap(([key, to]) => changeOf(key, to, search)),
    memoryBytes: result.memory.requiredBytes,
    components: requiredComponents(result.memory.components).map(({ name, bytes }) => ({ name, bytes })),
    runSeconds: result.time?.runSeconds ?? null,
    cost: result.cost?.total ?? null,
    tooTight,
    ...(remaining && remaining.length > 0 ? { remaining } : {}),
  }
}

/** The key as it is written in the file, and nothing when it already has the value; no line where it has to be added. */
function changeOf(spellings: string, value: unknown, { document, format, command }: Search): readonly ChangeReport[] {
  const keys = spellings.split('|')
  const isCommand = document.syntax === 'shell' || !isOwnFile(format)
  const { path, text } = document
  const meant = (key: string): unknown => (value instanceof ValueBySpelling ? value.of(key) : value)
  if (isCommand) {
    for (const key of keys) {
      const flag = findFlag(text, key, command)
      const to = meant(key)
      if (flag)
        return flag.value === to
          ? []
          : [{ path, line: flag.line, key: flag.key, from: flag.value, to, style: flag.style }]
    }
    const key = addedArgument(text, keys)
    return [{ path, line: null, key, from: null, to: meant(key), style: styleOfAdded(text, key) }]
  }
  const found = keys.map(key => ({ key, node: nodeAt(document.roots[0], key) })).find(({ node }) => node !== undefined)
  const key = found?.key ?? addedKey(document, keys)
  const [from, to] = [found?.node ? plainData(found.node) : null, meant(key)]
  const wanted = Array.isArray(from) && Array.isArray(to) ? [...new Set([...from, ...to])] : to
  if (found && JSON.stringify(from) === JSON.stringify(wanted)) return []
  return [{ path, line: found?.node?.keyLine ?? null, key, from, to: wanted }]
}

/** Of several names of an argument the one in the manner of the others: dotted among dotted ones. */
function addedArgument(text: string, keys: readonly string[]): string {
  const isDotted = /(?:^|\s)--\w+\.\w/m.test(text)
  return keys.find(key => key.includes('.') === isDotted) ?? keys[0] ?? ''
}

/** Of several places of a key the first whose mapping is there. */
function addedKey({ roots }: ConfigDocument, keys: readonly string[]): string {
  const hasPlace = (key: string): boolean =>
    !key.includes('.') || nodeAt(roots[0], key.slice(0, key.lastIndexOf('.'))) !== undefined
  return keys.find(hasPlace) ?? keys[0] ?? ''
}

import { signedMoney } from '../plan/money-text.ts'
import { code } from './escape-markdown.ts'
import { duration, gibDelta, unbroken } from './figures.ts'
import type { CauseReport, LimitKind, RunReport } from './report.ts'

/** A figure that a change moves, and from where on that is worth a sentence. */
interface Measure {
  readonly of: (cause: CauseReport) => number | null
  readonly noticeable: number
  readonly show: (amount: number, run: RunReport) => string
}

const MEASURES = {
  memory: {
    of: ({ memoryBytes }) => memoryBytes,
    noticeable: 2 ** 30 / 10,
    show: bytes => `${gibDelta(bytes, 0)} GiB`,
  },
  cost: {
    of: ({ cost }) => cost,
    noticeable: 0.5,
    show: (amount, { cost }) => signedMoney(amount, cost?.currency ?? null, Math.abs(amount) < 10 ? 2 : 0),
  },
  time: {
    of: ({ runSeconds }) => runSeconds,
    noticeable: 60,
    show: seconds => `${seconds < 0 ? '−' : '+'}${duration(Math.abs(seconds))}`,
  },
} as const satisfies Record<string, Measure>

const LIMIT_MEASURES = {
  memory: 'memory',
  cost: 'cost',
  cost_increase: 'cost',
  hours: 'time',
  gpu_hours: 'time',
} as const satisfies Record<LimitKind, keyof typeof MEASURES>

const MAX_CAUSES = 3

/**
 * `Cause: sequence_len 4096 → 8192 (+14.7 GiB) and micro_batch_size 1 → 2 (+4.9 GiB). Undoing any one of them is enough.`
 * Told in the figure whose limit is broken, else in the one that moved: memory, cost, time. Empty: nothing moved.
 */
export function causeSentence(run: RunReport): string {
  // what could not be read was estimated at its default: that moved nothing
  if (run.verdict === 'unknown') return ''
  const broken = run.limits.find(({ level }) => level === 'fail' || level === 'warn')
  const name = broken && LIMIT_MEASURES[broken.kind]
  const cause = name ? brokenSentence(run, MEASURES[name]) : ''
  if (cause !== '') return cause
  const other = (['memory', 'cost', 'time'] as const).find(own => movedBy(run, MEASURES[own]).length > 0)
  return other ? changedSentence(run, other) : ''
}

function movedBy({ causes }: RunReport, { of, noticeable }: Measure): readonly CauseReport[] {
  return causes
    .filter(cause => cause.key !== 'together' && Math.abs(of(cause) ?? 0) >= noticeable)
    .toSorted((a, b) => Math.abs(of(b) ?? 0) - Math.abs(of(a) ?? 0))
}

/** What raised the figure that is over its limit; empty: nothing did. */
function brokenSentence(run: RunReport, measure: Measure): string {
  const moved = movedBy(run, measure)
  const raised = moved.filter(cause => (measure.of(cause) ?? 0) > 0)
  const together = togetherAmount(run, measure)
  if (raised.length === 0) {
    const all = run.causes.filter(({ key }) => key !== 'together').slice(0, MAX_CAUSES)
    return together > 0 && all.length > 1
      ? `Cause: ${all.map(edit).join(' **and** ')} together (${amount(together, run, measure)}).${enoughText(all, measure)}`
      : ''
  }
  const lowered = moved.filter(cause => !raised.includes(cause)).slice(0, 1)
  const texts = raised.slice(0, MAX_CAUSES).map(cause => edited(cause, run, [measure]))
  return [
    `Cause: ${texts.join(' **and** ')}`,
    ...lowered.map(cause => `, against ${edited(cause, run, [measure])}`),
    moved.length > 1 && together !== 0 ? `, and ${amount(together, run, measure)} only together` : '',
    `.${enoughText(raised, measure)}`,
  ].join('')
}

function changedSentence(run: RunReport, name: keyof typeof MEASURES): string {
  const measure = MEASURES[name]
  const moved = movedBy(run, measure)
  const told = name === 'memory' ? [measure, MEASURES.cost] : [measure]
  const together = togetherAmount(run, measure)
  const interaction = moved.length > 1 && together !== 0 ? `, and ${amount(together, run, measure)} only together` : ''
  const texts = moved.slice(0, MAX_CAUSES).map(cause => edited(cause, run, told))
  return `Changed: ${texts.join(' **and** ')}${interaction}.`
}

/** 0: too little to tell. */
function togetherAmount({ causes }: RunReport, { of, noticeable }: Measure): number {
  const together = causes.find(({ key }) => key === 'together')
  const value = together ? (of(together) ?? 0) : 0
  return Math.abs(value) < noticeable ? 0 : value
}

function amount(value: number, run: RunReport, measure: Measure): string {
  return unbroken(measure.show(value, run))
}

/** `key 1 → 2 (+4.9 GiB)`. */
function edited(cause: CauseReport, run: RunReport, measures: readonly Measure[]): string {
  const amounts = measures.flatMap(measure => {
    const value = measure.of(cause) ?? 0
    return Math.abs(value) < measure.noticeable ? [] : [amount(value, run, measure)]
  })
  return `${edit(cause)} (${amounts.join(', ')})`
}

function edit({ path, key, from, to }: CauseReport): string {
  const place = path === undefined ? '' : `${code(path)}: `
  const isNamed = (from ?? to) === null || (from ?? to) === undefined
  return `${place}${code(key)}${isNamed ? ' changed' : ` ${shownChange(from, to)}`}`
}

function enoughText(moved: readonly CauseReport[], measure: Measure): string {
  const enough = moved.filter(({ fitsWithout }) => fitsWithout === true)
  if (measure !== MEASURES.memory || moved.length < 2 || enough.length === 0) return ''
  if (enough.length === moved.length) return ' Undoing any one of them is enough.'
  return ` Undoing ${enough.map(({ key }) => code(key)).join(' or ')} is enough.`
}

/** Longer, two values may stand on two lines: a cell that cannot break pushes others off the page. */
const SHORT_CHANGE = 24

/** `1 → 2`, short ones on one line: no arrow ends or begins one. */
export function shownChange(from: unknown, to: unknown): string {
  const [before, after] = [shownValue(from), shownValue(to)]
  const arrow = before.length + after.length <= SHORT_CHANGE ? unbroken(' → ') : ' → '
  return `${before}${arrow}${after}`
}

/** A value of a plan as a code span; a part that is absent reads as `none`. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

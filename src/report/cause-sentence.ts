import { code } from './escape-markdown.ts'
import { duration, gibDelta, signedMoney, unbroken } from './figures.ts'
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
  const broken = run.limits.find(({ level }) => level === 'fail' || level === 'warn')
  const name = broken
    ? LIMIT_MEASURES[broken.kind]
    : (['memory', 'cost', 'time'] as const).find(own => movedBy(run, MEASURES[own]).length > 0)
  return name ? sentence(run, MEASURES[name], broken !== undefined) : ''
}

function movedBy({ causes }: RunReport, { of, noticeable }: Measure): readonly CauseReport[] {
  return causes
    .filter(cause => cause.key !== 'together' && Math.abs(of(cause) ?? 0) >= noticeable)
    .toSorted((a, b) => Math.abs(of(b) ?? 0) - Math.abs(of(a) ?? 0))
}

function sentence(run: RunReport, measure: Measure, isBroken: boolean): string {
  const moved = movedBy(run, measure)
  if (moved.length === 0) return ''
  const amount = (cause: CauseReport): string => unbroken(measure.show(measure.of(cause) ?? 0, run))
  const texts = moved
    .slice(0, MAX_CAUSES)
    .map(cause => `${code(cause.key)} ${shownValue(cause.from)} → ${shownValue(cause.to)} (${amount(cause)})`)
  const together = run.causes.find(({ key }) => key === 'together')
  const interaction =
    moved.length > 1 && together && Math.abs(measure.of(together) ?? 0) >= measure.noticeable
      ? `, and ${amount(together)} only together`
      : ''
  const enough = isBroken && measure === MEASURES.memory ? enoughText(moved) : ''
  return `${isBroken ? 'Cause' : 'Changed'}: ${texts.join(' **and** ')}${interaction}.${enough}`
}

function enoughText(moved: readonly CauseReport[]): string {
  const enough = moved.filter(({ fitsWithout }) => fitsWithout === true)
  if (moved.length < 2 || enough.length === 0) return ''
  if (enough.length === moved.length) return ' Undoing any one of them is enough.'
  return ` Undoing ${enough.map(({ key }) => code(key)).join(' or ')} is enough.`
}

/** A value of a plan as a code span; a part that is absent reads as `none`. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

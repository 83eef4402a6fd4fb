import type { FindingCode } from '../plan/finding-texts.ts'
import { code, prose } from './escape-markdown.ts'
import { gib, gibDelta, money, percent, plural, signedMoney, unbroken } from './figures.ts'
import type { CauseReport, MemoryReport, Report, RunReport } from './report.ts'

export const VERDICT_SYMBOLS = { pass: '✅', warn: '⚠️', fail: '❌', unknown: '❔' } as const

/** The verdict as a sentence: the first hundred characters are all that a mail shows. */
export function verdictHeading(report: Report, baseLabel: string): string {
  return `${VERDICT_SYMBOLS[report.totals.checked === 0 && report.verdict !== 'unknown' ? 'pass' : report.verdict]} Preflop: ${sentence(report, baseLabel)}`
}

function sentence(report: Report, baseLabel: string): string {
  const { checked, failed, warned, unknown } = report.totals
  if (checked === 0) return report.verdict === 'unknown' ? 'nothing could be estimated' : 'no training config changed'
  if (failed > 0) return failedSentence(report)
  if (unknown === checked) return `${plural(unknown, 'config')} could not be estimated`
  const old = report.runs.filter(({ preExisting }) => preExisting).length
  if (old > 0)
    return `nothing got worse; ${plural(old, 'config')} ${old === 1 ? 'was already over its limit' : 'were already over their limits'} on ${code(baseLabel)}`
  const close = report.runs.find(run => has(run, 'too-close-to-call'))
  if (close?.memory?.usableBytes)
    return `${code(close.path)} may not fit: ${ofUsable(close.memory)}${warned > 1 ? `; ${warned} of ${checked} configs with warnings` : ''}`
  if (warned > 0) return `${warned} of ${plural(checked, 'config')} with warnings`
  if (unknown > 0) return `${plural(unknown, 'config')} could not be estimated, ${fitting(checked - unknown)}`
  const [fixed] = report.runs.filter(run => run.base?.verdict === 'fail')
  if (fixed?.memory && fixed.base?.memoryBytes != null)
    return `fixed: ${code(fixed.path)} now needs ${ofUsable(fixed.memory)}; it was ${unbroken(`${gib(fixed.base.memoryBytes)} GiB`)}`
  return `${fitting(checked)}${priceOf(report)}`
}

function fitting(amount: number): string {
  return `${plural(amount, 'config')} ${amount === 1 ? 'fits' : 'fit'}`
}

function failedSentence({ runs, totals: { checked, failed } }: Report): string {
  const failing = runs.filter(({ verdict }) => verdict === 'fail')
  const isMemory = failing.every(run => has(run, 'over-memory'))
  const what = isMemory ? 'will run out of GPU memory' : failed === 1 ? 'is over its limits' : 'are over their limits'
  const changed = runs.some(({ change }) => change !== 'not-compared') ? 'changed ' : ''
  const [only] = failing
  if (checked === 1 && only) return `${code(only.path)} ${what}`
  return `${failed} of ${checked} ${changed}configs ${what}`
}

function priceOf({ runs, totals: { cost, costDelta, currency } }: Report): string {
  const isCompared = runs.some(({ change }) => change !== 'not-compared')
  if (cost === null) return ''
  const shown = costDelta === null || !isCompared ? '' : signedMoney(costDelta, currency)
  const change = shown === '' ? '' : ` (${shown === '0' ? 'no change' : shown})`
  return `, ${money(cost, currency)} per run${change}`
}

/** One alert at most: what is wrong, why, and the smallest way out. */
export function verdictAlert(report: Report): string {
  const failing = report.runs.find(({ verdict }) => verdict === 'fail')
  if (failing) return alert('CAUTION', failing)
  const close = report.runs.find(run => has(run, 'too-close-to-call'))
  return close ? alert('WARNING', close) : ''
}

function alert(kind: 'CAUTION' | 'WARNING', run: RunReport): string {
  const lines = [problem(run), causeSentence(run), wayOut(run)].filter(line => line !== '')
  return [`> [!${kind}]`, ...lines.map(line => `> ${line}`)].join('\n')
}

function problem(run: RunReport): string {
  const { memory } = run
  const lines: string[] = []
  if (memory?.usableBytes && memory.deviceBytes > memory.usableBytes)
    lines.push(
      `**${code(run.path)}** needs **${unbroken(`${gib(memory.deviceBytes)} GiB`)} per GPU**; one ${prose(run.gpuName ?? 'GPU')} has ${unbroken(`${gib(memory.usableBytes)} GiB`)} usable: **${unbroken(`${gibDelta(memory.deviceBytes, memory.usableBytes).replace('+', '')} GiB`)} short**.`,
    )
  const broken = run.findings.filter(
    ({ code: own, severity }) =>
      (severity === 'error' && own.startsWith('over-') && !(own === 'over-memory' && lines.length > 0)) ||
      own === 'too-close-to-call',
  )
  const others = broken.length === 0 && lines.length === 0 ? run.findings.slice(0, 1) : broken
  return [...lines, ...others.map(({ message }) => `**${code(run.path)}**: ${prose(message)}`)].join(' ')
}

/** Less than this is not worth a sentence. */
const NOTICEABLE_BYTES = 2 ** 30 / 10
const MAX_CAUSES = 3

/** `Cause: sequence_len 4096 → 8192 (+14.7 GiB) and micro_batch_size 1 → 2 (+4.9 GiB); either alone fits.` */
function causeSentence({ causes }: RunReport): string {
  const changes = causes.filter(({ key }) => key !== 'together')
  const moved = changes
    .filter(({ memoryBytes }) => memoryBytes !== null && Math.abs(memoryBytes) >= NOTICEABLE_BYTES)
    .toSorted((a, b) => Math.abs(b.memoryBytes ?? 0) - Math.abs(a.memoryBytes ?? 0))
  if (moved.length === 0) return ''
  const together = causes.find(({ key }) => key === 'together')
  const interaction =
    together?.memoryBytes && Math.abs(together.memoryBytes) >= NOTICEABLE_BYTES
      ? `, and ${signedGib(together.memoryBytes)} only together`
      : ''
  const enough = moved.filter(({ fitsWithout }) => fitsWithout === true)
  const verdict =
    moved.length < 2 || enough.length === 0
      ? ''
      : enough.length === moved.length
        ? ' Undoing any one of them is enough.'
        : ` Undoing ${enough.map(({ key }) => code(key)).join(' or ')} is enough.`
  return `Cause: ${moved.slice(0, MAX_CAUSES).map(causeText).join(' **and** ')}${interaction}.${verdict}`
}

function causeText({ key, from, to, memoryBytes }: CauseReport): string {
  return `${code(key)} ${shownValue(from)} → ${shownValue(to)} (${signedGib(memoryBytes ?? 0)})`
}

/** A value of a plan as a code span; a part that is absent reads as `none`. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

function signedGib(bytes: number): string {
  return unbroken(`${gibDelta(bytes, 0)} GiB`)
}

function wayOut({ fixes }: RunReport): string {
  const fix = fixes.find(({ tooTight }) => !tooTight)
  return fix ? `Smallest change that passes: ${prose(fix.title)} → ${unbroken(`${gib(fix.memoryBytes)} GiB`)}.` : ''
}

/** `44.3 of 39.4 GiB (112 %)`. */
function ofUsable({ deviceBytes, usableBytes }: MemoryReport): string {
  if (usableBytes === null) return unbroken(`${gib(deviceBytes)} GiB`)
  return `${gib(deviceBytes)} of ${unbroken(`${gib(usableBytes)} GiB (${percent(deviceBytes / usableBytes)})`)}`
}

export function has(run: RunReport, finding: FindingCode): boolean {
  return run.findings.some(({ code: own }) => own === finding)
}

import type { FindingCode } from '../plan/finding-texts.ts'
import { causeSentence } from './cause-sentence.ts'
import { code, prose } from './escape-markdown.ts'
import { gib, gibDelta, moneySum, percent, plural, signedMoney, unbroken } from './figures.ts'
import { fixText } from './fix-text.ts'
import { shortGpuName } from './plan-text.ts'
import type { MemoryReport, Report, RunReport } from './report.ts'
import { runReason } from './run-reason.ts'
import { shownTotals } from './shown-totals.ts'

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
  const [only] = report.runs
  if (warned === 1 && checked === 1 && only)
    return `${code(only.path)} ${has(only, 'near-memory') ? '' : 'fits, but '}${runReason(only)}`
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

function priceOf(report: Report): string {
  const { runs, totals } = report
  const { currency } = totals
  const { cost, costDelta } = shownTotals(report)
  const isCompared = runs.some(({ change }) => change !== 'not-compared')
  if (cost === null) return ''
  const shown = costDelta === null || !isCompared ? '' : signedMoney(costDelta, currency)
  const change = shown === '' ? '' : ` (${shown === '0' ? 'no change' : shown})`
  return `, ${moneySum(cost, currency)} per run${change}`
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
  if (memory?.usableBytes && memory.requiredBytes > memory.usableBytes)
    lines.push(
      `**${code(run.path)}** needs **${unbroken(`${gib(memory.requiredBytes)} GiB`)} per GPU**; one ${prose(run.gpuName ?? 'GPU')} has ${unbroken(`${gib(memory.usableBytes)} GiB`)} usable: **${unbroken(`${gibDelta(memory.requiredBytes, memory.usableBytes).replace('+', '')} GiB`)} short**.`,
    )
  const broken = run.findings.filter(
    ({ code: own, severity }) =>
      (severity === 'error' && own.startsWith('over-') && !(own === 'over-memory' && lines.length > 0)) ||
      own === 'too-close-to-call',
  )
  const others = broken.length === 0 && lines.length === 0 ? run.findings.slice(0, 1) : broken
  return [...lines, ...others.map(({ message }) => `**${code(run.path)}**: ${prose(message)}`)].join(' ')
}

function wayOut({ fixes, alternatives }: RunReport): string {
  const fix = fixes.find(({ tooTight }) => !tooTight)
  if (fix) return `Smallest change that passes: ${fixText(fix)} (${unbroken(`${gib(fix.memoryBytes)} GiB`)}).`
  const [other] = alternatives
  return other ? `As written it passes on ${unbroken(`${other.gpus} × ${prose(shortGpuName(other.gpuName))}`)}.` : ''
}

/** `44.3 of 39.4 GiB (112 %)`. */
function ofUsable({ requiredBytes, usableBytes }: MemoryReport): string {
  if (usableBytes === null) return unbroken(`${gib(requiredBytes)} GiB`)
  return `${gib(requiredBytes)} of ${unbroken(`${gib(usableBytes)} GiB (${percent(requiredBytes / usableBytes)})`)}`
}

export function has(run: RunReport, finding: FindingCode): boolean {
  return run.findings.some(({ code: own }) => own === finding)
}

import { gib, percent } from '../plan/figure-text.ts'
import type { FindingCode } from '../plan/finding-texts.ts'
import { money, signedMoney, statedMoney } from '../plan/money-text.ts'
import { causeSentence } from './cause-sentence.ts'
import { code, prose } from './escape-markdown.ts'
import { duration, gibDelta, plural, unbroken, unbrokenName } from './figures.ts'
import { fixText, LIMITS_IN_WORDS, passes } from './fix-text.ts'
import { shortGpuName } from './plan-text.ts'
import type { FixReport, LimitKind, MemoryReport, Report, RunReport } from './report.ts'
import { isAboutMemory, runReason } from './run-reason.ts'
import { shownTotals } from './shown-totals.ts'

export const VERDICT_SYMBOLS = { pass: '✅', warn: '⚠️', fail: '❌', unknown: '❔' } as const

/** The verdict as a sentence: the first hundred characters are all that a mail shows. */
export function verdictHeading(report: Report, baseLabel: string): string {
  return `${VERDICT_SYMBOLS[report.totals.checked === 0 && report.verdict !== 'unknown' ? 'pass' : report.verdict]} Preflop: ${sentence(report, baseLabel)}`
}

function sentence(report: Report, baseLabel: string): string {
  const { checked, failed, warned, unknown } = report.totals
  if (checked === 0) return report.verdict === 'unknown' ? 'nothing could be estimated' : nothingChanged(report)
  if (failed > 0) return failedSentence(report)
  if (unknown === checked) return `${plural(unknown, 'config')} could not be estimated`
  const old = report.runs.filter(({ preExisting }) => preExisting)
  if (old.length > 0) return `nothing got worse; ${plural(old.length, 'config')} ${standsAtBase(old, baseLabel)}`
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

function standsAtBase(old: readonly RunReport[], baseLabel: string): string {
  const base = code(baseLabel)
  if (old.every(isRefusedAtBase)) return `would not start on ${base} either`
  return old.length === 1 ? `was already over its limit on ${base}` : `were already over their limits on ${base}`
}

/** What is not new about the run is a refusal, and no broken limit. */
export function isRefusedAtBase({ preExisting, limits }: RunReport): boolean {
  return preExisting && !limits.some(limit => limit.preExisting)
}

function nothingChanged({ removedPaths = [] }: Report): string {
  const { length } = removedPaths
  return length === 0 ? 'no training config changed' : `${plural(length, 'training config')} removed, none changed`
}

function fitting(amount: number): string {
  return `${plural(amount, 'config')} ${amount === 1 ? 'fits' : 'fit'}`
}

function failedSentence({ runs, totals: { checked, failed } }: Report): string {
  const failing = runs.filter(({ verdict }) => verdict === 'fail')
  const changed = runs.some(({ change }) => change !== 'not-compared') ? 'changed ' : ''
  const [only] = failing
  if (checked === 1 && only) return `${code(only.path)} ${brokenText(failing)}${brokenFigure(only)}`
  return `${failed} of ${checked} ${changed}configs ${brokenText(failing)}`
}

/** What all failing runs have in common: memory first, for nothing else matters to a run that stops at once. */
function brokenText(failing: readonly RunReport[]): string {
  if (failing.every(isRefused)) return 'will not start'
  if (failing.some(isRefused)) return 'will not start or are over their limits'
  if (failing.every(runsOut)) return 'will run out of GPU memory'
  const kinds = new Set(failing.flatMap(brokenKinds))
  const [kind] = kinds
  const which = kinds.size === 1 && kind ? `${LIMITS_IN_WORDS[kind]} limit` : 'limits'
  return failing.length === 1 ? `is over its ${which}` : `are over their ${which}`
}

/** The framework refuses its settings, and the policy takes that for a failure. */
function isRefused({ findings }: RunReport): boolean {
  return findings.some(({ code: own, severity }) => own === 'will-not-start' && severity === 'error')
}

function brokenKinds({ limits }: RunReport): readonly LimitKind[] {
  return limits.flatMap(({ kind, level }) => (level === 'fail' ? [kind] : []))
}

function runsOut({ memory }: RunReport): boolean {
  return memory !== null && memory.usableBytes !== null && memory.requiredBytes > memory.usableBytes
}

/** `: 46.8 of 39.4 GiB (119 %)`, `: $322`; empty where several limits are broken. */
function brokenFigure(run: RunReport): string {
  const { memory, cost, time } = run
  const [kind, ...others] = brokenKinds(run)
  if (isRefused(run)) return ''
  if (memory && runsOut(run)) return `: ${ofUsable(memory)}`
  if (others.length > 0) return ''
  if (kind === 'memory' && memory) return `: ${ofUsable(memory)}`
  if (kind === 'cost' && cost) return `: ${unbroken(money(cost.total, cost.currency))}`
  if (kind === 'hours' && time?.totalSeconds != null) return `: ${unbroken(duration(time.totalSeconds))}`
  return ''
}

function priceOf(report: Report): string {
  const { runs, totals } = report
  const { currency } = totals
  const { cost, costDelta } = shownTotals(report)
  const isCompared = runs.some(({ change }) => change !== 'not-compared')
  if (cost === null) return ''
  const shown = costDelta === null || !isCompared ? '' : signedMoney(costDelta, currency)
  const change = shown === '' ? '' : ` (${shown === '0' ? 'no change' : shown})`
  return `, ${statedMoney(cost, currency)} per run${change}`
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
      (severity === 'error' && own === 'will-not-start') ||
      own === 'too-close-to-call',
  )
  const others = broken.length === 0 && lines.length === 0 ? run.findings.slice(0, 1) : broken
  return [...lines, ...others.map(({ message }) => `**${code(run.path)}**: ${prose(message)}`)].join(' ')
}

function wayOut(run: RunReport): string {
  const refusal = isRefused(run) ? run.findings.find(({ code: own }) => own === 'will-not-start') : undefined
  if (refusal) return prose(refusal.hint)
  const fix = run.fixes.find(passes)
  if (fix) return `Smallest change that passes: ${fixText(fix)} (${fixFigures(fix, run)}).`
  const [other] = run.alternatives
  if (!other) return ''
  const { gpus, gpuName, runSeconds, cost, currency, strategy = [] } = other
  const figures = [
    runSeconds === null ? '' : unbroken(duration(runSeconds)),
    cost === null ? '' : unbroken(money(cost, currency)),
    prose(strategy.join(', ')),
  ].filter(part => part !== '')
  return `It passes on ${unbrokenName(`${gpus} × ${prose(shortGpuName(gpuName))}`)}${figures.length > 0 ? ` (${figures.join(', ')})` : ''}.`
}

/** What was over its limit: memory, else time and money. */
function fixFigures({ memoryBytes, runSeconds, cost }: FixReport, run: RunReport): string {
  if (isAboutMemory(run) || runSeconds === null) return unbroken(`${gib(memoryBytes)} GiB`)
  return [duration(runSeconds), cost === null ? '' : money(cost, run.cost?.currency ?? null)]
    .filter(part => part !== '')
    .map(unbroken)
    .join(', ')
}

/** `44.3 of 39.4 GiB (112 %)`. */
function ofUsable({ requiredBytes, usableBytes }: MemoryReport): string {
  if (usableBytes === null) return unbroken(`${gib(requiredBytes)} GiB`)
  return `${gib(requiredBytes)} of ${unbroken(`${gib(usableBytes)} GiB (${percent(requiredBytes / usableBytes)})`)}`
}

export function has(run: RunReport, finding: FindingCode): boolean {
  return run.findings.some(({ code: own }) => own === finding)
}

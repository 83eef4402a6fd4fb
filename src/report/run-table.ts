import { gib, percent } from '../plan/figure-text.ts'
import { money, signedMoney, statedMoney } from '../plan/money-text.ts'
import type { CommentOptions } from './comment-options.ts'
import { code, prose } from './escape-markdown.ts'
import { duration, gibDelta, moneyChange, plural, unbroken, unbrokenName } from './figures.ts'
import { markdownTable } from './markdown-table.ts'
import { shortGpuName } from './plan-text.ts'
import type { CostReport, LimitKind, Report, RunReport } from './report.ts'
import { runReason } from './run-reason.ts'
import { shownTotals } from './shown-totals.ts'
import { isRefusedAtBase, VERDICT_SYMBOLS } from './verdict-heading.ts'

const NONE = '—'

/** One row a run, failing ones first; the differences are those of the figures shown. */
export function runTable(report: Report, options: CommentOptions, maxRows: number): string {
  if (report.runs.length === 0) return ''
  const isCompared = report.runs.some(({ change }) => change !== 'not-compared')
  const shown = report.runs.slice(0, maxRows)
  const rows = shown.map(run => runRow(run, options))
  const hidden = report.runs.slice(maxRows)
  if (hidden.length > 0) rows.push(['', moreText(hidden), ...DASHES])
  const total = totalRow(report, isCompared)
  if (total) rows.push(total)
  const kept = isCompared ? rows : rows.map(cells => cells.filter((_, index) => !DELTA_COLUMNS.has(index)))
  const columns = isCompared ? COLUMNS : COLUMNS.filter((_, index) => !DELTA_COLUMNS.has(index))
  return markdownTable({ columns, rows: kept })
}

const COLUMNS = ['^', 'Config', 'GPUs', '>Peak GiB / GPU', '>Δ GiB', '>Time', '>Cost / run', '>Δ cost'].map(unbroken)
const DELTA_COLUMNS: ReadonlySet<number> = new Set([4, 7])
const DASHES = [NONE, NONE, NONE, NONE, NONE, NONE] as const

function moreText(hidden: readonly RunReport[]): string {
  const failing = hidden.filter(({ verdict }) => verdict === 'fail').length
  const what =
    failing > 0
      ? `${failing} of them failing`
      : hidden.every(({ verdict }) => verdict === 'pass')
        ? 'all pass'
        : 'none failing'
  return `and ${hidden.length} more, ${what}: see the job summary`
}

function runRow(run: RunReport, options: CommentOptions): readonly string[] {
  const symbol = VERDICT_SYMBOLS[run.verdict]
  const config = configCell(run, options)
  if (!run.memory) return [symbol, config, ...DASHES]
  const { plan, time, cost, base, change } = run
  return [
    symbol,
    config,
    plan ? unbrokenName(`${plan.gpus} × ${prose(shortGpuName(run.gpuName ?? 'unknown GPU'))}`) : NONE,
    memoryCell(run),
    change === 'new' ? 'new' : base?.memoryBytes != null ? gibDelta(run.memory.requiredBytes, base.memoryBytes) : NONE,
    time
      ? unbroken(time.totalSeconds === null ? `${duration(time.stepSeconds)} / step` : duration(time.totalSeconds))
      : NONE,
    cost ? costCell(cost, run.limits) : NONE,
    change === 'new' ? 'new' : cost && base?.cost != null ? moneyChange(cost.total, base.cost, cost.currency) : NONE,
  ]
}

function memoryCell({ memory, limits }: RunReport): string {
  if (!memory) return NONE
  const amount = isBroken(limits, 'memory') ? `**${gib(memory.requiredBytes)}**` : gib(memory.requiredBytes)
  if (memory.usableBytes === null) return amount
  const share = percent(memory.requiredBytes / memory.usableBytes)
  return `${unbroken(`${amount} of ${gib(memory.usableBytes)}`)} ${unbroken(`(${share})`)}`
}

function costCell({ total, currency }: CostReport, limits: RunReport['limits']): string {
  const amount = unbroken(money(total, currency))
  return isBroken(limits, 'cost') ? `**${amount}**` : amount
}

function isBroken(limits: RunReport['limits'], kind: LimitKind): boolean {
  return limits.some(limit => limit.kind === kind && limit.level === 'fail')
}

/** Path, what is special about it, and in words why it does not pass. */
function configCell(run: RunReport, options: CommentOptions): string {
  const marks = [
    run.change === 'new' ? 'new' : '',
    run.change === 'removed' ? 'no longer readable' : '',
    run.previousPath ? `was ${code(run.previousPath)}` : '',
    run.preExisting ? (isRefusedAtBase(run) ? 'refused at the base, too' : 'already over at the base') : '',
  ].filter(mark => mark !== '')
  const name = run.name ? ` ${code(run.name)}` : ''
  const reason = run.verdict === 'pass' ? '' : runReason(run)
  return `${fileLink(run, options)}${name}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}${reason === '' ? '' : `: ${reason}`}`
}

/** A link pins the head commit and the line that matters. */
function fileLink(run: RunReport, { repositoryUrl, headSha }: CommentOptions): string {
  if (!repositoryUrl || !headSha) return code(run.path)
  const path = run.path.split('/').map(encodePathPart).join('/')
  const line = run.findings.find(finding => finding.path === run.path && finding.line !== null)?.line
  return `[${code(run.path)}](${repositoryUrl}/blob/${headSha}/${path}${line ? `#L${line}` : ''})`
}

/** encodeURIComponent leaves parentheses, which would end a markdown link, and throws on half a surrogate pair. */
function encodePathPart(part: string): string {
  return encodeURIComponent(part.replaceAll(/\p{Surrogate}/gu, '\uFFFD'))
    .replaceAll('(', '%28')
    .replaceAll(')', '%29')
}

function totalRow(report: Report, isCompared: boolean): readonly string[] | null {
  const { cost, costDelta } = shownTotals(report)
  if (report.runs.length < 2 || cost === null) return null
  const { currency } = report.totals
  const delta = costDelta === null ? '' : `**${unbroken(signedMoney(costDelta, currency))}**`
  const name = isCompared ? '**All changed configs**' : '**All configs**'
  return ['', name, '', '', '', '', `**${unbroken(statedMoney(cost, currency))}**`, delta]
}

const LIMIT_NAMES = {
  memory: 'memory',
  cost: 'cost per run',
  cost_increase: 'cost increase',
  hours: 'wall-clock',
  gpu_hours: 'GPU-hours',
} as const satisfies Record<LimitKind, string>
const LEVELS = ['fail', 'warn', 'unknown', 'pass'] as const

const MAX_REMOVED = 5

/** What was judged, the worst level of each limit first in words and symbol. */
export function limitsLine(report: Report): string {
  const worst = new Map<LimitKind, { level: (typeof LEVELS)[number]; limit: string }>()
  for (const { limits } of report.runs)
    for (const { kind, level, limit } of limits) {
      const known = worst.get(kind)
      if (!known || LEVELS.indexOf(level) < LEVELS.indexOf(known.level)) worst.set(kind, { level, limit })
    }
  const parts = [...worst].map(
    ([kind, { level, limit }]) => `${VERDICT_SYMBOLS[level]}${unbroken(' ')}**${LIMIT_NAMES[kind]}** ${prose(limit)}`,
  )
  const { unaffected } = report.totals
  const others = unaffected
    ? `The ${plural(unaffected, 'other training config')} in this repository ${unaffected === 1 ? 'is' : 'are'} not affected.`
    : ''
  const removed = report.removedPaths ?? []
  const gone =
    removed.length === 0
      ? ''
      : `Removed: ${removed.slice(0, MAX_REMOVED).map(code).join(', ')}${removed.length > MAX_REMOVED ? ` and ${removed.length - MAX_REMOVED} more` : ''}.`
  const unknown =
    report.totals.unknown > 0 && report.verdict !== 'fail'
      ? 'What could not be estimated does not fail the check; `on_unknown` in the policy decides that.'
      : ''
  return [parts.length > 0 ? `Limits: ${parts.join(' · ')}.` : '', unknown, others, gone]
    .filter(text => text !== '')
    .join(' ')
}

import { code, fenced, prose } from './escape-markdown.ts'
import { duration, gib, gibDelta, group, money, moneyDelta, percent, roundedParts } from './figures.ts'
import { memoryBars } from './memory-bar.ts'
import { describePlan, ruleOfThumb } from './render-terminal.ts'
import type { FixReport, Report, RunReport } from './report.ts'

export interface CommentOptions {
  readonly version: string
  readonly headSha?: string
  readonly baseSha?: string
  /** `https://github.com/owner/name` of the head, for links to the files. */
  readonly repositoryUrl?: string
  readonly reportUrl?: string
  /** Hidden first line by which the comment is found again. */
  readonly marker?: string
}

const SYMBOLS = { pass: '✅', warn: '⚠️', fail: '❌', unknown: '❔' } as const
const MAX_ROWS = 20
const MAX_UNITS = 60_000
const MAX_BYTES = 200_000

/** A part of the comment; the highest `drop` goes first when the comment is too long, null never. */
interface Section {
  readonly text: string
  readonly drop: number | null
}

/** The pull-request comment. Pure: the same report gives the same bytes. */
export function renderComment(report: Report, options: CommentOptions): string {
  const sections = commentSections(report, options)
  const kept = [...sections]
  for (const drop of [5, 4, 3, 2, 1]) {
    if (fits(kept)) break
    for (const [index, section] of kept.entries())
      if (section.drop === drop) kept[index] = { text: DROPPED, drop: null }
  }
  return join(kept)
}

const DROPPED = '<sub>Details are in the job summary.</sub>'

function join(sections: readonly Section[]): string {
  const texts = sections.map(({ text }) => text).filter(text => text !== '')
  return texts.filter((text, index) => text !== DROPPED || texts[index - 1] !== DROPPED).join('\n\n')
}

function fits(sections: readonly Section[]): boolean {
  const text = join(sections)
  return text.length <= MAX_UNITS && new TextEncoder().encode(text).byteLength <= MAX_BYTES
}

function commentSections(report: Report, options: CommentOptions): readonly Section[] {
  const failing = report.runs.filter(({ verdict }) => verdict === 'fail')
  const detailed = report.runs.filter(({ memory }) => memory !== null)
  return [
    { text: options.marker ?? '', drop: null },
    { text: `### ${heading(report)}`, drop: null },
    { text: alert(report), drop: null },
    { text: table(report, options), drop: null },
    { text: limitsLine(report), drop: null },
    { text: generalFindings(report), drop: null },
    ...failing.slice(0, 3).map(run => ({ text: failingRun(run), drop: 1 })),
    ...failing.slice(3).map(run => ({ text: fold(`${code(run.path)}: how to pass`, failingRun(run)), drop: 2 })),
    ...detailed.flatMap(run => runFolds(run, detailed.length > 1)),
    { text: footer(report, options), drop: null },
  ]
}

/** The verdict as a sentence: the first hundred characters are all that a mail shows. */
export function heading(report: Report): string {
  const { failed, warned, unknown, checked, cost, currency } = report.totals
  const symbol = SYMBOLS[report.verdict]
  if (checked === 0) return `${SYMBOLS.pass} Preflop: no training config changed`
  const first = report.runs[0]
  if (failed > 0) {
    const outOfMemory = report.runs.filter(
      run => run.verdict === 'fail' && run.findings.some(({ code: finding }) => finding === 'over-memory'),
    ).length
    const what =
      outOfMemory === failed
        ? failed === 1
          ? 'will run out of GPU memory'
          : 'will run out of GPU memory'
        : failed === 1
          ? 'is over its limits'
          : 'are over their limits'
    return `${symbol} Preflop: ${failed} of ${checked} config${checked === 1 ? '' : 's'} ${what}`
  }
  const isFixed = report.runs.some(({ verdict, base }) => verdict === 'pass' && base?.verdict === 'fail')
  if (isFixed && first?.memory && report.verdict === 'pass') {
    const fixed = report.runs.find(({ verdict, base }) => verdict === 'pass' && base?.verdict === 'fail')
    if (fixed?.memory && fixed.base?.memoryBytes != null)
      return `${symbol} Preflop: fixed — ${code(fixed.path)} now needs ${gib(fixed.memory.deviceBytes)}${fixed.memory.usableBytes ? ` of ${gib(fixed.memory.usableBytes)}` : ''} GiB (was ${gib(fixed.base.memoryBytes)})`
  }
  if (unknown === checked)
    return `${SYMBOLS.unknown} Preflop: ${unknown} config${unknown === 1 ? '' : 's'} could not be judged`
  if (report.runs.some(({ preExisting }) => preExisting)) {
    const old = report.runs.filter(({ preExisting }) => preExisting).length
    return `${symbol} Preflop: nothing got worse; ${old} config${old === 1 ? ' was' : 's were'} already over the limit at the base`
  }
  if (warned > 0) {
    const close = report.runs.find(({ findings }) =>
      findings.some(({ code: finding }) => finding === 'too-close-to-call'),
    )
    if (close?.memory?.usableBytes)
      return `${symbol} Preflop: ${code(close.path)} may not fit — ${gib(close.memory.deviceBytes)} of ${gib(close.memory.usableBytes)} GiB (${percent(close.memory.deviceBytes / close.memory.usableBytes)})`
    return `${symbol} Preflop: ${warned} of ${checked} config${checked === 1 ? '' : 's'} with warnings`
  }
  const price = cost === null ? '' : `, ${money(cost, currency)} in all`
  const rest = unknown > 0 ? `, ${unknown} could not be judged` : ''
  return `${symbol} Preflop: ${checked - unknown} config${checked - unknown === 1 ? ' fits' : 's fit'}${price}${rest}`
}

function alert(report: Report): string {
  const run = report.runs.find(({ verdict }) => verdict === 'fail')
  if (run) return ['> [!CAUTION]', ...reasons(run).map(reason => `> ${reason}`)].join('\n')
  const close = report.runs.find(({ findings }) =>
    findings.some(({ code: finding }) => finding === 'too-close-to-call'),
  )
  return close ? ['> [!WARNING]', ...reasons(close).map(reason => `> ${reason}`)].join('\n') : ''
}

function reasons(run: RunReport): readonly string[] {
  const { memory } = run
  const lines: string[] = []
  const over = run.findings.filter(({ code: finding, severity }) => finding.startsWith('over-') && severity === 'error')
  if (memory?.usableBytes && memory.deviceBytes > memory.usableBytes)
    lines.push(
      `**${code(run.path)}** needs **${gib(memory.deviceBytes)} GiB per GPU**; a ${prose(run.gpuName ?? 'GPU')} has ${gib(memory.usableBytes)} GiB usable — **${(Number(gib(memory.deviceBytes)) - Number(gib(memory.usableBytes))).toFixed(1)} GiB short**.`,
    )
  for (const problem of over.filter(({ code: finding }) => finding !== 'over-memory' || lines.length === 0))
    lines.push(`**${code(run.path)}**: ${prose(problem.message)}`)
  if (lines.length === 0)
    for (const problem of run.findings.slice(0, 1)) lines.push(`**${code(run.path)}**: ${prose(problem.message)}`)
  const causes = run.causes.filter(
    ({ key, memoryBytes }) => key !== 'together' && memoryBytes !== null && Math.abs(memoryBytes) > 0.05 * 2 ** 30,
  )
  if (causes.length > 0) {
    const changed = causes
      .slice(0, 3)
      .map(
        ({ key, from, to, memoryBytes }) =>
          `${code(key)} ${code(String(from))} → ${code(String(to))} (${(memoryBytes ?? 0) >= 0 ? '+' : '−'}${gib(Math.abs(memoryBytes ?? 0))} GiB)`,
      )
    const alone =
      causes.length > 1 && causes.every(({ fitsWithout }) => fitsWithout) ? ' Without any one of them it fits.' : ''
    lines.push(`Cause: ${changed.join(' **and** ')}.${alone}`)
  }
  const fix = run.fixes.find(({ tooTight }) => !tooTight)
  if (fix) lines.push(`The smallest change that passes: ${prose(fix.title)} → ${gib(fix.memoryBytes)} GiB.`)
  return lines
}

function table(report: Report, options: CommentOptions): string {
  if (report.runs.length === 0) return ''
  const isCompared = report.runs.some(({ change }) => change !== 'not-compared')
  const head = isCompared
    ? ['| | Config | GPUs | Peak memory / GPU (GiB) | Δ | Time | Cost / run | Δ |', '|:-:|:--|:--|--:|--:|--:|--:|--:|']
    : ['| | Config | GPUs | Peak memory / GPU (GiB) | Time | Cost / run |', '|:-:|:--|:--|--:|--:|--:|']
  const failing = report.runs.filter(({ verdict }) => verdict === 'fail')
  const shown = report.runs.slice(0, Math.max(MAX_ROWS, failing.length))
  const rows = shown.map(run => row(run, isCompared, options))
  const hidden = report.runs.length - shown.length
  const more = hidden > 0 ? [`| | and ${hidden} more in the job summary | | | |${isCompared ? ' | | |' : ' |'}`] : []
  const { cost, costDelta, currency } = report.totals
  const total =
    report.runs.length > 1 && cost !== null
      ? [
          isCompared
            ? `| | **All** | | | | | **${money(cost, currency)}** | ${costDelta === null ? '' : `**${costDelta < 0 ? '−' : '+'}${money(Math.abs(costDelta), currency)}**`} |`
            : `| | **All** | | | | **${money(cost, currency)}** |`,
        ]
      : []
  return [...head, ...rows, ...more, ...total].join('\n')
}

function row(run: RunReport, isCompared: boolean, options: CommentOptions): string {
  const { memory, time, cost, plan, base } = run
  const link =
    options.repositoryUrl && options.headSha
      ? `[${code(run.path)}](${options.repositoryUrl}/blob/${options.headSha}/${run.path.split('/').map(encodeURIComponent).join('/')})`
      : code(run.path)
  const label = `${link}${run.name ? ` ${code(run.name)}` : ''}${run.change === 'new' ? ' (new)' : ''}${run.preExisting ? ' (already over at the base)' : ''}`
  const reason = run.verdict === 'pass' ? '' : shortReason(run)
  const gpus = plan ? `${plan.gpus} × ${prose(run.gpuName ?? 'unknown GPU')}` : '—'
  const memoryText = memory
    ? `**${gib(memory.deviceBytes)}**${memory.usableBytes ? ` of ${gib(memory.usableBytes)} (${percent(memory.deviceBytes / memory.usableBytes)})` : ''}`
    : 'not estimated'
  const timeText = time
    ? time.totalSeconds === null
      ? `${duration(time.stepSeconds)} / step`
      : duration(time.totalSeconds)
    : '—'
  const costText = cost ? money(cost.total, cost.currency) : '—'
  const config = reason === '' ? label : `${label}<br>${reason}`
  if (!isCompared)
    return `| ${SYMBOLS[run.verdict]} | ${config} | ${gpus} | ${memoryText} | ${timeText} | ${costText} |`
  const memoryChange =
    run.change === 'new'
      ? 'new'
      : memory && base?.memoryBytes != null
        ? gibDelta(memory.deviceBytes, base.memoryBytes)
        : ''
  const costChange =
    run.change === 'new' ? 'new' : cost && base?.cost != null ? moneyDelta(cost.total, base.cost, cost.currency) : ''
  return `| ${SYMBOLS[run.verdict]} | ${config} | ${gpus} | ${memoryText} | ${memoryChange} | ${timeText} | ${costText} | ${costChange} |`
}

function shortReason(run: RunReport): string {
  const problem =
    run.findings.find(({ severity }) => severity === 'error') ??
    run.findings.find(({ severity }) => severity === 'warning')
  if (!problem) return ''
  return prose(`${problem.line && problem.path === run.path ? `line ${problem.line}: ` : ''}${problem.message}`)
}

function limitsLine(report: Report): string {
  const seen = new Map<string, { level: string; text: string }>()
  const rank = ['fail', 'warn', 'unknown', 'pass']
  for (const { limits } of report.runs)
    for (const { kind, level, limit } of limits) {
      const known = seen.get(kind)
      if (!known || rank.indexOf(level) < rank.indexOf(known.level)) seen.set(kind, { level, text: limit })
    }
  const symbols: Readonly<Record<string, string>> = SYMBOLS
  const parts = [...seen].map(
    ([kind, { level, text }]) => `${symbols[level] ?? ''} **${kind.replaceAll('_', ' ')}** ${prose(text)}`,
  )
  const others = report.totals.unaffected
    ? ` The ${report.totals.unaffected} other training config${report.totals.unaffected === 1 ? '' : 's'} in this repository ${report.totals.unaffected === 1 ? 'is' : 'are'} not affected.`
    : ''
  return parts.length > 0 ? `Limits: ${parts.join(' · ')}.${others}` : others.trim()
}

function generalFindings(report: Report): string {
  return report.findings
    .slice(0, 10)
    .map(
      ({ path, line, message, hint }) =>
        `- ${path ? `${code(path)}${line ? ` line ${line}` : ''}: ` : ''}${prose(message)} ${prose(hint)}`,
    )
    .join('\n')
}

function failingRun(run: RunReport): string {
  const parts = [`#### ${code(run.path)}`, prose(describePlan(run))]
  if (run.memory) {
    const rows = [
      ...(run.base && run.base.components.length > 0 ? [{ label: 'base', components: run.base.components }] : []),
      { label: 'this change', components: run.memory.components },
    ]
    parts.push(['```text', ...memoryBars({ rows, usableBytes: run.memory.usableBytes }).map(fenced), '```'].join('\n'))
  }
  if (run.fixes.length > 0)
    parts.push(
      '**To pass, do one of these**',
      fixTable(run.fixes, run),
      ...fixDiff(run.fixes.find(({ tooTight }) => !tooTight) ?? run.fixes[0], run),
    )
  return parts.join('\n\n')
}

function fixTable(fixes: readonly FixReport[], run: RunReport): string {
  const usable = run.memory?.usableBytes ?? null
  const rows = fixes.map((fix, index) => {
    const memory = `${fix.tooTight ? '' : '**'}${gib(fix.memoryBytes)}${fix.tooTight ? '' : '**'}${usable ? ` (${percent(fix.memoryBytes / usable)})` : ''}`
    const cost = fix.cost === null ? '—' : money(fix.cost, run.cost?.currency ?? null)
    return `| ${String.fromCharCode(65 + index)} | ${prose(fix.title)}${fix.tooTight ? ' — *too tight, not enough margin*' : ''} | ${memory} | ${fix.runSeconds === null ? '—' : duration(fix.runSeconds)} | ${cost} |`
  })
  return ['| | Change | Peak memory (GiB) | Time | Cost |', '|:-:|:--|--:|--:|--:|', ...rows].join('\n')
}

function fixDiff(fix: FixReport | undefined, run: RunReport): readonly string[] {
  if (!fix || fix.changes.length === 0) return []
  const lines = fix.changes.flatMap(({ key, from, to }) => [
    ...(from === null || from === undefined ? [] : [`- ${key}: ${format(from)}`]),
    `+ ${key}: ${format(to)}`,
  ])
  return [['```diff', `  # ${fenced(run.path)}`, ...lines.map(fenced), '```'].join('\n')]
}

function format(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function fold(title: string, body: string): string {
  return `<details>\n<summary>${title}</summary>\n\n${body}\n\n</details>`
}

function runFolds(run: RunReport, isNamed: boolean): readonly Section[] {
  const name = isNamed ? ` of ${run.path.split('/').at(-1) ?? run.path}` : ''
  const title = (text: string): string => `<b>${escapeSummary(text + name)}</b>`
  return [
    { text: run.alternatives.length > 0 ? fold(`${title('Or change the hardware')}`, alternatives(run)) : '', drop: 3 },
    { text: fold(`${title('Where the memory goes')} — peak in: ${run.memory?.peakAt ?? ''}`, breakdown(run)), drop: 2 },
    { text: fold(title('Time and cost'), timeAndCost(run)), drop: 4 },
    { text: fold(`${title('Assumptions')} — ${assumptionCounts(run)}`, assumptions(run)), drop: 5 },
  ]
}

function escapeSummary(text: string): string {
  return prose(text).replaceAll('\\', '')
}

function alternatives(run: RunReport): string {
  const rows = run.alternatives.map(
    ({ gpu: _gpu, gpuName, gpus, memoryBytes, usableBytes, runSeconds, cost, currency, fits: isFitting, note }) =>
      `| ${isFitting ? '✅' : '❌'} | ${gpus} × ${prose(gpuName)} | ${gib(memoryBytes)} of ${gib(usableBytes)} (${percent(memoryBytes / usableBytes)}) | ${runSeconds === null ? '—' : duration(runSeconds)} | ${cost === null ? '—' : money(cost, currency)} | ${prose(note)} |`,
  )
  return ['| | GPUs | Peak memory / GPU (GiB) | Time | Cost | |', '|:-:|:--|--:|--:|--:|:--|', ...rows].join('\n')
}

function breakdown(run: RunReport): string {
  const { memory, base } = run
  if (!memory) return ''
  const tenth = 2 ** 30 / 100
  const shown = roundedParts(
    memory.components.map(({ bytes }) => bytes),
    tenth,
  )
  const before = new Map(base?.components.map(({ name, bytes }) => [name, bytes]) ?? [])
  const isCompared = before.size > 0
  const rows = memory.components.map(({ name, note }, index) => {
    const value = ((shown[index] ?? 0) / 100).toFixed(2)
    return isCompared
      ? `| ${prose(name)} | ${((before.get(name) ?? 0) / 2 ** 30).toFixed(2)} | ${value} | ${prose(note)} |`
      : `| ${prose(name)} | ${value} | ${prose(note)} |`
  })
  const total = (shown.reduce((sum, part) => sum + part, 0) / 100).toFixed(2)
  const range = `range ${gib(memory.lowBytes)} – ${gib(memory.highBytes)} GiB; torch allocated ${gib(memory.allocatedBytes)}, reserved ${gib(memory.reservedBytes)}`
  const last = isCompared
    ? `| **Peak** | **${((base?.memoryBytes ?? 0) / 2 ** 30).toFixed(2)}** | **${total}** | ${range} |`
    : `| **Peak** | **${total}** | ${range} |`
  const head = isCompared
    ? ['| Component (GiB) | base | this change | How |', '|:--|--:|--:|:--|']
    : ['| Component (GiB) | this run | How |', '|:--|--:|:--|']
  return [...head, ...rows, last].join('\n')
}

function timeAndCost(run: RunReport): string {
  const { time, cost, ruleOfThumb: rule } = run
  const lines: string[] = []
  if (time) {
    lines.push(
      '| | |',
      '|:--|--:|',
      `| One step | ${duration(time.stepSeconds)} (${duration(time.lowStepSeconds)} – ${duration(time.highStepSeconds)}) |`,
      `| Tokens per second and GPU | ${group(Math.round(time.tokensPerSecondPerGpu).toString())} |`,
      `| Model FLOP utilisation | ${percent(time.modelFlopsUtilization)} |`,
    )
    if (time.steps !== null) lines.push(`| Steps | ${group(String(time.steps))} |`)
    for (const { name, seconds } of time.components) lines.push(`| ${prose(name)} | ${duration(seconds)} |`)
    if (time.runSeconds !== null) lines.push(`| **One run** | **${duration(time.runSeconds)}** |`)
    if (time.totalSeconds !== null && run.plan && run.plan.retries > 1)
      lines.push(`| With ${run.plan.retries} attempts | ${duration(time.totalSeconds)} |`)
    if (time.energyKwh !== null) lines.push(`| Energy (estimate) | ${time.energyKwh.toFixed(1)} kWh |`)
  }
  if (cost) lines.push('', `${prose(cost.formula)} — price: ${prose(cost.priceSource)}`)
  if (rule) lines.push('', `Rule of thumb, for comparison: ${prose(ruleOfThumb(rule))}.`)
  return lines.join('\n')
}

function assumptionCounts(run: RunReport): string {
  const guessed = run.assumptions.filter(({ from }) => from === 'assumed').length
  const defaults = run.assumptions.filter(({ from }) => from === 'default').length
  const read = run.assumptions.length - guessed - defaults
  return `${guessed} guessed, ${defaults} defaults, ${read} read from your files`
}

const MAX_ASSUMPTIONS = 40

function assumptions(run: RunReport): string {
  const order = ['assumed', 'default', 'model', 'policy', 'launch', 'file']
  const sorted = run.assumptions.toSorted((a, b) => order.indexOf(a.from) - order.indexOf(b.from))
  const rows = sorted.slice(0, MAX_ASSUMPTIONS).map(({ key, value, from, path, line, note }) => {
    const where = path ? `${code(path)}${line ? ` line ${line}` : ''}` : from
    return `| ${from === 'assumed' ? '✎' : '✔'} | ${code(key)} = ${code(typeof value === 'string' ? value : (JSON.stringify(value) ?? 'none'))} | ${where}${note ? `: ${prose(note)}` : ''} |`
  })
  const rest = sorted.length > MAX_ASSUMPTIONS ? [`| | ${sorted.length - MAX_ASSUMPTIONS} more in the report | |`] : []
  return ['| | Value | Where from |', '|:-:|:--|:--|', ...rows, ...rest].join('\n')
}

function footer(report: Report, { version, headSha, baseSha, reportUrl }: CommentOptions): string {
  const shas = headSha
    ? ` · ${baseSha ? `base ${code(baseSha.slice(0, 7))} (merge base) → ` : ''}head ${code(headSha.slice(0, 7))}`
    : ''
  const link = reportUrl ? ` · [full report](${reportUrl})` : ''
  const estimator = report.estimator === 'rule-of-thumb' ? ' · judged by the rule of thumb' : ''
  return `<sub>preflop ${version}${shas}${estimator}${link}</sub>`
}

import { requiredComponents } from '../memory/required-components.ts'
import { gib, group, percent } from '../plan/figure-text.ts'
import { money } from '../plan/money-text.ts'
import { baseLines } from './base-lines.ts'
import { changeWord } from './change-lines.ts'
import { plain } from './escape-markdown.ts'
import { duration } from './figures.ts'
import { fixReservation } from './fix-text.ts'
import { memoryBars } from './memory-bar.ts'
import { describePlan, ruleConditions, ruleOfThumb } from './plan-text.ts'
import type { AssumptionReport, MemoryReport, Report, RunReport, TimeReport } from './report.ts'
import { hanging, wrapped } from './wrapped-text.ts'

interface TerminalOptions {
  /** Longer lines are broken between words. */
  readonly columns: number
  readonly ascii: boolean
}

const WORDS = { pass: 'ok', warn: 'WARN', fail: 'FAIL', unknown: '?' } as const
const MAX_WHOLE_RUNS = 3
const MIN_COLUMNS = 60

/** The report for a terminal: one line a run when there are many, the whole estimate when there are few. */
export function renderTerminal(report: Report, { columns: wished, ascii }: TerminalOptions): string {
  const columns = Math.max(MIN_COLUMNS, wished)
  const lines =
    report.runs.length > MAX_WHOLE_RUNS
      ? shortRuns(report.runs, columns)
      : report.runs.flatMap(run => wholeRun(run, columns, ascii))
  const general = report.findings.flatMap(({ severity, message, path, line, hint }) =>
    hanging(`${severity}: ${place(path, line)}${plain(message)} ${plain(hint)}`, 2, columns),
  )
  const { checked, failed, warned, unknown, cost, currency } = report.totals
  const parts = [
    `${checked} run${checked === 1 ? '' : 's'}`,
    failed > 0 ? `${failed} failed` : '',
    warned > 0 ? `${warned} with warnings` : '',
    unknown > 0 ? `${unknown} not judged` : '',
  ].filter(Boolean)
  const total = `preflop: ${report.verdict} — ${parts.join(', ')}${cost === null ? '' : ` · ${money(cost, currency)} in all`}`
  return [...lines, ...general, total].join('\n')
}

function place(path: string | null, line: number | null): string {
  return path ? `${plain(path)}${line ? `:${line}` : ''}: ` : ''
}

/** A line a run, and under it why it does not pass. */
function shortRuns(runs: readonly RunReport[], columns: number): readonly string[] {
  const names = runs.map(({ path, name }) => plain(name ? `${path} ${name}` : path))
  const width = Math.max(...names.map(({ length }) => length))
  const lines = runs.flatMap((run, index) => {
    const figures = `${shortMemory(run.memory).padEnd(20)} ${shortTime(run.time).padStart(10)} ${(run.cost ? money(run.cost.total, run.cost.currency) : '').padStart(10)}`
    const problem = run.findings.find(({ severity }) => severity !== 'notice')
    const head = `  ${WORDS[run.verdict].padEnd(4)}  ${names[index]?.padEnd(width)} ${figures}`.trimEnd()
    if (run.verdict === 'pass' || !problem) return [head]
    const line = problem.line === null ? '' : `line ${problem.line}: `
    return [head, ...wrapped('        ', `${line}${plain(problem.message)}`, columns)]
  })
  return [...lines, '', '(name one file to see its whole estimate)', '']
}

function shortMemory(memory: MemoryReport | null): string {
  if (!memory) return ''
  return `${gib(memory.requiredBytes).padStart(6)} / ${memory.usableBytes ? gib(memory.usableBytes) : '?'} GiB`
}

function shortTime(time: TimeReport | null): string {
  if (!time) return ''
  return time.totalSeconds === null ? `${duration(time.stepSeconds)}/step` : duration(time.totalSeconds)
}

function wholeRun(run: RunReport, columns: number, ascii: boolean): readonly string[] {
  const { plan, memory, time, cost, ruleOfThumb: rule } = run
  const lines = [`${WORDS[run.verdict]}  ${plain(run.path)} (${run.format}${run.name ? `, ${plain(run.name)}` : ''})`]
  if (plan) lines.push(...wrapped('  ', describePlan(run), columns))
  if (memory) lines.push('', ...memoryLines(memory, columns, ascii))
  if (time || cost || rule) lines.push('')
  if (time) lines.push(...wrapped('  Time   ', timeText(time, plan?.retries ?? 1), columns))
  if (cost) lines.push(...wrapped('  Cost   ', `${cost.formula} (${plain(cost.priceSource)})`, columns))
  if (rule)
    lines.push(
      ...wrapped('  ', `Rule of thumb, for comparison (${ruleConditions(run)})`, columns),
      ...wrapped('    ', ruleOfThumb(rule), columns),
    )
  lines.push(...baseLines(run, columns))
  if (run.fixes.length > 0)
    lines.push(
      '',
      '  To pass, do one of these',
      ...run.fixes.flatMap(fix => [
        ...wrapped(
          `    ${gib(fix.memoryBytes).padStart(6)} GiB${amounts(fix.runSeconds, fix.cost, run.cost?.currency ?? null)}  `,
          `${plain(fix.title)}${plain(fixReservation(fix).replaceAll('*', ''))}`,
          columns,
        ),
        ...fix.changes.map(change => `                  ${plain(changeWord(change, change.to))}`),
      ]),
    )
  if (run.alternatives.length > 0)
    lines.push(
      '',
      '  Or other hardware',
      ...run.alternatives.map(
        ({ gpus, gpuName, memoryBytes, usableBytes, runSeconds, cost: total, currency, strategy = [], note }) =>
          `    ${gpus} × ${gpuName}  ${gib(memoryBytes)} of ${gib(usableBytes)} GiB${amounts(runSeconds, total, currency)}  ${strategy.join(', ') || 'as written'}  ${note}`.trimEnd(),
      ),
    )
  const findings = run.findings.flatMap(({ severity, message, path, line, hint }) =>
    hanging(`  ${severity}: ${place(path ?? run.path, line)}${plain(message)} ${plain(hint)}`, 4, columns),
  )
  if (findings.length > 0) lines.push('', ...findings)
  if (run.assumptions.length > 0) lines.push('', ...hanging(`  ${assumedText(run)}`, 4, columns))
  return [...lines, '']
}

/** What must fit is less than what nvidia-smi may show where the allocator keeps blocks that it would give back. */
function ofUsable({ deviceBytes, requiredBytes, usableBytes }: MemoryReport): string {
  if (usableBytes === null) return ''
  const share = `${percent(requiredBytes / usableBytes)} of ${gib(usableBytes)} GiB usable`
  return requiredBytes < deviceBytes ? `; ${gib(requiredBytes)} GiB of it must fit: ${share}` : `, ${share}`
}

/** Half a tenth of a GiB and more is shown. */
const SHOWN_BYTES = 2 ** 30 / 20

function memoryLines(memory: MemoryReport, columns: number, ascii: boolean): readonly string[] {
  const { deviceBytes, lowBytes, highBytes, usableBytes, hostBytes, components, peakAt } = memory
  const host =
    hostBytes < SHOWN_BYTES ? [] : [{ name: 'host memory', bytes: hostBytes, note: 'per node, not on the GPU' }]
  const rows = [...components, ...host]
  const width = Math.max(...rows.map(({ name }) => name.length))
  const bars = memoryBars({
    rows: [{ label: 'this run', components: requiredComponents(components) }],
    usableBytes,
    ascii,
    columns: Math.min(60, Math.max(20, columns - 46)),
  })
  return [
    ...wrapped(
      '  Peak memory per GPU   ',
      `${gib(deviceBytes)} GiB (${gib(lowBytes)}–${gib(highBytes)})${ofUsable(memory)}, in: ${peakAt}`,
      columns,
    ),
    ...rows.flatMap(({ name, bytes, note }) =>
      wrapped(`    ${name.padEnd(width)} ${gib(bytes).padStart(6)}   `, plain(note), columns),
    ),
    '',
    ...bars.map(line => (line === '' ? '' : `    ${line}`)),
  ]
}

function timeText(time: TimeReport, attempts: number): string {
  const { stepSeconds, lowStepSeconds, highStepSeconds, runSeconds, totalSeconds, steps } = time
  const all = attempts > 1 ? `, ${duration(totalSeconds ?? 0)} with ${attempts} attempts` : ''
  const whole =
    runSeconds === null
      ? 'how long the run takes is not known, for the number of steps is not'
      : `${group(String(steps ?? 0))} steps, ${duration(runSeconds)} a run${all}`
  return (
    `${duration(stepSeconds)} a step (${duration(lowStepSeconds)}–${duration(highStepSeconds)}), ` +
    `${group(Math.round(time.tokensPerSecondPerGpu).toString())} tokens/s per GPU, ` +
    `${percent(time.modelFlopsUtilization)} model FLOP utilisation; ${whole}`
  )
}

/** `  15.3 h  $221`. */
function amounts(runSeconds: number | null, cost: number | null, currency: string | null): string {
  return [
    runSeconds === null ? '' : `  ${duration(runSeconds)}`,
    cost === null ? '' : `  ${money(cost, currency)}`,
  ].join('')
}

/** What nobody said, each key once, and how many values are defaults. */
function assumedText({ path, assumptions }: RunReport): string {
  const guessed = assumptions.filter(({ from }) => from === 'assumed')
  const keys = [...new Set(guessed.map(({ key }) => key))]
  const names = keys.map(key =>
    guessText(
      key,
      guessed.filter(own => own.key === key),
    ),
  )
  const defaults = assumptions.filter(({ from }) => from === 'default').length
  const set =
    names.length === 0 ? 'nothing' : `${names.join(', ')} (set ${names.length === 1 ? 'it' : 'them'} to be sure)`
  return `Assumed: ${plain(set)}; ${defaults} values are defaults (\`preflop explain ${plain(path)}\` lists them)`
}

function guessText(key: string, [first, ...more]: readonly AssumptionReport[]): string {
  if (more.length > 0) return `${key} (${more.length + 1} values)`
  const value = first?.value
  return typeof value === 'object' ? key : `${key} = ${value}`
}

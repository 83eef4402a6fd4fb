import { requiredComponents } from '../memory/required-components.ts'
import { changeWord } from './change-lines.ts'
import { plain } from './escape-markdown.ts'
import { duration, gib, group, money, percent } from './figures.ts'
import { fixReservation } from './fix-text.ts'
import { memoryBars } from './memory-bar.ts'
import { describePlan, ruleOfThumb } from './plan-text.ts'
import type { MemoryReport, Report, RunReport } from './report.ts'

interface TerminalOptions {
  readonly columns: number
  readonly ascii: boolean
}

const WORDS = { pass: 'ok', warn: 'WARN', fail: 'FAIL', unknown: '?' } as const

/** The report for a terminal: one line a run when there are many, the whole estimate when there are few. */
export function renderTerminal(report: Report, { columns, ascii }: TerminalOptions): string {
  const lines: string[] = []
  const isShort = report.runs.length > 3
  for (const run of report.runs) lines.push(...(isShort ? shortRun(run) : wholeRun(run, columns, ascii)))
  for (const { severity, message, path, line, hint } of report.findings)
    lines.push(`${severity}: ${place(path, line)}${plain(message)} ${plain(hint)}`)
  const { checked, failed, warned, unknown, cost, currency } = report.totals
  const parts = [
    `${checked} run${checked === 1 ? '' : 's'}`,
    failed > 0 ? `${failed} failed` : '',
    warned > 0 ? `${warned} with warnings` : '',
    unknown > 0 ? `${unknown} not judged` : '',
  ].filter(Boolean)
  lines.push(
    `preflop: ${report.verdict} — ${parts.join(', ')}${cost === null ? '' : ` · ${money(cost, currency)} in all`}`,
  )
  return lines.join('\n')
}

function place(path: string | null, line: number | null): string {
  return path ? `${plain(path)}${line ? `:${line}` : ''}: ` : ''
}

function shortRun(run: RunReport): readonly string[] {
  const problem = run.findings.find(({ severity }) => severity !== 'notice')
  const memory = run.memory
    ? `${gib(run.memory.requiredBytes).padStart(6)} / ${run.memory.usableBytes ? gib(run.memory.usableBytes) : '?'} GiB`
    : ''
  const time = run.time
    ? run.time.totalSeconds === null
      ? `${duration(run.time.stepSeconds)}/step`
      : duration(run.time.totalSeconds)
    : ''
  const cost = run.cost ? money(run.cost.total, run.cost.currency) : ''
  const reason = run.verdict !== 'pass' && problem ? plain(problem.message).slice(0, 90) : ''
  return [
    `  ${WORDS[run.verdict].padEnd(4)}  ${plain(run.path).padEnd(44)} ${memory.padEnd(20)} ${time.padStart(10)} ${cost.padStart(10)}  ${reason}`.trimEnd(),
  ]
}

/** What must fit is less than what nvidia-smi may show where the allocator keeps blocks that it would give back. */
function ofUsable({ deviceBytes, requiredBytes, usableBytes }: MemoryReport): string {
  if (usableBytes === null) return ''
  const share = `${percent(requiredBytes / usableBytes)} of ${gib(usableBytes)} GiB usable`
  return requiredBytes < deviceBytes ? `; ${gib(requiredBytes)} GiB of it must fit: ${share}` : `, ${share}`
}

function wholeRun(run: RunReport, columns: number, ascii: boolean): readonly string[] {
  const lines = [`${WORDS[run.verdict]}  ${plain(run.path)} (${run.format}${run.name ? `, ${plain(run.name)}` : ''})`]
  const { plan, memory, time, cost } = run
  if (plan) lines.push(`  ${describePlan(run)}`)
  if (memory) {
    lines.push(
      '',
      `  Peak memory per GPU   ${gib(memory.deviceBytes)} GiB (${gib(memory.lowBytes)}–${gib(memory.highBytes)})${ofUsable(memory)}, in: ${memory.peakAt}`,
    )
    for (const { name, bytes, note } of memory.components)
      lines.push(
        ...wrapped(
          `    ${name.padEnd(34).slice(0, 34)} ${gib(bytes).padStart(8)}   `,
          plain(note),
          Math.max(80, columns),
        ),
      )
    if (memory.hostBytes > 0) lines.push(`    host memory per node          ${gib(memory.hostBytes).padStart(8)}`)
    lines.push(
      ...memoryBars({
        rows: [{ label: 'this run', components: requiredComponents(memory.components) }],
        usableBytes: memory.usableBytes,
        ascii,
        columns: Math.min(60, Math.max(20, columns - 40)),
      }).map(line => `    ${line}`),
    )
  }
  if (time) {
    const whole =
      time.runSeconds === null
        ? 'run time not known (number of steps)'
        : `${group(String(time.steps ?? 0))} steps, ${duration(time.runSeconds)} a run${plan && plan.retries > 1 ? `, ${duration(time.totalSeconds ?? 0)} with ${plan.retries} attempts` : ''}`
    lines.push(
      '',
      `  Time   ${duration(time.stepSeconds)} a step (${duration(time.lowStepSeconds)}–${duration(time.highStepSeconds)}), ${group(Math.round(time.tokensPerSecondPerGpu).toString())} tokens/s per GPU, ${percent(time.modelFlopsUtilization)} model FLOP utilisation; ${whole}`,
    )
  }
  if (cost) lines.push(`  Cost   ${cost.formula} (${plain(cost.priceSource)})`)
  if (run.ruleOfThumb) lines.push(`  Rule of thumb   ${ruleOfThumb(run.ruleOfThumb)}`)
  if (run.fixes.length > 0)
    lines.push(
      '',
      '  To pass, do one of these',
      ...run.fixes.flatMap(fix => [
        `    ${gib(fix.memoryBytes).padStart(6)} GiB  ${plain(fix.title)}${plain(fixReservation(fix).replaceAll('*', ''))}`,
        ...fix.changes.map(change => `                  ${plain(changeWord(change, change.to))}`),
      ]),
    )
  if (run.alternatives.length > 0)
    lines.push(
      '',
      '  Or other hardware',
      ...run.alternatives.map(
        ({ gpus, gpuName, memoryBytes, usableBytes, runSeconds, note }) =>
          `    ${gpus} × ${gpuName}  ${gib(memoryBytes)} of ${gib(usableBytes)} GiB${runSeconds ? `  ${duration(runSeconds)}` : ''}  ${note}`,
      ),
    )
  const findings = run.findings.map(
    ({ severity, message, path, line, hint }) => `  ${severity}: ${place(path, line)}${plain(message)} ${plain(hint)}`,
  )
  if (findings.length > 0) lines.push('', ...findings)
  const guessed = run.assumptions.filter(({ from }) => from === 'assumed').map(({ key }) => key)
  const defaults = run.assumptions.filter(({ from }) => from === 'default').length
  if (run.assumptions.length > 0)
    lines.push(
      '',
      `  Assumed: ${guessed.length > 0 ? plain(guessed.join(', ')) : 'nothing'}; ${defaults} values are defaults (\`preflop explain ${plain(run.path)}\` lists them)`,
    )
  return [...lines, '']
}

const MIN_NOTE_COLUMNS = 24

/** `text` behind `head`, broken between words and indented under itself: a note is never cut. */
function wrapped(head: string, text: string, columns: number): readonly string[] {
  const width = Math.max(MIN_NOTE_COLUMNS, columns - head.length)
  const rows: string[] = []
  let row = ''
  for (const word of text.split(' ')) {
    if (row !== '' && row.length + 1 + word.length > width) {
      rows.push(row)
      row = word
    } else row = row === '' ? word : `${row} ${word}`
  }
  rows.push(row)
  return rows.map((own, index) => `${index === 0 ? head : ' '.repeat(head.length)}${own}`.trimEnd())
}

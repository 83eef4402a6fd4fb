import { gib } from '../plan/figure-text.ts'
import { plain } from '../report/escape-markdown.ts'
import { duration } from '../report/figures.ts'
import type { AssumptionReport, RunReport } from '../report/report.ts'
import { wrapped } from '../report/wrapped-text.ts'
import { VERSION } from '../version.ts'
import { type Command, EXIT, textOption } from './command.ts'
import { printReport } from './estimate.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary: 'every number with its formula, inputs and source',
  usage: 'FILE [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['explain configs/sft.yml --gpu a100-80gb'],
  async run(input) {
    const report = await estimateFiles(input)
    printReport(report, input)
    if ((textOption(input, 'format') ?? 'table') === 'table')
      for (const run of report.runs) input.io.out(`${explainRun(run, input.io.columns).join('\n')}\n`)
    return report.runs.every(({ plan }) => plan === null) ? EXIT.usage : EXIT.ok
  },
}

const DOCS = `https://github.com/preflop/preflop/blob/v${VERSION.split('.')[0] ?? '0'}/docs`
const READ_ON = [
  '',
  'Read on',
  `  ${DOCS}/memory.md    moments, components and their sources`,
  `  ${DOCS}/time.md      terms of a step, phases of a run, money`,
  `  ${DOCS}/findings.md  what each finding means and what to do`,
] as const

interface ExplainedItem {
  readonly name: string
  readonly figure: string
  readonly note: string
  readonly source: string
}

function explainRun(run: RunReport, columns: number): readonly string[] {
  const { memory, time, cost, policyRule: rule, limits } = run
  const lines = ['', `How ${plain(run.path)} was estimated`]
  if (memory) {
    const width = Math.max(...memory.moments.map(({ name }) => name.length))
    lines.push('', 'Moments of one step (GiB per GPU, worst rank; the largest decides)')
    for (const { name, bytes } of memory.moments)
      lines.push(`  ${name.padEnd(width)} ${gib(bytes).padStart(8)}${name === memory.peakAt ? '  ← peak' : ''}`)
    const parts = memory.components.map(part => ({ ...part, figure: `${gib(part.bytes)} GiB` }))
    lines.push(
      '',
      `Memory at the peak (${memory.peakAt})`,
      ...explainedItems(parts, columns),
      ...wrapped(
        '  ',
        `torch allocated ${gib(memory.allocatedBytes)}, reserved ${gib(memory.reservedBytes)}, device ${gib(memory.deviceBytes)} GiB, of it ${gib(memory.requiredBytes)} GiB must fit; interval ${gib(memory.lowBytes)}–${gib(memory.highBytes)}`,
        columns,
      ),
    )
  }
  if (time) {
    const terms = time.stepComponents.map(term => ({ ...term, figure: duration(term.seconds) }))
    lines.push(
      '',
      'Time of one step',
      ...explainedItems(terms, columns),
      `  physical floor ${duration(time.floorStepSeconds)}; interval ${duration(time.lowStepSeconds)}–${duration(time.highStepSeconds)}`,
    )
    const phases = time.components.map(phase => ({ ...phase, source: '', figure: duration(phase.seconds) }))
    if (phases.length > 0) lines.push('', 'Time of one run', ...explainedItems(phases, columns))
  }
  if (cost) lines.push('', ...wrapped('Cost  ', `${cost.formula}; price: ${plain(cost.priceSource)}`, columns))
  if (rule)
    lines.push(
      '',
      `Policy rule  ${plain(rule.paths.join(', '))}${rule.line === null ? '' : ` (line ${rule.line} of the policy)`}`,
    )
  if (limits.length > 0)
    lines.push(
      '',
      'Limits',
      ...limits.map(({ kind, level, value, limit }) => `  ${level.padEnd(8)} ${kind}: ${value} (${limit})`),
    )
  return [...lines, ...planLines(run.assumptions, columns), ...READ_ON]
}

/** Name, figure and formula of each, with the source under it. */
function explainedItems(items: readonly ExplainedItem[], columns: number): readonly string[] {
  const width = Math.max(...items.map(({ name }) => name.length))
  const figureWidth = Math.max(...items.map(({ figure }) => figure.length))
  return items.flatMap(({ name, figure, note, source }) => [
    ...wrapped(`  ${name.padEnd(width)} ${figure.padStart(figureWidth)} = `, plain(note), columns),
    ...(source === '' ? [] : wrapped('      source: ', plain(source), columns)),
  ])
}

/** Where the values of the plan come from, the surest last. */
const ORIGINS = {
  assumed: 'Assumed: neither files nor framework say it',
  file: 'Read from the config',
  launch: 'From launch files, companions and the command line',
  policy: 'From the policy',
  model: 'From the model',
  default: 'Defaults of the framework and of Preflop',
} as const satisfies Record<AssumptionReport['from'], string>

function planLines(assumptions: readonly AssumptionReport[], columns: number): readonly string[] {
  const named = withPlanKeys(assumptions)
  const width = Math.max(0, ...named.map(({ key }) => key.length))
  return Object.entries(ORIGINS).flatMap(([origin, title]) => {
    const rows = named.filter(({ from }) => from === origin)
    if (rows.length === 0) return []
    return ['', `Plan. ${title}`, ...rows.flatMap(row => planLine(row, width, columns))]
  })
}

/** One key of a file may set several values of the plan: then both are named. */
function withPlanKeys(assumptions: readonly AssumptionReport[]): readonly AssumptionReport[] {
  const isShared = (key: string): boolean => assumptions.filter(own => own.key === key).length > 1
  return assumptions.map(own => (isShared(own.key) ? { ...own, key: `${own.planKey} (${own.key})` } : own))
}

const VALUE_WIDTH = 16
const MAX_VALUE = 400

function planLine(
  { key, value, path, line, note }: AssumptionReport,
  width: number,
  columns: number,
): readonly string[] {
  const text = plain(JSON.stringify(value) ?? 'none')
  const shown = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text
  const place = path ? `${plain(path)}${line ? `:${line}` : ''}` : ''
  const from = [place, plain(note)].filter(part => part !== '').join(': ')
  const head = `  ${plain(key).padEnd(width)} `
  return shown.length > VALUE_WIDTH
    ? wrapped(head, `${shown} ${from}`, columns)
    : wrapped(`${head}${shown.padEnd(VALUE_WIDTH)} `, from, columns)
}

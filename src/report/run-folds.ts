import { gib, group, percent } from '../plan/figure-text.ts'
import { money } from '../plan/money-text.ts'
import { shownValue } from './cause-sentence.ts'
import { code, htmlText, prose } from './escape-markdown.ts'
import { duration, moneyChange, roundedParts, unbroken, unbrokenName } from './figures.ts'
import { markdownTable } from './markdown-table.ts'
import { ruleConditions, ruleOfThumb, shortGpuName } from './plan-text.ts'
import type { AlternativeReport, RunReport } from './report.ts'

/** GitHub renders markdown inside only after a blank line. */
export function fold(title: string, body: string): string {
  return `<details>\n<summary>${title}</summary>\n\n${body}\n\n</details>`
}

/** Other hardware on which the run passes, by cost. */
export function alternativesTable({ alternatives }: RunReport): string {
  const rows = alternatives.map(option => [
    unbrokenName(`${option.gpus} × ${prose(shortGpuName(option.gpuName))}`),
    unbroken(
      `${gib(option.memoryBytes)} of ${gib(option.usableBytes)} GiB (${percent(option.memoryBytes / option.usableBytes)})`,
    ),
    option.runSeconds === null ? '—' : unbroken(duration(option.runSeconds)),
    option.cost === null ? '—' : unbroken(money(option.cost, option.currency)),
    alternativeNote(option),
  ])
  return markdownTable({ columns: ['GPUs', unbroken('>Peak / GPU'), '>Time', '>Cost', ''], rows })
}

/** `**cheapest**; ZeRO-3, micro-batch 1, accumulation 8; price of lambda`. */
function alternativeNote({ note, strategy = [], provider, cost }: AlternativeReport): string {
  const how = strategy.length === 0 ? 'as written' : prose(strategy.join(', '))
  const price = provider && cost !== null ? `price of ${prose(provider)}` : ''
  return [note === '' ? '' : `**${prose(note)}**`, how, price].filter(part => part !== '').join('; ')
}

const HUNDREDTH_GIB = 2 ** 30 / 100

/** The peak, component by component: hundredths of a GiB that sum to the total shown, at the head and at the base. */
export function breakdownTable({ memory, base }: RunReport, baseLabel: string): string {
  if (!memory) return ''
  const before = base?.components ?? []
  const names = [...new Set([...memory.components, ...before].map(({ name }) => name))]
  const headCells = hundredths(names, memory.components)
  const baseCells = hundredths(names, before)
  const notes = new Map(memory.components.map(({ name, note }) => [name, note]))
  const range = `range ${gib(memory.lowBytes)} – ${gib(memory.highBytes)} GiB; torch allocates ${gib(memory.allocatedBytes)}, reserves ${gib(memory.reservedBytes)}${memory.hostBytes > 0 ? `; host memory per node ${gib(memory.hostBytes)}` : ''}`
  const lines = names.map((name, index) => ({
    name: prose(name),
    base: baseCells[index] ?? 0,
    head: headCells[index] ?? 0,
    note: prose(notes.get(name) ?? ''),
  }))
  const total = { name: '**Peak**', base: sum(baseCells), head: sum(headCells), note: range }
  if (before.length === 0)
    return markdownTable({
      columns: ['Component', '>GiB', 'How'],
      rows: [...lines, total].map(({ name, head, note }) => [name, amount(head), note]),
    })
  return markdownTable({
    columns: ['Component', `>${code(baseLabel)}`, '>this PR', '>Δ GiB', 'How'],
    rows: [...lines, total].map(line => [
      line.name,
      amount(line.base),
      amount(line.head),
      amountDelta(line.head - line.base),
      line.note,
    ]),
  })
}

function hundredths(
  names: readonly string[],
  components: readonly { readonly name: string; readonly bytes: number }[],
): readonly number[] {
  const bytes = names.map(name =>
    components.filter(component => component.name === name).reduce((total, own) => total + own.bytes, 0),
  )
  return roundedParts(bytes, HUNDREDTH_GIB)
}

function sum(parts: readonly number[]): number {
  return parts.reduce((total, part) => total + part, 0)
}

function amount(cells: number): string {
  return group((cells / 100).toFixed(2))
}

function amountDelta(cells: number): string {
  return cells === 0 ? '0' : `${cells < 0 ? '−' : '+'}${amount(Math.abs(cells))}`
}

/** The largest growth against the base, for the fold's title. */
export function breakdownTitle({ memory, base }: RunReport): string {
  if (!memory) return ''
  const before = new Map(base?.components.map(({ name, bytes }) => [name, bytes]))
  const increase = memory.requiredBytes - (base?.memoryBytes ?? memory.requiredBytes)
  const [grown] = memory.components
    .map(({ name, bytes }) => ({ name, bytes: bytes - (before.get(name) ?? 0) }))
    .toSorted((a, b) => b.bytes - a.bytes)
  if (before.size > 0 && grown && increase > HUNDREDTH_GIB * 10 && grown.bytes <= increase)
    return `${htmlText(grown.name)}: ${percent(grown.bytes / increase)} of the increase`
  const [largest] = memory.components.toSorted((a, b) => b.bytes - a.bytes)
  return largest ? `mostly ${htmlText(largest.name)}; peak in: ${htmlText(memory.peakAt)}` : ''
}

/** Step, run and money, with the rule of thumb beside. */
export function timeAndCost(run: RunReport): string {
  const { time, cost, base, plan, ruleOfThumb: rule } = run
  const rows: string[][] = []
  const parts: string[] = []
  if (time) {
    rows.push(
      [
        'One step',
        `${duration(time.stepSeconds)} (${duration(time.lowStepSeconds)} – ${duration(time.highStepSeconds)})`,
      ],
      ['Tokens per second and GPU', group(Math.round(time.tokensPerSecondPerGpu).toString())],
      ['Model FLOP utilisation', percent(time.modelFlopsUtilization)],
    )
    if (time.steps !== null) rows.push(['Steps', group(String(time.steps))])
    for (const { name, seconds } of time.components) rows.push([prose(name), duration(seconds)])
    if (time.runSeconds !== null) rows.push(['**One run**', `**${duration(time.runSeconds)}**`])
    if (time.runSeconds !== null && base?.runSeconds != null)
      rows.push(['One run at the base', duration(base.runSeconds)])
    if (time.totalSeconds !== null && plan && plan.retries > 1)
      rows.push([`With ${plan.retries} attempts`, duration(time.totalSeconds)])
    if (time.energyKwh !== null) rows.push(['Energy', `${time.energyKwh.toFixed(1)} kWh`])
  }
  if (cost) {
    rows.push(['**Cost**', `**${money(cost.total, cost.currency)}**`])
    if (base?.cost != null)
      rows.push([
        'Cost at the base',
        `${money(base.cost, cost.currency)}; change ${moneyChange(cost.total, base.cost, cost.currency)}`,
      ])
  }
  if (rows.length > 0)
    parts.push(
      markdownTable({
        columns: ['', '>this run'],
        rows: rows.map(([name = '', value = '']) => [name, unbroken(value)]),
      }),
    )
  if (cost) parts.push(`${prose(cost.formula)}. Price: ${prose(cost.priceSource)}.`)
  if (rule) parts.push(`Rule of thumb, for comparison (${prose(ruleConditions(run))}): ${prose(ruleOfThumb(rule))}.`)
  return parts.join('\n\n')
}

/** `15.3 h on 8 GPUs = 123 GPU-hours = $221`. */
export function timeAndCostTitle({ time, cost, plan }: RunReport): string {
  if (!time) return 'not estimated'
  if (time.totalSeconds === null) return `${duration(time.stepSeconds)} per step; the number of steps is not known`
  const gpus = plan?.gpus ?? 1
  const gpuHours = (time.totalSeconds / 3600) * gpus
  const parts = [
    `${duration(time.totalSeconds)} on ${gpus} GPU${gpus === 1 ? '' : 's'}`,
    `${group(gpuHours.toFixed(gpuHours < 100 ? 1 : 0))} GPU-hours`,
    cost ? money(cost.total, cost.currency) : '',
  ]
  return parts.filter(part => part !== '').join(' = ')
}

export function assumptionsTitle({ assumptions }: RunReport): string {
  const guessed = assumptions.filter(({ from }) => from === 'assumed').length
  const defaults = assumptions.filter(({ from }) => from === 'default').length
  return `${guessed} guessed, ${defaults} defaults, ${assumptions.length - guessed - defaults} read from your files`
}

const ORIGINS = {
  assumed: 'guessed',
  default: 'default',
  model: 'model',
  policy: 'policy',
  launch: 'launch',
  file: 'file',
} as const satisfies Record<RunReport['assumptions'][number]['from'], string>
const ORDER = Object.keys(ORIGINS)

/** Guesses first, then what is in force; options that are off come last. */
function importance({ from, planKey, value }: RunReport['assumptions'][number]): number {
  const isOff =
    OFF.has(value) ||
    (typeof value === 'object' && value !== null && isEmpty(value)) ||
    (value === 1 && planKey.startsWith('parallelism.'))
  return ORDER.indexOf(from) + (isOff && from !== 'assumed' ? ORDER.length : 0)
}

const OFF: ReadonlySet<unknown> = new Set([null, undefined, false, 'none'])

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0
}

/** Where each value came from, the most doubtful first. */
export function assumptionsTable({ assumptions }: RunReport, maxRows: number): string {
  const sorted = assumptions.toSorted((a, b) => importance(a) - importance(b))
  const isShared = (key: string): boolean => assumptions.filter(own => own.key === key).length > 1
  const rows = sorted.slice(0, maxRows).map(({ key, planKey, value, from, path, line, note }) => {
    const place = path ? `${code(path)}${line ? ` line ${line}` : ''}` : ORIGINS[from]
    const by = isShared(key) && key !== planKey ? `${code(key)}, ` : ''
    return [
      from === 'assumed' ? '✎' : '✔',
      `${code(by === '' ? key : planKey)} = ${shownValue(value)}`,
      `${by}${place}${note ? `: ${prose(note)}` : ''}`,
    ]
  })
  const hidden = sorted.length - rows.length
  if (hidden > 0) rows.push(['', `${hidden} more`, 'in the job summary'])
  return markdownTable({ columns: ['^', 'Value', 'Where from'], rows })
}

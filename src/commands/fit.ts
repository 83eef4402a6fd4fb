import { gib } from '../plan/figure-text.ts'
import { money } from '../plan/money-text.ts'
import type { MutablePlanDraft } from '../plan/plan-draft.ts'
import { code, plain } from '../report/escape-markdown.ts'
import { duration } from '../report/figures.ts'
import type { HardwareReport, RunReport } from '../report/report.ts'
import { type Command, type CommandInput, EXIT, textOption, UsageError } from './command.ts'
import { printReport } from './estimate.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'

export const fitCommand: Command = {
  name: 'fit',
  summary: 'largest micro-batch and longest sequence that fit; cheapest and fastest hardware for the run',
  usage: 'FILE [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['fit configs/sft.yml --gpu a100-80gb', 'fit configs/sft.yml --format json'],
  async run(input) {
    if (input.positionals.length !== 1) throw new UsageError('one file is needed. Example: preflop fit configs/sft.yml')
    const report = await estimateFiles(input, { hardware: true, advice: false })
    const format = textOption(input, 'format') ?? 'table'
    if (format !== 'table' && format !== 'json')
      throw new UsageError(`--format is \`${format}\`; fit writes table or json.`)
    if (format === 'json') input.io.out(`${JSON.stringify(report, null, 2)}\n`)
    else if (report.runs.length === 0) printReport(report, input)
    else for (const run of report.runs) input.io.out(`${(await fitRun(input, run, report.runs.length)).join('\n')}\n`)
    return report.runs.every(({ memory }) => memory === null) ? EXIT.usage : EXIT.ok
  },
}

const MAX_MICRO_BATCH = 4096
const MAX_LENGTH = 2 ** 24

async function fitRun(input: CommandInput, run: RunReport, runs: number): Promise<readonly string[]> {
  const { plan, memory } = run
  if (!plan || !memory)
    return [
      `${plain(run.path)}: ${run.findings.map(({ message, hint }) => `${plain(message)} ${plain(hint)}`).join(' ')}`,
    ]
  if (runs > 1) return [`${plain(run.path)} ${code(run.name ?? '')}: several runs in one file; give a file with one.`]
  const here = memory.usableBytes === null ? [] : await largestHere(input, run, plan, memory.usableBytes)
  const heading = here.length > 0 ? [] : [`${plain(run.path)}: no GPU is known (give one with --gpu)`]
  return [...heading, ...here, ...errorLines(run), ...hardwareTable(run.hardware ?? [])]
}

/** What keeps the run from starting or from being read; memory and limits are what this command answers itself. */
function errorLines({ path: own, findings }: RunReport): readonly string[] {
  const errors = findings.filter(({ code, severity }) => severity === 'error' && !code.startsWith('over-'))
  return errors.map(({ path, line, message, hint }) => {
    const place = `${plain(path ?? own)}${line === null ? '' : `:${line}`}`
    return `  error: ${place}: ${plain(message)} ${plain(hint)}`
  })
}

async function largestHere(
  input: CommandInput,
  run: RunReport,
  plan: NonNullable<RunReport['plan']>,
  usable: number,
): Promise<readonly string[]> {
  const batch = await largest(1, MAX_MICRO_BATCH, value => fits(input, { microBatchSize: { value, from: 'launch' } }))
  // completions set the length there
  const generates = plan.reinforcement !== null && plan.reinforcement.generation !== 'none'
  const length = generates
    ? null
    : await largest(1, MAX_LENGTH, value => fits(input, { sequenceLength: { value, from: 'launch' } }))
  const taken = run.memory === null ? '' : `${gib(run.memory.requiredBytes)} of ${gib(usable)} GiB`
  return [
    `${plain(run.path)} on ${plan.gpus} × ${run.gpuName ?? ''}: ${taken} at ${plan.microBatchSize} × ${plan.sequenceLength} tokens`,
    `  largest micro-batch at ${plan.sequenceLength} tokens   ${batch ?? 'none fits'}`,
    ...(generates
      ? []
      : [
          `  longest sequence at micro-batch ${plan.microBatchSize}   ${length ?? 'none fits'}${length === null ? '' : ' tokens'}`,
        ]),
    '  (the high end of the interval fits, too)',
  ]
}

const SHOWN = 14
const SHOWN_OF_A_KIND = 2

/** The cheapest kinds and numbers of GPUs, the fastest among them, and how the cheapest is billed. */
function hardwareTable(options: readonly HardwareReport[]): readonly string[] {
  const [cheapest] = options
  if (cheapest === undefined)
    return ['  No rented hardware of the catalogue holds this run with the same global batch.']
  const shown = cheapestOfEach(options)
  const rows = shown.map(option => [
    `${option.gpus} × ${option.gpuName}`,
    `${gib(option.memoryBytes)} of ${gib(option.usableBytes)} GiB`,
    `${duration(option.runSeconds)} (${duration(option.lowRunSeconds)}–${duration(option.highRunSeconds)})`,
    option.cost === null
      ? 'no price'
      : `${money(option.cost, option.currency)} (${money(option.lowCost ?? 0, option.currency)}–${money(option.highCost ?? 0, option.currency)})`,
    option.strategy.join(', ') || 'as written',
    option.note,
  ])
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(cells => cells[column]?.length ?? 0))) ?? []
  const length =
    cheapest.comparedSteps === null ? 'the run' : `${cheapest.comparedSteps} steps (its length is not known)`
  const billed =
    cheapest.cost === null
      ? []
      : ['', `  Cheapest   ${cheapest.formula} (${plain(cheapest.priceSource)})`, `             ${cheapest.billing}`]
  return [
    '',
    `  Hardware for ${length}, same global batch, by cost; ${options.length} kinds and numbers of GPUs fit`,
    ...rows.map(cells => `    ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('   ')}`.trimEnd()),
    ...billed,
  ]
}

/** No kind of GPU crowds out the others; the fastest is among them. */
function cheapestOfEach(options: readonly HardwareReport[]): readonly HardwareReport[] {
  const seen = new Map<string, number>()
  const few = options.filter(({ gpu }) => {
    const count = (seen.get(gpu) ?? 0) + 1
    seen.set(gpu, count)
    return count <= SHOWN_OF_A_KIND
  })
  const cheap = new Set(few.slice(0, SHOWN))
  return options.filter(option => cheap.has(option) || option.note !== '')
}

async function fits(input: CommandInput, overrides: MutablePlanDraft): Promise<boolean> {
  const report = await estimateFiles(input, { overrides, advice: false })
  const memory = report.runs[0]?.memory
  return memory?.usableBytes != null && memory.requiredHighBytes <= memory.usableBytes
}

/** The largest value that holds, by doubling and halving; null: not even the smallest. */
async function largest(
  smallest: number,
  maximum: number,
  holds: (value: number) => Promise<boolean>,
): Promise<number | null> {
  if (!(await holds(smallest))) return null
  let good = smallest
  let bad = smallest * 2
  while (bad <= maximum && (await holds(bad))) {
    good = bad
    bad *= 2
  }
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (await holds(middle)) good = middle
    else bad = middle
  }
  return good
}

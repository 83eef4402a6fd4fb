import { readFile, stat, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { calibrationsOf, mergeCalibrations } from '../calibration/calibrations-of.ts'
import { type ComparedRun, compareRun } from '../calibration/compare-run.ts'
import { drawComparison } from '../calibration/draw-comparison.ts'
import type { MeasuredRun } from '../calibration/run-log.ts'
import { calibrationRows, withCalibration } from '../calibration/write-calibration.ts'
import { parseDocument } from '../formats/parse-document.ts'
import { gib } from '../plan/figure-text.ts'
import type { CalibrationPlan } from '../plan/training-plan.ts'
import { readPolicy } from '../policy/read-policy.ts'
import { plain } from '../report/escape-markdown.ts'
import { duration } from '../report/figures.ts'
import { type Command, type CommandInput, EXIT, textOption, UsageError } from './command.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'
import { textTable } from './text-table.ts'

const { gpu, gpus, policy, set, offline } = ESTIMATE_OPTIONS
const DEFAULT_POLICY = '.github/preflop.yml'
const MOST_LOG_BYTES = 256 * 2 ** 20

export const calibrateCommand: Command = {
  name: 'calibrate',
  summary: 'hold finished runs against their estimates and keep the difference in the policy',
  usage: '[CONFIG=]LOG… [--config FILE] [OPTIONS]',
  options: {
    config: { type: 'string', value: 'FILE', help: 'config that the logs belong to, where they name none themselves' },
    write: { type: 'boolean', help: 'write the factors into the policy; else they are only shown' },
    picture: { type: 'string', value: 'FILE.svg', help: 'draw measured against predicted' },
    gpu,
    gpus,
    policy,
    set,
    offline,
  },
  examples: [
    'calibrate outputs/trainer_state.json memory.csv --config configs/sft.yml --gpu a100-80gb --write',
    'calibrate configs/a.yml=runs/a/train.log configs/b.yml=runs/b/train.log --picture accuracy.svg',
  ],
  async run(input) {
    const measured = await readLogs(input)
    const runs: ComparedRun[] = []
    for (const [config, logs] of measured)
      for (const log of logs) {
        const compared = await compare(input, config, log)
        if (typeof compared === 'string') throw new UsageError(compared)
        runs.push(compared)
      }
    const factors = calibrationsOf(runs)
    const factorOf = (run: ComparedRun): number => factorFor(run, factors)
    input.io.out(comparisonTable(runs, factorOf))
    const picture = textOption(input, 'picture')
    const withSteps = runs.filter(({ stepFactor }) => stepFactor !== null)
    if (picture !== undefined && withSteps.length > 0)
      await writeFile(resolve(input.io.folder, picture), drawComparison(withSteps, factorOf))
    if (factors.length === 0) {
      input.io.err(
        'preflop: no log holds the time of a step or of the whole training; there is nothing to calibrate.\n',
      )
      return EXIT.usage
    }
    await keep(input, factors)
    return EXIT.ok
  },
}

/** Logs by config; of one config, a second log of the same kind begins another run. */
async function readLogs(input: CommandInput): Promise<ReadonlyMap<string, readonly MeasuredRun[]>> {
  if (input.positionals.length === 0) throw new UsageError(`no log given. ${calibrateCommand.examples[0]}`)
  const groups = new Map<string, MeasuredRun[][]>()
  for (const argument of input.positionals) {
    const [, ownConfig, ownLog] = /^([^=]+)=(.+)$/.exec(argument) ?? []
    const config = ownConfig ?? textOption(input, 'config')
    if (config === undefined)
      throw new UsageError(`\`${argument}\`: which config ran? Give --config FILE or CONFIG=LOG.`)
    const log = await readLog(input, ownLog ?? argument)
    const runs = groups.get(config) ?? []
    const last = runs.at(-1)
    if (last === undefined || last.some(({ writer }) => writer === log.writer)) runs.push([log])
    else last.push(log)
    groups.set(config, runs)
  }
  const { joinLogs } = await import('../calibration/read-run-log.ts')
  return new Map([...groups].map(([config, runs]) => [config, runs.map(joinLogs).filter(run => run !== null)] as const))
}

async function readLog({ io }: CommandInput, path: string): Promise<MeasuredRun> {
  const full = resolve(io.folder, path)
  const stats = await stat(full).catch(() => null)
  if (!stats?.isFile()) throw new UsageError(`\`${path}\` does not exist.`)
  if (stats.size > MOST_LOG_BYTES)
    throw new UsageError(`\`${path}\` has ${stats.size} bytes; at most ${MOST_LOG_BYTES} are read.`)
  const { LOG_KINDS, readRunLog } = await import('../calibration/read-run-log.ts')
  const run = readRunLog(await readFile(full, 'utf8'))
  if (run === null) throw new UsageError(`\`${path}\` is no log that is known: ${LOG_KINDS}.`)
  return run
}

/** A text says why there is nothing to compare. */
async function compare(input: CommandInput, config: string, log: MeasuredRun): Promise<ComparedRun | string> {
  const report = await estimateFiles(
    { ...input, positionals: [config] },
    { advice: false, policy: { calibration: [] } },
  )
  const [run, ...others] = report.runs
  if (!run || others.length > 0)
    return `\`${config}\` holds ${report.runs.length} training runs; expected the one that the log is of.`
  const comparison = compareRun(log, run)
  return comparison.status === 'compared' ? comparison.run : comparison.message
}

function factorFor({ gpu: id, training, framework }: ComparedRun, factors: readonly CalibrationPlan[]): number {
  return (
    factors.find(row => row.gpu === id && row.training === training && row.framework === framework)?.stepFactor ?? 1
  )
}

function comparisonTable(runs: readonly ComparedRun[], factorOf: (run: ComparedRun) => number): string {
  const percent = (ratio: number): string => `${ratio < 1 ? '−' : '+'}${(Math.abs(ratio - 1) * 100).toFixed(1)} %`
  const rows = runs.flatMap(run =>
    run.figures.map(({ what, unit, measured, estimated }, index) => {
      const show = unit === 'bytes' ? (value: number) => `${gib(value)} GiB` : duration
      const calibrated = what === 'step' ? estimated * factorOf(run) : null
      return [
        index === 0 ? plain(run.path) : '',
        index === 0 ? run.gpu : '',
        index === 0 ? run.training : '',
        what,
        show(measured),
        show(estimated),
        percent(estimated / measured),
        calibrated === null ? '' : show(calibrated),
        calibrated === null ? '' : percent(calibrated / measured),
      ]
    }),
  )
  if (rows.length === 0) return ''
  return textTable(['run', 'GPU', 'training', 'what', 'measured', 'estimated', 'off', 'calibrated', 'off'], rows)
}

async function keep(input: CommandInput, factors: readonly CalibrationPlan[]): Promise<void> {
  const { io } = input
  const path = textOption(input, 'policy') ?? DEFAULT_POLICY
  const full = resolve(io.folder, path)
  const text = await readFile(full, 'utf8').catch(() => '')
  const earlier = readPolicy(parseDocument(path, text)).settings.calibration ?? []
  const rows = mergeCalibrations(earlier, factors)
  if (input.values['write'] !== true) {
    io.out(`\nFor ${path} (--write puts it there):\n\ncalibration:\n`)
    for (const row of calibrationRows(rows)) io.out(`  - ${flow(row)}\n`)
    return
  }
  const changed = withCalibration(text, rows)
  if (changed === null) throw new UsageError(`\`${path}\` is no policy that can be changed; correct it first.`)
  await writeFile(full, changed)
  io.out(`\n${path}: calibration written (${rows.length} ${rows.length === 1 ? 'row' : 'rows'}).\n`)
}

function flow(row: object): string {
  return `{ ${Object.entries(row)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')} }`
}

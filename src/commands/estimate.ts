import type { ReportDetail } from '../build-report.ts'
import { renderComment } from '../report/render-comment.ts'
import { renderTerminal } from '../report/render-terminal.ts'
import type { Report } from '../report/report.ts'
import { VERSION } from '../version.ts'
import { type Command, type CommandInput, EXIT, textOption, UsageError } from './command.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'

export const estimateCommand: Command = {
  name: 'estimate',
  summary: 'memory, time and cost of each run in the files',
  usage: 'FILE|GLOB… [OPTIONS]   (`-` reads standard input)',
  options: ESTIMATE_OPTIONS,
  examples: [
    'estimate configs/sft.yml',
    'estimate "configs/**/*.yml" --gpu h100 --gpus 8',
    'estimate run.yml --set micro_batch_size=4 --format json',
  ],
  async run(input) {
    const report = await estimateFiles(input, { sweepDetail: detailOf(input) })
    printReport(report, input)
    return isUnreadable(report) ? EXIT.usage : EXIT.ok
  },
}

export const checkCommand: Command = {
  name: 'check',
  summary: 'like estimate, then exit 1 when a limit of the policy fails',
  usage: 'FILE|GLOB… [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['check configs/*.yml --policy .github/preflop.yml'],
  async run(input) {
    const report = await estimateFiles(input, { sweepDetail: detailOf(input) })
    printReport(report, input)
    return report.verdict === 'fail' ? EXIT.failed : isUnreadable(report) ? EXIT.usage : EXIT.ok
  },
}

/** The table of a sweep is a list of figures. */
function detailOf(input: CommandInput): ReportDetail {
  return (textOption(input, 'format') ?? 'table') === 'table' ? 'figures' : 'items'
}

const FORMATS = ['table', 'json', 'markdown'] as const

export function printReport(report: Report, input: CommandInput): void {
  const format = textOption(input, 'format') ?? 'table'
  const { io } = input
  if (format === 'json') io.out(`${JSON.stringify(report, null, 2)}\n`)
  else if (format === 'markdown') io.out(`${renderComment(report, { version: VERSION })}\n`)
  else if (format === 'table')
    io.out(`${renderTerminal(report, { columns: io.columns, ascii: input.values['ascii'] === true })}\n`)
  else throw new UsageError(`--format is \`${format}\`; expected one of ${FORMATS.join(', ')}.`)
}

/** Nothing in the files could be read as a run. */
function isUnreadable(report: Report): boolean {
  return report.runs.every(({ plan }) => plan === null)
}

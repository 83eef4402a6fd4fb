import type { MutablePlanDraft } from '../plan/plan-draft.ts'
import { code, plain } from '../report/escape-markdown.ts'
import { duration, gib, money } from '../report/figures.ts'
import type { RunReport } from '../report/report.ts'
import { type Command, type CommandInput, EXIT, UsageError } from './command.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'

export const fitCommand: Command = {
  name: 'fit',
  summary: 'largest micro-batch and longest sequence that fit; other hardware for the run',
  usage: 'FILE [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['fit configs/sft.yml --gpu a100-80gb'],
  async run(input) {
    if (input.positionals.length !== 1) throw new UsageError('one file is needed. Example: preflop fit configs/sft.yml')
    const report = await estimateFiles(input)
    for (const run of report.runs) input.io.out(`${(await fitRun(input, run, report.runs.length)).join('\n')}\n`)
    return report.runs.every(({ memory }) => memory === null) ? EXIT.usage : EXIT.ok
  },
}

const MAX_MICRO_BATCH = 4096
const MAX_LENGTH = 2 ** 24

async function fitRun(input: CommandInput, run: RunReport, runs: number): Promise<readonly string[]> {
  const { plan, memory } = run
  if (!plan || !memory) return [`${plain(run.path)}: ${run.findings.map(({ message }) => plain(message)).join(' ')}`]
  if (memory.usableBytes === null) return [`${plain(run.path)}: no GPU is known. Give one with --gpu.`]
  if (runs > 1) return [`${plain(run.path)} ${code(run.name ?? '')}: several runs in one file; give a file with one.`]
  const usable = memory.usableBytes
  const batch = await largest(1, MAX_MICRO_BATCH, value => fits(input, { microBatchSize: { value, from: 'launch' } }))
  const length = await largest(1, MAX_LENGTH, value => fits(input, { sequenceLength: { value, from: 'launch' } }))
  const lines = [
    `${plain(run.path)} on ${plan.gpus} × ${run.gpuName ?? ''}: ${gib(memory.deviceBytes)} of ${gib(usable)} GiB at ${plan.microBatchSize} × ${plan.sequenceLength} tokens`,
    `  largest micro-batch at ${plan.sequenceLength} tokens   ${batch ?? 'none fits'}`,
    `  longest sequence at micro-batch ${plan.microBatchSize}   ${length ?? 'none fits'}${length === null ? '' : ' tokens'}`,
    '  (the high end of the interval fits, too)',
  ]
  const { alternatives } = run
  if (alternatives.length > 0) lines.push('  Other hardware that fits')
  for (const { gpus, gpuName, memoryBytes, usableBytes, runSeconds, cost, currency, note } of alternatives)
    lines.push(
      `    ${gpus} × ${gpuName}   ${gib(memoryBytes)} of ${gib(usableBytes)} GiB   ${runSeconds === null ? '' : duration(runSeconds)}   ${cost === null ? '' : money(cost, currency)}   ${note}`.trimEnd(),
    )
  return lines
}

async function fits(input: CommandInput, overrides: MutablePlanDraft): Promise<boolean> {
  const report = await estimateFiles(input, { overrides, advice: false })
  const memory = report.runs[0]?.memory
  return memory?.usableBytes != null && memory.highBytes <= memory.usableBytes
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

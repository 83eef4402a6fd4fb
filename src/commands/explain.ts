import { plain } from '../report/escape-markdown.ts'
import { duration, gib } from '../report/figures.ts'
import { renderTerminal } from '../report/render-terminal.ts'
import type { RunReport } from '../report/report.ts'
import { type Command, EXIT } from './command.ts'
import { ESTIMATE_OPTIONS, estimateFiles } from './estimate-files.ts'

export const explainCommand: Command = {
  name: 'explain',
  summary: 'every number with its formula, inputs and source',
  usage: 'FILE [OPTIONS]',
  options: ESTIMATE_OPTIONS,
  examples: ['explain configs/sft.yml --gpu a100-80gb'],
  async run(input) {
    const report = await estimateFiles(input)
    input.io.out(`${renderTerminal(report, { columns: input.io.columns, ascii: input.values['ascii'] === true })}\n`)
    for (const run of report.runs) input.io.out(`${explainRun(run).join('\n')}\n`)
    return report.runs.every(({ plan }) => plan === null) ? EXIT.usage : EXIT.ok
  },
}

function explainRun(run: RunReport): readonly string[] {
  const lines = ['', `How ${plain(run.path)} was estimated`]
  if (run.memory) {
    lines.push('', 'Moments of one step (GiB per GPU, worst rank; the largest decides)')
    for (const { name, bytes } of run.memory.moments)
      lines.push(`  ${name.padEnd(22)} ${gib(bytes).padStart(8)}${name === run.memory.peakAt ? '  ← peak' : ''}`)
    lines.push('', 'Memory')
    for (const { name, bytes, note, source } of run.memory.components)
      lines.push(
        `  ${name.padEnd(34)} ${gib(bytes).padStart(8)} GiB = ${plain(note)}`,
        `      source: ${plain(source)}`,
      )
    lines.push(
      `  torch allocated ${gib(run.memory.allocatedBytes)}, reserved ${gib(run.memory.reservedBytes)}, device ${gib(run.memory.deviceBytes)} GiB, of it ${gib(run.memory.requiredBytes)} GiB must fit; interval ${gib(run.memory.lowBytes)}–${gib(run.memory.highBytes)}`,
    )
  }
  if (run.time) {
    lines.push('', 'Time of one step')
    for (const { name, seconds, note, source } of run.time.stepComponents)
      lines.push(
        `  ${name.padEnd(34)} ${duration(seconds).padStart(10)} = ${plain(note)}`,
        `      source: ${plain(source)}`,
      )
    lines.push(
      `  physical floor ${duration(run.time.floorStepSeconds)}; interval ${duration(run.time.lowStepSeconds)}–${duration(run.time.highStepSeconds)}`,
    )
    if (run.time.components.length > 0) lines.push('', 'Time of one run')
    for (const { name, seconds, note } of run.time.components)
      lines.push(`  ${name.padEnd(34)} ${duration(seconds).padStart(10)} = ${plain(note)}`)
  }
  if (run.cost) lines.push('', `Cost  ${run.cost.formula}; price: ${plain(run.cost.priceSource)}`)
  const rule = run.policyRule
  if (rule)
    lines.push(
      '',
      `Policy rule  ${plain(rule.paths.join(', '))}${rule.line === null ? '' : ` (line ${rule.line} of the policy)`}`,
    )
  if (run.limits.length > 0)
    lines.push(
      '',
      'Limits',
      ...run.limits.map(({ kind, level, value, limit }) => `  ${level.padEnd(8)} ${kind}: ${value} (${limit})`),
    )
  if (run.assumptions.length > 0) lines.push('', 'Plan')
  for (const { key, value, from, path, line, note } of run.assumptions)
    lines.push(
      `  ${plain(key).padEnd(34)} ${plain(JSON.stringify(value) ?? 'none')
        .slice(0, 60)
        .padEnd(
          28,
        )} ${from}${path ? ` ${plain(path)}${line ? `:${line}` : ''}` : ''}${note ? ` — ${plain(note)}` : ''}`,
    )
  return lines
}

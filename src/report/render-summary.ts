import type { CommentOptions } from './comment-options.ts'
import { code, prose } from './escape-markdown.ts'
import { join, reportSections } from './render-comment.ts'
import type { Report, RunReport } from './report.ts'

/** A step's summary holds 1 MiB. */
const MAX_RUNS = 200

/** The job summary: the comment's body, then every finding, a picture of the memory split, and how to reproduce it. */
export function renderSummary(report: Report, options: CommentOptions): string {
  const { marker: _marker, ...rest } = options
  const parts = [join(reportSections(report, rest, { rows: MAX_RUNS, assumptions: 500 }))]
  const worst = report.runs.find(({ memory }) => memory !== null)
  if (worst?.memory) parts.push(`#### Memory of ${code(worst.path)}`, pie(worst))
  const findings = report.runs.flatMap(run =>
    run.findings.map(
      finding =>
        `- ${finding.severity}: ${code(finding.path ?? run.path)}${finding.line ? ` line ${finding.line}` : ''}: ${prose(finding.message)} ${prose(finding.hint)}`,
    ),
  )
  if (findings.length > 0) parts.push('#### All findings', findings.slice(0, 500).join('\n'))
  const paths = report.runs.slice(0, 20).map(({ path }) => `'${path.replaceAll("'", "'\\''")}'`)
  if (paths.length > 0)
    parts.push(
      '#### On your machine',
      ['```sh', `preflop estimate ${paths.join(' ').replaceAll('`', '')}`, '```'].join('\n'),
    )
  return parts.join('\n\n')
}

/** Component names are our own words: nothing of the config gets into the diagram. */
function pie(run: RunReport): string {
  const slices =
    run.memory?.components
      .filter(({ bytes }) => bytes > 0)
      .map(({ name, bytes }) => `    "${name.replaceAll(/["\n]/g, ' ')}" : ${(bytes / 2 ** 30).toFixed(2)}`) ?? []
  return ['```mermaid', 'pie title GiB per GPU at the peak', ...slices, '```'].join('\n')
}

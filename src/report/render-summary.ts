import type { CommentOptions } from './comment-options.ts'
import { code, fenced, prose } from './escape-markdown.ts'
import { join, reportSections } from './render-comment.ts'
import type { Report, RunReport } from './report.ts'
import { fold } from './run-folds.ts'

/** A step's summary holds 1 MiB. */
const MAX_RUNS = 200
const MAX_FINDINGS = 500
const MAX_UNAFFECTED = 500
const MAX_COMMAND_PATHS = 20

/** The job summary: the comment's body in full, then every finding, a picture of the memory split, the configs left alone, and how to reproduce it. */
export function renderSummary(report: Report, options: CommentOptions): string {
  const { marker: _marker, ...rest } = options
  const worst = report.runs.find(({ memory }) => memory !== null)
  return [
    join(reportSections(report, rest, { rows: MAX_RUNS, assumptions: 500 })),
    worst ? `#### Memory of ${code(worst.path)}\n\n${pie(worst)}` : '',
    allFindings(report),
    unaffectedConfigs(report),
    reproduction(report, options),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function allFindings({ runs }: Report): string {
  const findings = runs.flatMap(run =>
    run.findings.map(
      finding =>
        `- ${finding.severity}: ${code(finding.path ?? run.path)}${finding.line ? ` line ${finding.line}` : ''}: ${prose(finding.message)} ${prose(finding.hint)}`,
    ),
  )
  return findings.length > 0 ? `#### All findings\n\n${findings.slice(0, MAX_FINDINGS).join('\n')}` : ''
}

function unaffectedConfigs({ unaffectedPaths }: Report): string {
  if (unaffectedPaths.length === 0) return ''
  const shown = unaffectedPaths.slice(0, MAX_UNAFFECTED).map(path => `- ${code(path)}`)
  const more = unaffectedPaths.length - shown.length
  if (more > 0) shown.push(`- and ${more} more`)
  return fold(`<b>Training configs that this change does not affect</b>: ${unaffectedPaths.length}`, shown.join('\n'))
}

/** The same comparison on a laptop, or the same estimate where nothing was compared. */
function reproduction({ runs }: Report, { headSha, baseSha }: CommentOptions): string {
  const paths = runs.slice(0, MAX_COMMAND_PATHS).map(({ path }) => shellWord(path))
  if (paths.length === 0) return ''
  const isCompared = headSha && baseSha && runs.some(({ change }) => change !== 'not-compared')
  const command = isCompared ? `preflop diff ${baseSha} ${headSha}` : 'preflop estimate'
  return `#### On your machine\n\n\`\`\`sh\n${fenced(`${command} ${paths.join(' ')}`)}\n\`\`\``
}

/** In single quotes nothing acts; a quote itself is written outside them. */
function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) && !text.startsWith('-') ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Slices below this share run into each other, and beyond eleven mermaid repeats its colours. */
const MIN_SLICE = 0.03
const MAX_SLICES = 11

/** Component names are our own words: nothing of the config gets into the diagram. */
function pie({ memory }: RunReport): string {
  const parts = (memory?.components ?? []).toSorted((a, b) => b.bytes - a.bytes)
  const shown = parts.slice(0, MAX_SLICES).filter(({ bytes }) => bytes >= MIN_SLICE * (memory?.deviceBytes ?? 0))
  const rest = parts.slice(shown.length).reduce((sum, { bytes }) => sum + bytes, 0)
  const slices = [...shown, { name: 'all others', bytes: rest }]
    .filter(({ bytes }) => bytes > 0)
    .map(({ name, bytes }) => `    "${name.replaceAll(/["\n]/g, ' ')}" : ${(bytes / 2 ** 30).toFixed(2)}`)
  return ['```mermaid', 'pie showData title GiB per GPU at the peak', ...slices, '```'].join('\n')
}

import { causeSentence } from './cause-sentence.ts'
import type { CommentOptions } from './comment-options.ts'
import { code, htmlText, prose } from './escape-markdown.ts'
import { failingRun } from './failing-run.ts'
import type { Report, RunReport } from './report.ts'
import {
  alternativesTable,
  assumptionsTable,
  assumptionsTitle,
  breakdownTable,
  breakdownTitle,
  fold,
  timeAndCost,
  timeAndCostTitle,
} from './run-folds.ts'
import { isAboutMemory } from './run-reason.ts'
import { limitsLine, runTable } from './run-table.ts'
import { has, verdictAlert, verdictHeading } from './verdict-heading.ts'

export type { CommentOptions } from './comment-options.ts'

/** GitHub refuses comments beyond 65,536 characters and 262,144 bytes; the marker's state needs room as well. */
const MAX_UNITS = 60_000
const MAX_BYTES = 200_000
/** Rows shown of a table without failing runs; failing rows all stay while there is room. */
const MAX_ROWS = 20
const MAX_GENERAL_FINDINGS = 10
const MAX_OPEN_RUNS = 3
const MAX_ASSUMPTIONS = 16

/** In which order parts go when the comment is too long; parts without one stay. */
const DROP_ORDER = ['assumptions', 'time', 'alternatives', 'breakdown', 'later-failing', 'failing'] as const

export interface Section {
  readonly text: string
  readonly part?: (typeof DROP_ORDER)[number]
}

/** How much of a report is written. */
export interface Extent {
  readonly rows: number
  readonly assumptions: number
}

/** The pull-request comment. Pure: the same report gives the same bytes. */
export function renderComment(report: Report, options: CommentOptions): string {
  const failing = report.runs.filter(({ verdict }) => verdict === 'fail').length
  for (const rows of [Math.max(MAX_ROWS, failing), MAX_ROWS, 5]) {
    const extent = { rows, assumptions: MAX_ASSUMPTIONS }
    let sections = reportSections(report, options, extent)
    if (fits(sections)) return join(sections)
    for (const part of DROP_ORDER) {
      sections = withoutPart(sections, part, options)
      if (fits(sections)) return join(sections)
    }
  }
  return join([
    { text: options.marker ?? '' },
    { text: `### ${verdictHeading(report, options.baseLabel ?? 'base')}` },
    { text: elsewhere('The report', options) },
    { text: footer(report, options) },
  ])
}

/** Every block of a report in reading order. */
export function reportSections(report: Report, options: CommentOptions, extent: Extent): readonly Section[] {
  const baseLabel = options.baseLabel ?? 'base'
  const failing = report.runs.filter(needsChange)
  const estimated = report.runs.filter(({ memory }) => memory !== null)
  return [
    { text: options.marker ?? '' },
    { text: `### ${verdictHeading(report, baseLabel)}` },
    { text: verdictAlert(report) },
    { text: runTable(report, options, extent.rows) },
    { text: limitsLine(report) },
    { text: generalFindings(report) },
    ...failing.slice(0, MAX_OPEN_RUNS).map((run, index) => ({
      text: failingRun(run, { baseLabel, cause: index === 0 ? '' : causeSentence(run) }),
      part: 'failing' as const,
    })),
    ...failing.slice(MAX_OPEN_RUNS).map(run => ({
      text: fold(`${summaryName(run)}: how to pass`, failingRun(run, { baseLabel, cause: causeSentence(run) })),
      part: 'later-failing' as const,
    })),
    ...report.runs
      .filter(run => run.preExisting && run.fixes.length > 0)
      .slice(0, MAX_OPEN_RUNS)
      .map(run => ({
        text: fold(`<b>How to make it pass</b> (${summaryName(run)})`, failingRun(run, { baseLabel, cause: '' })),
        part: 'later-failing' as const,
      })),
    { text: report.runs.length === 1 && failing.length === 0 ? report.runs.map(causeSentence).join('') : '' },
    ...estimated.slice(0, extent.rows).flatMap(run => runDetails(run, baseLabel, estimated.length > 1, extent)),
    { text: footer(report, options) },
  ]
}

function needsChange(run: RunReport): boolean {
  return run.verdict === 'fail' || (has(run, 'too-close-to-call') && !run.preExisting)
}

interface Detail {
  readonly part: NonNullable<Section['part']>
  readonly title: string
  readonly rest: string
  readonly body: string
}

/** What is over its limit is told before what is not. */
const DETAILS: readonly Detail['part'][] = ['alternatives', 'breakdown', 'time', 'assumptions']
const DETAILS_OF_AMOUNTS: readonly Detail['part'][] = ['alternatives', 'time', 'breakdown', 'assumptions']

/** A fold each where the run needs a decision or is the only one; else one fold holds them all. */
function runDetails(run: RunReport, baseLabel: string, isOneOfMany: boolean, extent: Extent): readonly Section[] {
  const offered = run.alternatives.length
  const isOver = run.verdict === 'fail' || run.verdict === 'warn'
  const order = isOver && !isAboutMemory(run) ? DETAILS_OF_AMOUNTS : DETAILS
  const details: readonly Detail[] = [
    {
      part: 'alternatives' as const,
      title: 'Or change the hardware',
      rest: `${offered} that ${offered === 1 ? 'passes' : 'pass'}`,
      body: offered > 0 ? alternativesTable(run) : '',
    },
    {
      part: 'breakdown' as const,
      title: 'Where the memory goes',
      rest: breakdownTitle(run),
      body: breakdownTable(run, baseLabel),
    },
    { part: 'time' as const, title: 'Time and cost', rest: timeAndCostTitle(run), body: timeAndCost(run) },
    {
      part: 'assumptions' as const,
      title: 'Assumptions',
      rest: assumptionsTitle(run),
      body: assumptionsTable(run, extent.assumptions),
    },
  ]
    .filter(({ body }) => body !== '')
    .toSorted((a, b) => order.indexOf(a.part) - order.indexOf(b.part))
  if (!isOneOfMany || needsChange(run))
    return details.map(({ part, title, rest, body }) => ({
      part,
      text: fold(
        `<b>${title}</b>${isOneOfMany ? ` (${summaryName(run)})` : ''}${rest === '' ? '' : `: ${rest}`}`,
        body,
      ),
    }))
  return [
    { text: `<details>\n<summary><b>${summaryName(run)}</b>: memory, time and cost, assumptions</summary>` },
    { text: run.verdict === 'pass' ? causeSentence(run) : '' },
    ...details.map(({ part, title, rest, body }) => ({ part, text: `**${title}**: ${rest}\n\n${body}` })),
    { text: '</details>' },
  ]
}

function summaryName({ path, name }: RunReport): string {
  return htmlText(`${path.split('/').at(-1) ?? path}${name ? ` ${name}` : ''}`)
}

function generalFindings({ findings }: Report): string {
  return findings
    .slice(0, MAX_GENERAL_FINDINGS)
    .map(({ path, line, message, hint }) => {
      const place = path ? `${code(path)}${line ? ` line ${line}` : ''}: ` : ''
      return `- ${place}${prose(message)} ${prose(hint)}`
    })
    .join('\n')
}

function withoutPart(
  sections: readonly Section[],
  part: (typeof DROP_ORDER)[number],
  options: CommentOptions,
): readonly Section[] {
  const first = sections.findIndex(section => section.part === part && section.text !== '')
  return sections.flatMap((section, index) =>
    section.part !== part ? [section] : index === first ? [{ text: elsewhere(DROPPED_NAMES[part], options) }] : [],
  )
}

const DROPPED_NAMES = {
  assumptions: 'Assumptions',
  time: 'Time and cost in detail',
  alternatives: 'Other hardware',
  breakdown: 'Where the memory goes',
  'later-failing': 'Fixes of the other failing configs',
  failing: 'Fixes',
} as const satisfies Record<(typeof DROP_ORDER)[number], string>

function elsewhere(what: string, { reportUrl }: CommentOptions): string {
  return `${what}: ${reportUrl ? `[in the job summary](${reportUrl})` : 'in the job summary'}.`
}

export function join(sections: readonly Section[]): string {
  return sections
    .map(({ text }) => text)
    .filter(text => text !== '')
    .join('\n\n')
}

function fits(sections: readonly Section[]): boolean {
  const text = join(sections)
  return text.length <= MAX_UNITS && new TextEncoder().encode(text).byteLength <= MAX_BYTES
}

/** One short line: GitHub's small text overlaps when it wraps. */
function footer(report: Report, { version, headSha, baseSha, reportUrl }: CommentOptions): string {
  const parts = [
    `preflop ${version}`,
    headSha ? `${baseSha ? `${code(baseSha.slice(0, 7))} → ` : ''}${code(headSha.slice(0, 7))}` : '',
    report.estimator === 'rule-of-thumb' ? 'judged by the rule of thumb' : '',
    reportUrl ? `[full report](${reportUrl})` : '',
  ]
  return `<sub>${parts.filter(part => part !== '').join(' · ')}</sub>`
}

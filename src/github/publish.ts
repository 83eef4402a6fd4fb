import type { Report } from '../report/report.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import { type CommentOutcome, upsertComment } from './comment.ts'
import type { PullRequestEvent } from './event.ts'
import type { ActionInputs } from './inputs.ts'
import { reportOutputs, writeOutputs, writeReportFile, writeSummary } from './outputs.ts'
import type { RepositoryName } from './repository-name.ts'
import { reviewSuggestions } from './review.ts'
import type { Subject } from './subject.ts'
import { planSuggestions } from './suggestions.ts'
import type { Annotation, JobLog } from './workflow-commands.ts'

/** The three texts of a report. */
export interface RenderedReport {
  readonly comment: string
  readonly summary: string
  /** Worst first, within GitHub's limits. */
  readonly annotations: readonly Annotation[]
}

/** Files of the runner that steps write to; empty: not on a runner. */
export interface RunnerFiles {
  readonly output: string
  readonly summary: string
  readonly temporaryFolder: string
}

/** Outputs, then summary, then annotations. What cannot be written is said and loses nothing else. */
export async function publishOnRunner(
  report: Report,
  { log, files, rendered }: { readonly log: JobLog; readonly files: RunnerFiles; readonly rendered: RenderedReport },
): Promise<void> {
  await attempt(log, 'The JSON report', async () => {
    const path = await writeReportFile(files.temporaryFolder, report)
    await writeOutputs(files.output, { 'report-path': path })
  })
  await attempt(log, 'The outputs', () => writeOutputs(files.output, reportOutputs(report)))
  await attempt(log, 'The job summary', () => writeSummary(files.summary, rendered.summary))
  for (const annotation of rendered.annotations) log.annotate(annotation)
}

async function attempt(log: JobLog, what: string, write: () => Promise<unknown>): Promise<void> {
  try {
    await write()
  } catch (error) {
    const message = `${what} could not be written: ${error instanceof Error ? error.message : String(error)}`
    log.annotate({ level: 'warning', title: 'Preflop', message, path: null, line: null, column: null })
  }
}

interface PullRequestOptions {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  readonly event: PullRequestEvent
  readonly inputs: ActionInputs
  readonly subject: Subject
  readonly rendered: RenderedReport
  readonly run: string
  readonly summaryUrl: string
  readonly log: JobLog
  readonly files: RunnerFiles
}

/** The comment and the one-click suggestions. A refusal is a notice: verdict and exit code stay. */
export async function publishOnPullRequest(report: Report, options: PullRequestOptions): Promise<void> {
  const { api, repository, event, inputs, subject, log } = options
  const suggestions = maySuggest(options) ? await planSuggestions(report, subject) : []
  const comment = await upsertComment(
    {
      api,
      repository,
      number: event.number,
      key: inputs.commentKey,
      head: event.head.sha,
      volatile: [event.head.sha, event.base.sha, subject.baseCommit ?? '', options.summaryUrl],
      run: options.run,
      isFirstOfHead: event.isNewHead && options.run.endsWith('.1'),
    },
    {
      body: options.rendered.comment,
      mayCreate: mayCreateComment(report, inputs.comment),
      suggests: suggestions.length > 0,
    },
  )
  if (comment.status === 'failed') {
    // Somebody who asked for no comment needs no token that could write one.
    if (inputs.comment !== 'never') log.annotate(failureNotice('comment', comment.failure, event.fork))
    return
  }
  if (report.totals.checked > 0 || comment.status !== 'skipped') log.line(OUTCOME_TEXTS[comment.status])
  if (comment.status === 'skipped') return
  await attempt(log, 'The output comment-url', () => writeOutputs(options.files.output, { 'comment-url': comment.url }))
  if (!maySuggest(options) || (suggestions.length === 0 && !comment.suggested)) return
  const review = await reviewSuggestions(
    {
      api,
      repository,
      number: event.number,
      head: event.head.sha,
      key: inputs.commentKey,
      login: comment.login,
    },
    suggestions,
  )
  if (review.status === 'failed') log.annotate(failureNotice('suggestions', review.failure, event.fork))
  else if (review.posted > 0) log.line(`Suggestions posted: ${review.posted}.`)
}

/** A fork's own run has a token that only reads. */
function maySuggest({ inputs, event }: PullRequestOptions): boolean {
  return inputs.suggest && inputs.comment !== 'never' && (!event.fork || event.trigger === 'pull_request_target')
}

const OUTCOME_TEXTS = {
  created: 'Comment created.',
  updated: 'Comment updated.',
  unchanged: 'Comment is up to date.',
  skipped: 'No comment written.',
} as const satisfies Record<Exclude<CommentOutcome['status'], 'failed'>, string>

/** DESIGN §5 `comment`; what it says about creating one. */
function mayCreateComment(report: Report, mode: ActionInputs['comment']): boolean {
  switch (mode) {
    case 'always':
      return true
    case 'never':
      return false
    case 'on-failure':
      return report.verdict === 'fail'
    case 'on-change':
      return report.runs.some(run => run.change !== 'unchanged' && !run.preExisting)
  }
}

function failureNotice(what: 'comment' | 'suggestions', { kind, message }: ApiFailure, fork: boolean): Annotation {
  const cause =
    kind === 'refused' || kind === 'missing'
      ? fork
        ? 'this token cannot write to a fork’s pull request (docs/cookbook.md says how to comment on forks)'
        : 'this token lacks `pull-requests: write`'
      : message
  return {
    level: 'notice',
    title: 'Preflop (no-write-access)',
    message: `The report is in the job summary; the ${what} could not be written: ${cause}.`,
    path: null,
    line: null,
    column: null,
  }
}

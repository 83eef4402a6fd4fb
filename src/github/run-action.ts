import { readFile } from 'node:fs/promises'
import type { FileSource } from '../files/file-source.ts'
import { memoryFileSource } from '../files/memory-file-source.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { PolicySet } from '../policy/policy-set.ts'
import type { Report } from '../report/report.ts'
import { loadPolicy } from './action-policy.ts'
import { API_TIMING, type ApiFailure, type ApiTiming, type GitHubApi } from './api.ts'
import type { ChangedPath } from './comparison.ts'
import { readEvent, type TriggerEvent } from './event.ts'
import { type ActionInputs, readInputs } from './inputs.ts'
import { withLabelSetter } from './label-setter.ts'
import { lazyApi } from './lazy-api.ts'
import { prefetchTexts } from './prefetch.ts'
import { publishOnPullRequest, publishOnRunner, type RenderedReport, type RunnerFiles } from './publish.ts'
import { type RepositoryName, repositoryName } from './repository-name.ts'
import { findSubject, type Subject } from './subject.ts'
import { type JobLog, jobLog } from './workflow-commands.ts'

/** What the door asks the pipeline. */
export interface EstimateRequest {
  readonly head: FileSource
  readonly base: FileSource | null
  readonly changes: readonly ChangedPath[] | null
  readonly paths: readonly string[]
  readonly policy: PolicySet
  readonly policyPath: string
  readonly labels: readonly string[]
  readonly findings: readonly Finding[]
  /** Fixes, alternatives and causes. */
  readonly advice: boolean
  /** What may be read from the Hub, and with which token. */
  readonly hub: { readonly endpoint: string | null; readonly token: string; readonly offline: boolean }
}

/** What a report's texts may link to. */
export interface RenderPlace {
  readonly repositoryUrl: string
  readonly headCommit: string | null
  readonly baseCommit: string | null
  /** Name of the branch that the change goes into. */
  readonly baseBranch: string | null
  readonly summaryUrl: string
}

/** The stages that the door drives. */
export interface ActionStages {
  estimate(request: EstimateRequest): Promise<Report>
  render(report: Report, place: RenderPlace): RenderedReport
}

/** The process as the Action sees it. */
export interface ActionHost {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly write: (text: string) => void
  readonly timing?: ApiTiming
}

/** Event in; outputs, summary, annotations, comment and exit code out. */
export async function runAction(host: ActionHost, stages: ActionStages): Promise<number> {
  const run = new ActionRun(host, stages)
  const start = await run.start()
  if ('exitCode' in start) return start.exitCode
  return run.judge(start)
}

interface Started {
  readonly inputs: ActionInputs
  readonly event: TriggerEvent
  readonly repository: RepositoryName
}

interface Ended {
  readonly exitCode: number
}

class ActionRun {
  private readonly host: ActionHost
  private readonly stages: ActionStages
  private readonly log: JobLog
  private readonly files: RunnerFiles

  constructor(host: ActionHost, stages: ActionStages) {
    this.host = host
    this.stages = stages
    this.log = jobLog(host.write)
    this.files = {
      output: this.variable('GITHUB_OUTPUT'),
      summary: this.variable('GITHUB_STEP_SUMMARY'),
      temporaryFolder: this.variable('RUNNER_TEMP'),
    }
  }

  /** Reads inputs and event; what is wrong with them is misuse. */
  async start(): Promise<Started | Ended> {
    const { inputs, findings } = readInputs(this.host.env)
    for (const secret of new Set([inputs.githubToken, inputs.policyToken, inputs.huggingFaceToken]))
      this.log.mask(secret)
    if (findings.length > 0) return this.endWithout(findings)
    const payload = await readFile(this.variable('GITHUB_EVENT_PATH'), 'utf8').catch(() => '')
    const reading = readEvent(this.variable('GITHUB_EVENT_NAME'), payload, this.variable('GITHUB_SHA'))
    if (reading.status === 'misuse') return this.misuse(reading.message, 'Correct `on:` in the workflow.')
    const { event } = reading
    const isChange = event.kind === 'pull-request' || event.kind === 'merge-group'
    if (inputs.plan !== null && isChange)
      return this.misuse(
        'The input `plan` is for `workflow_dispatch`, not for a change.',
        'Remove `plan` for this event.',
      )
    const repository = repositoryName(this.variable('GITHUB_REPOSITORY'))
    if (repository === null) return this.misuse('GITHUB_REPOSITORY is not set.', 'Run Preflop in a GitHub workflow.')
    return { inputs, event, repository }
  }

  async judge({ inputs, event, repository }: Started): Promise<number> {
    const api = this.api(inputs.githubToken)
    const place = { api, repository, workspace: this.variable('GITHUB_WORKSPACE') }
    const found = await findSubject(event, place)
    if (found.status === 'unreadable') return (await this.unreadable(found.failure)).exitCode
    if (found.status === 'nothing') {
      this.log.line(`Preflop: nothing to do, ${found.why}.`)
      return 0
    }
    const subject = inputs.plan === null ? found.subject : planSubject(found.subject, inputs.plan)
    const policyApi = () => this.api(inputs.policyToken)
    const loaded = await loadPolicy({ inputs, subject, api, repository, policyApi })
    if (loaded.status === 'misuse') return (await this.endWithout([loaded.finding])).exitCode
    if (loaded.status === 'unreadable') return (await this.unreadable(loaded.failure)).exitCode

    const request = {
      head: subject.head,
      base: subject.base,
      changes: subject.changes,
      paths: inputs.plan === null ? inputs.paths : [],
      policy: loaded.policy,
      policyPath: loaded.path,
      labels: event.kind === 'pull-request' ? event.labels : [],
      findings: subject.findings,
      advice: true,
      hub: hubAccess(inputs, event),
    }
    await prefetchTexts(subject, request.paths)
    const judged = await this.stages.estimate(request)
    const lost = lostTexts(subject)
    if (lost !== null && subject.blobs.blobsRead() === subject.blobs.failures().length)
      return (await this.unreadable(lost)).exitCode
    const extra = lost === null ? [] : [lostFinding(lost, subject.blobs.failures().length)]
    if (loaded.preview !== null) {
      const preview = await this.stages.estimate({ ...request, policy: loaded.preview, findings: [], advice: false })
      extra.push(previewFinding(loaded.path, judged, preview))
    }
    const labelOf = (path: string) => loaded.policy.forPath(path).overrideLabel
    const told =
      event.kind === 'pull-request'
        ? await withLabelSetter(judged, { api, repository, number: event.number, labelOf })
        : judged
    const report = withFindings(told, extra)
    const rendered = this.render(report, subject)
    this.logReport(report)
    await publishOnRunner(report, { log: this.log, files: this.files, rendered })
    if (event.kind === 'pull-request') {
      const shared = { api, repository, event, inputs, subject, rendered, log: this.log, files: this.files }
      await publishOnPullRequest(report, { ...shared, run: this.runName(), summaryUrl: this.summaryUrl() })
    }
    // Texts that GitHub kept back leave nothing judged: the check must not look as if all were well.
    const isUnread = lost !== null && report.verdict === 'unknown'
    return report.verdict === 'fail' || isUnread ? 1 : 0
  }

  /** The verdict is unknown, and the check must not look as if all were well. */
  private unreadable({ message, status }: ApiFailure): Promise<Ended> {
    const cause = status === null ? message : `${status} ${message}`
    return this.endWithout([finding('api-error', { message: `GitHub could not be read: ${cause}` })])
  }

  private misuse(message: string, hint: string): Promise<Ended> {
    return this.endWithout([finding('invalid-value', { message, hint })])
  }

  /** Nothing was judged: the findings say why, all outputs are there. */
  private async endWithout(findings: readonly Finding[]): Promise<Ended> {
    const report = emptyReport(findings)
    const annotations = findings.map(({ severity, message, hint, path, line, column }) => ({
      level: severity,
      title: 'Preflop',
      message: `${message} ${hint}`,
      path,
      line,
      column,
    }))
    const rendered = { ...this.render(report, null), annotations }
    await publishOnRunner(report, { log: this.log, files: this.files, rendered })
    return { exitCode: 1 }
  }

  private render(report: Report, subject: Subject | null): RenderedReport {
    return this.stages.render(report, {
      repositoryUrl: this.repositoryUrl(),
      headCommit: subject?.headCommit ?? null,
      baseCommit: subject?.baseCommit ?? null,
      baseBranch: subject?.baseBranch ?? null,
      summaryUrl: this.summaryUrl(),
    })
  }

  private repositoryUrl(): string {
    return `${this.variable('GITHUB_SERVER_URL') || 'https://github.com'}/${this.variable('GITHUB_REPOSITORY')}`
  }

  private summaryUrl(): string {
    return `${this.repositoryUrl()}/actions/runs/${this.variable('GITHUB_RUN_ID')}`
  }

  private logReport(report: Report): void {
    const { checked, failed, warned, unknown } = report.totals
    if (checked === 0 && report.verdict === 'pass') this.log.line('Preflop: pass, no training config changed.')
    else
      this.log.line(
        `Preflop: ${report.verdict}. ${checked} checked, ${failed} failed, ${warned} warned, ${unknown} unknown.`,
      )
    for (const { path, verdict, findings } of report.runs)
      this.log.line(`  ${verdict.toUpperCase().padEnd(7)} ${path} ${findings[0]?.message ?? ''}`)
  }

  private api(token: string): GitHubApi {
    const apiUrl = this.variable('GITHUB_API_URL') || 'https://api.github.com'
    return lazyApi({ token, apiUrl, timing: this.host.timing ?? API_TIMING })
  }

  private runName(): string {
    return `${this.variable('GITHUB_RUN_ID') || '0'}.${this.variable('GITHUB_RUN_ATTEMPT') || '1'}`
  }

  private variable(name: string): string {
    return this.host.env[name] ?? ''
  }
}

/** A fork's author chooses the model ids: no token of ours travels for them. */
function hubAccess(inputs: ActionInputs, event: TriggerEvent): EstimateRequest['hub'] {
  const isFork = event.kind === 'pull-request' && event.fork
  return {
    endpoint: inputs.huggingFaceEndpoint,
    token: isFork ? '' : inputs.huggingFaceToken,
    offline: inputs.offline,
  }
}

/** Name under which the plan of the input is reported. */
const PLAN_PATH = 'plan.yml'

/** The given plan instead of the files that are there; what it refers to is still read from them. */
function planSubject(subject: Subject, plan: string): Subject {
  const given = memoryFileSource(new Map([[PLAN_PATH, plan]]))
  const head: FileSource = {
    list: () => given.list(),
    read: path => (path === PLAN_PATH ? given.read(path) : subject.head.read(path)),
  }
  return { ...subject, head, base: null, changes: null, files: [] }
}

function lostTexts({ blobs }: Subject): ApiFailure | null {
  return blobs.failures().at(-1) ?? null
}

function lostFinding({ message }: ApiFailure, count: number): Finding {
  return finding('incomplete', { message: `GitHub did not give ${count} files: ${message}` })
}

function previewFinding(path: string, judged: Report, preview: Report): Finding {
  return finding('policy-preview', {
    path,
    message: `This pull request changes the policy. Judged by the limits of the base: ${judged.verdict}; by the new ones: ${preview.verdict}.`,
  })
}

/** Something that could not be looked at is at least a warning. */
function withFindings(report: Report, findings: readonly Finding[]): Report {
  const isIncomplete = findings.some(({ code }) => code === 'incomplete')
  const verdict = isIncomplete && report.verdict === 'pass' ? 'warn' : report.verdict
  return { ...report, verdict, findings: [...report.findings, ...findings] }
}

function emptyReport(findings: readonly Finding[]): Report {
  return {
    version: 1,
    verdict: 'unknown',
    estimator: 'detailed',
    findings,
    totals: {
      checked: 0,
      failed: 0,
      warned: 0,
      unknown: 0,
      unaffected: null,
      maxMemoryBytes: null,
      hours: null,
      gpuHours: null,
      cost: null,
      costDelta: null,
      currency: null,
    },
    runs: [],
    unaffectedPaths: [],
  }
}

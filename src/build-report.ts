import type { Advice } from './advise-run.ts'
import { convertMoney } from './cost/convert-money.ts'
import type { RunEstimate } from './estimate-run.ts'
import type { ReadConfig } from './formats/read-session.ts'
import type { RunDraft } from './formats/reader.ts'
import { gpuCountFindings } from './gpu-count.ts'
import { findGpu } from './hardware/gpu-catalogue.ts'
import { estimatedFigures } from './judged-figures.ts'
import type { Finding } from './plan/finding.ts'
import { finding } from './plan/finding-texts.ts'
import { planValue } from './plan/plan-value.ts'
import type { Provenance } from './plan/provenance.ts'
import type { PlanProvenance } from './plan/resolve-plan.ts'
import { withoutSecrets } from './plan/without-secrets.ts'
import { type Judgement, judgeAll, judgeRun } from './policy/judge.ts'
import { isRefusal, judgeStart, type StartJudgement } from './policy/judge-start.ts'
import type { Policy } from './policy/policy.ts'
import type { Verdict } from './policy/verdict.ts'
import type {
  AssumptionReport,
  BaseReport,
  HardwareReport,
  MemoryReport,
  Report,
  RunReport,
  TimeReport,
} from './report/report.ts'
import { totalsOf } from './report-totals.ts'
import { rateFindings, unknownFindings, unshardedFinding } from './reported-findings.ts'

export interface EstimatedRun {
  readonly config: ReadConfig
  /** null: the file gave no run; its findings say why. */
  readonly draft: RunDraft | null
  readonly policy: Policy
  readonly head: RunEstimate | null
  readonly base: RunEstimate | null
  /** Everything that was found at the base; null: nothing to compare with. */
  readonly baseFindings: readonly Finding[] | null
  readonly previousPath: string | null
  readonly change: RunReport['change']
  readonly advice: Advice
  /** Hardware by cost; absent: not searched. */
  readonly hardware?: readonly HardwareReport[]
}

/** What stays of a run once it is judged: a sweep of thousands keeps no estimate. */
export interface ReportedRun {
  readonly report: RunReport
  readonly policy: Policy
}

interface BuildOptions {
  readonly runs: readonly ReportedRun[]
  readonly findings: readonly Finding[]
  /** null: without a comparison. */
  readonly unaffected: readonly string[] | null
  /** Training configs of the base that the change removes. */
  readonly removed: readonly string[]
}

const ORDER = ['fail', 'warn', 'unknown', 'pass'] as const

interface JudgeOptions {
  readonly labels: readonly string[]
  readonly hasBase: boolean
  readonly detail: ReportDetail
}

/** Every item and assumption of a run, or only its figures: a list of thousands shows no more. */
export type ReportDetail = 'items' | 'figures'

/** One run as it is reported, judged by its policy. */
export function reportRun(run: EstimatedRun, { labels, hasBase, detail }: JudgeOptions): ReportedRun {
  const figures = buildRun(run, labels, hasBase)
  const report: RunReport =
    detail === 'items'
      ? { ...figures, assumptions: run.head ? assumptionsOf(run.head) : [] }
      : {
          ...figures,
          memory: figures.memory && { ...figures.memory, components: [], moments: [] },
          time: figures.time && { ...figures.time, stepComponents: [], components: [] },
          assumptions: [],
        }
  return { report: { ...report, ...withoutSecrets(configTexts(report)) }, policy: run.policy }
}

/** All runs together, the worst first. */
export function buildReport({ runs, findings, unaffected, removed }: BuildOptions): Report {
  const sorted = runs.toSorted(
    (a, b) =>
      ORDER.indexOf(a.report.verdict) - ORDER.indexOf(b.report.verdict) || compareText(a.report.path, b.report.path),
  )
  const overall = judgeAll(
    sorted.map(({ report, policy }) => ({ verdict: report.verdict, onUnknown: policy.onUnknown })),
  )
  const isIncomplete = findings.some(({ code }) => code === 'incomplete')
  const hasPolicyError = findings.some(({ code }) => code === 'policy-error')
  const verdict = overall === 'pass' && (isIncomplete || hasPolicyError) ? 'warn' : overall
  return {
    version: 1,
    verdict,
    estimator: runs[0]?.policy.estimator ?? 'detailed',
    findings: withoutSecrets(findings),
    totals: totalsOf(
      sorted.map(({ report }) => report),
      unaffected?.length ?? null,
    ),
    runs: sorted.map(({ report }) => report),
    unaffectedPaths: unaffected ?? [],
    removedPaths: removed,
  }
}

/** What holds words of the configs, besides the assumptions. Paths stay: they are the repository's own. */
function configTexts({ name, plan, findings, fixes, causes, dependencies, cost }: RunReport) {
  return { name, plan, findings, fixes, causes, dependencies, cost }
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function buildRun(run: EstimatedRun, labels: readonly string[], hasBase: boolean): Omit<RunReport, 'assumptions'> {
  const { config, head, base, policy } = run
  const path = config.document.path
  const start = judgeStart(
    [...config.result.findings, ...(run.draft?.findings ?? []), ...(head?.findings ?? [])],
    hasBase ? run.baseFindings : null,
    policy,
  )
  const own = start.findings
  const shared = {
    path,
    format: config.format,
    name: run.draft?.name ?? head?.resolved.plan.name ?? null,
    change: run.change,
    previousPath: run.previousPath,
    dependencies: [...config.dependencies, ...(head?.dependencies ?? [])],
    policyRule: policy.rule === null ? null : { paths: policy.rule.paths, line: policy.rule.line },
    ...run.advice,
    ...(run.hardware ? { hardware: run.hardware } : {}),
  }
  if (!head?.memory) {
    const removed = run.change === 'removed'
    const findings = removed
      ? [
          ...own,
          finding('unrecognised-config', {
            path,
            message: 'Readable at the base, no longer readable as a training config at the head.',
          }),
        ]
      : own
    return {
      ...shared,
      verdict: start.verdict === 'fail' ? 'fail' : 'unknown',
      preExisting: start.preExisting,
      plan: head?.resolved.plan ?? null,
      gpuName: head ? gpuNameOf(head) : null,
      ...NO_FIGURES,
      limits: [],
      findings,
      base: base ? baseReport(base, policy) : null,
    }
  }
  const provenance = head.resolved.provenance
  const currency = policy.currency ?? head.cost?.currency ?? null
  const judgement: Judgement = judgeRun({
    policy,
    head: estimatedFigures(head, policy),
    base: base && hasBase ? estimatedFigures(base, policy) : null,
    currency,
    overridden: policy.overrideLabel !== null && labels.includes(policy.overrideLabel),
    place: placeOf(provenance, path),
  })
  const findings = dedupe([
    ...own.filter(isRefusal),
    ...judgement.findings,
    ...own.filter(found => !isRefusal(found)),
    ...unknownFindings(head, path),
    ...rateFindings(head, policy, path),
    ...gpuCountFindings(head, policy, path),
    ...unshardedFinding(head.resolved.plan, judgement, path),
  ])
  const verdict = runVerdict(judgement, start)
  return {
    ...shared,
    verdict,
    preExisting: verdict !== 'fail' && (judgement.preExisting || start.preExisting),
    plan: head.resolved.plan,
    gpuName: gpuNameOf(head),
    memory: memoryReport(head),
    time: timeReport(head),
    cost: head.cost,
    ruleOfThumb: head.ruleOfThumb,
    parameters: head.run
      ? { total: head.run.counts.total, trainable: head.run.counts.trainable, active: head.run.counts.active }
      : null,
    limits: judgement.limits,
    findings,
    base: base ? baseReport(base, policy) : null,
  }
}

/** Known from the plan too: a run whose model is unknown still has its GPU. */
function gpuNameOf({ run, resolved }: RunEstimate): string | null {
  const { gpu } = resolved.plan.hardware
  return run?.gpu?.name ?? (gpu === null ? null : (findGpu(gpu)?.name ?? null))
}

/** A refusal fails whatever the figures; an unread value leaves them in doubt. */
function runVerdict({ verdict }: Judgement, start: StartJudgement): Verdict {
  if (verdict === 'fail' || start.verdict === 'fail') return 'fail'
  if (verdict === 'unknown' || start.findings.some(isMisread)) return 'unknown'
  return verdict === 'warn' || start.verdict === 'warn' ? 'warn' : 'pass'
}

/** A key whose value could not be read was estimated at its default: no run passes on that. */
function isMisread({ severity }: Finding): boolean {
  return severity === 'error'
}

const NO_FIGURES = { memory: null, time: null, cost: null, ruleOfThumb: null, parameters: null } as const

function memoryReport({ memory }: RunEstimate): MemoryReport | null {
  if (!memory) return null
  const { findings: _findings, intervalClass: _class, moments, ...rest } = memory
  return { ...rest, moments: moments.map(({ name, bytes }) => ({ name, bytes })) }
}

function timeReport({ time }: RunEstimate): TimeReport | null {
  if (!time) return null
  const { findings: _findings, intervalClass: _class, ...rest } = time
  return rest
}

function baseReport(base: RunEstimate, policy: Policy): BaseReport {
  return {
    verdict: judgeRun({
      policy,
      head: estimatedFigures(base, policy),
      base: null,
      currency: policy.currency,
      overridden: false,
      place: { path: '', line: null, column: null },
    }).verdict,
    memoryBytes: base.memory?.requiredBytes ?? null,
    usableBytes: base.memory?.usableBytes ?? null,
    runSeconds: base.time?.runSeconds ?? null,
    cost: base.cost ? convertMoney(base.cost.total, base.cost.currency, policy) : null,
    components: base.memory?.components.map(({ name, bytes }) => ({ name, bytes })) ?? [],
    readable: base.memory !== null,
  }
}

/** The line that matters most for memory: the micro-batch, else the length, else the file. */
function placeOf(
  provenance: PlanProvenance,
  path: string,
): { path: string; line: number | null; column: number | null } {
  for (const key of ['microBatchSize', 'sequenceLength', 'model'] as const) {
    const found = provenance[key]
    if (found?.line !== undefined && found.path === path)
      return { path, line: found.line, column: found.column ?? null }
  }
  return { path, line: null, column: null }
}

/** The last row of each provenance: defaults, which thousands of runs share, are told by one object. */
const assumptions = new WeakMap<Provenance, AssumptionReport>()

function assumptionsOf({ resolved }: RunEstimate): readonly AssumptionReport[] {
  return Object.entries(resolved.provenance).flatMap(([key, provenance]) => {
    if (!provenance) return []
    const value = planValue(resolved.plan, key)
    const known = assumptions.get(provenance)
    if (known?.planKey === key && known.value === value) return [known]
    const assumption: AssumptionReport = withoutSecrets({
      key: provenance.key ?? key,
      planKey: key,
      value,
      from: provenance.from,
      path: provenance.path ?? null,
      line: provenance.line ?? null,
      note: provenance.note ?? '',
    })
    assumptions.set(provenance, assumption)
    return [assumption]
  })
}

function dedupe(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>()
  return findings.filter(({ code, path, line, message }) => {
    const key = JSON.stringify([code, path, line, message])
    return !seen.has(key) && Boolean(seen.add(key))
  })
}

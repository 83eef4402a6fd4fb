import { advise, SearchBudget } from './advise-run.ts'
import { buildReport, type EstimatedRun, type ReportDetail, type ReportedRun, reportRun } from './build-report.ts'
import { compareHardware } from './compare-hardware.ts'
import type { DatasetSource } from './datasets/dataset-size.ts'
import { type EstimateOptions, estimateRun, type RunEstimate } from './estimate-run.ts'
import type { FileSource } from './files/file-source.ts'
import { isConfigPath } from './formats/parse-document.ts'
import type { ReadConfig, ReadSession } from './formats/read-session.ts'
import type { RunDraft } from './formats/reader.ts'
import { unreadFile } from './formats/unread-file.ts'
import type { PriceSource } from './hardware/live-prices/price-source.ts'
import type { ModelSource } from './models/model-source.ts'
import type { Finding } from './plan/finding.ts'
import type { PlanDraft } from './plan/plan-draft.ts'
import { globMatcher, type PolicySet } from './policy/policy-set.ts'
import { isAffected, type ReadTree, readTree } from './read-tree.ts'
import type { Report } from './report/report.ts'
import { selectConfigs } from './select-configs.ts'

export interface PathChange {
  readonly path: string
  /** Where it was at the base, when renamed. */
  readonly previousPath: string | null
  readonly status: 'added' | 'modified' | 'removed' | 'renamed'
}

export interface PipelineOptions {
  readonly head: FileSource
  /** null: nothing to compare with. */
  readonly base: FileSource | null
  /** null: every config is looked at. */
  readonly changes: readonly PathChange[] | null
  /** Globs of `paths`; empty: every file that a reader recognises. */
  readonly paths: readonly string[]
  /** Exactly these files instead of `paths`, as the CLI's arguments name them. */
  readonly named?: readonly string[]
  readonly policy: PolicySet
  readonly policyPath: string
  /** CLI flags, above everything. */
  readonly overrides?: PlanDraft
  readonly models: ModelSource
  /** Sizes of published data sets; absent: none is asked for. */
  readonly datasets?: DatasetSource
  readonly labels?: readonly string[]
  /** Fixes and alternatives for runs that do not pass; off for speed in bulk. */
  readonly advice?: boolean
  /** What the report holds of each run; absent: all of it. */
  readonly detail?: ReportDetail
  /** Prices of today, where the policy asks for them. */
  readonly prices?: PriceSource
  /** Compare all rented hardware for each run. */
  readonly hardware?: boolean
  /** ISO date: catalogue prices are old or not on that day. Absent: age is not judged. */
  readonly today?: string
  /** Findings from the door: policy preview, API trouble. */
  readonly findings?: readonly Finding[]
}

/** Files in, report out. */
export async function runPipeline(options: PipelineOptions): Promise<Report> {
  const touched = options.changes?.map(({ path }) => path) ?? []
  const selected = options.named
    ? { paths: options.named, findings: [] }
    : await selectConfigs(options.head, options.paths, touched)
  const head = await readTree(options.head, selected.paths)
  const isNamed = globMatcher(options.paths)
  const findings = [...(options.findings ?? []), ...options.policy.findings, ...selected.findings]
  for (const document of options.named || options.paths.length > 0 ? head.unrecognised : [])
    if (options.changes === null || touched.includes(document.path)) findings.push(unreadFile(document))
  const affected =
    options.changes === null
      ? head.configs
      : head.configs.filter(config =>
          isAffected(config, options.changes ?? [], { libraryPathsOf: head.libraryPathsOf, policy: options.policy }),
        )
  findings.push(...new Set(affected.flatMap(({ document }) => head.libraryProblemsOf(document.path))))
  const base = options.base ? await readBase(options.base, affected, options) : null

  const judging = { labels: options.labels ?? [], hasBase: options.base !== null, detail: options.detail ?? 'items' }
  const runs: ReportedRun[] = []
  const budget = new SearchBudget()
  const add = (run: EstimatedRun): void => void runs.push(reportRun(run, judging))
  for (const config of affected) {
    const policy = options.policy.forPath(config.document.path)
    if (policy.ignore) continue
    if (config.result.runs.length === 0) {
      add({
        config,
        draft: null,
        policy,
        head: null,
        base: null,
        baseFindings: null,
        previousPath: null,
        change: changeOf(config, options, false),
        advice: NO_ADVICE,
      })
      continue
    }
    for (const draft of config.result.runs) {
      const path = config.document.path
      const estimate = await estimateRun({
        ...estimateOptions(options, path),
        draft: draft.draft,
        policy,
        files: options.head,
      })
      const before = base ? await estimateBase(options, base, config, draft) : null
      const previousPath = previousPathOf(options, path)
      const shared = {
        config,
        draft,
        policy,
        head: estimate,
        base: before?.estimate ?? null,
        baseFindings: before?.findings ?? null,
        previousPath,
        change: changeOf(config, options, before !== null),
      }
      add({
        ...shared,
        advice:
          options.advice === false
            ? NO_ADVICE
            : await advise({
                config,
                run: draft,
                estimate,
                base: before,
                policy,
                budget,
                reading: {
                  ...head,
                  files: options.head,
                  estimate: { ...estimateOptions(options, path), policy },
                },
              }),
        ...(options.hardware ? { hardware: compareHardware(estimate, policy) } : {}),
      })
    }
  }
  for (const gone of base?.vanished.filter(({ document }) => isNamed(document.path)) ?? [])
    add({
      config: gone,
      draft: null,
      policy: options.policy.forPath(gone.document.path),
      head: null,
      base: null,
      baseFindings: null,
      previousPath: null,
      change: 'removed',
      advice: NO_ADVICE,
    })
  const kept = new Set(affected)
  const unaffected =
    options.changes === null
      ? null
      : head.configs.filter(config => !kept.has(config)).map(({ document }) => document.path)
  return buildReport({ runs, findings, unaffected, removed: base?.removed ?? [] })
}

const NO_ADVICE = { fixes: [], alternatives: [], causes: [] } as const

interface BaseTree {
  readonly tree: ReadTree
  readonly files: FileSource
  /** Readable at the base, unreadable or unrecognised at the head though the file is still there. */
  readonly vanished: readonly ReadConfig[]
  /** Training configs that are not there any more. */
  readonly removed: readonly string[]
}

async function readBase(
  files: FileSource,
  affected: readonly ReadConfig[],
  options: PipelineOptions,
): Promise<BaseTree> {
  const known = new Set(affected.map(({ document }) => document.path))
  const modified = (options.changes ?? [])
    .filter(({ status }) => status !== 'added')
    .map(({ path, previousPath }) => previousPath ?? path)
    .filter(path => isConfigPath(path) || options.paths.length > 0)
  const wanted = [...new Set([...[...known].map(path => previousPathOf(options, path) ?? path), ...modified])]
  const tree = await readTree(files, wanted)
  const stillThere = new Set(
    (options.changes ?? []).filter(({ status }) => status === 'modified').map(({ path }) => path),
  )
  const vanished = tree.configs.filter(
    ({ document, format }) => format !== 'unreadable' && stillThere.has(document.path) && !known.has(document.path),
  )
  const gone = new Set((options.changes ?? []).filter(({ status }) => status === 'removed').map(({ path }) => path))
  const removed = tree.configs
    .filter(({ document, result }) => gone.has(document.path) && result.runs.length > 0)
    .map(({ document }) => document.path)
  return { tree, files, vanished, removed }
}

interface BaseRun {
  readonly estimate: RunEstimate
  readonly session: ReadSession
  /** About the file, its reading and its estimate. */
  readonly findings: readonly Finding[]
}

async function estimateBase(
  options: PipelineOptions,
  base: BaseTree,
  config: ReadConfig,
  draft: RunDraft,
): Promise<BaseRun | null> {
  const path = previousPathOf(options, config.document.path) ?? config.document.path
  const previous = base.tree.configs.find(({ document }) => document.path === path)
  const run =
    previous?.result.runs.find(({ name }) => name === draft.name) ??
    (previous?.result.runs.length === 1 ? previous.result.runs[0] : undefined)
  if (!previous || !run) return null
  const estimate = await estimateRun({
    ...estimateOptions(options, path),
    draft: run.draft,
    policy: options.policy.forPath(path),
    files: base.files,
  })
  const findings = [...previous.result.findings, ...run.findings, ...estimate.findings]
  return { estimate, session: base.tree.session, findings }
}

function estimateOptions(
  options: PipelineOptions,
  path: string,
): Pick<EstimateOptions, 'policyPath' | 'overrides' | 'models' | 'datasets' | 'prices' | 'path' | 'today'> {
  const { policyPath, overrides = {}, models, datasets, prices, today } = options
  return { policyPath, overrides, models, datasets, prices, path, today }
}

function previousPathOf(options: PipelineOptions, path: string): string | null {
  return options.changes?.find(change => change.path === path)?.previousPath ?? null
}

function changeOf(config: ReadConfig, options: PipelineOptions, wasThere: boolean): EstimatedRun['change'] {
  if (!options.base) return 'not-compared'
  const own = options.changes?.find(({ path }) => path === config.document.path)
  if (own?.status === 'added') return 'new'
  return wasThere || own ? 'changed' : 'new'
}

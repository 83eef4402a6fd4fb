import type { Evaluate } from './advice/evaluation.ts'
import { type CauseSide, findCauses } from './advice/find-causes.ts'
import { findFixes } from './advice/find-fixes.ts'
import type { LineRange } from './advice/shell-flags.ts'
import { type Standing, standingOf } from './advice/standing.ts'
import { findAlternatives } from './compare-hardware.ts'
import { createEvaluator } from './create-evaluator.ts'
import type { EstimateOptions, RunEstimate } from './estimate-run.ts'
import type { FileSource } from './files/file-source.ts'
import type { ConfigDocument } from './formats/config-document.ts'
import type { LibrariesOf, ReadConfig, ReadSession } from './formats/read-session.ts'
import type { RunDraft } from './formats/reader.ts'
import { decisiveGpus } from './gpu-count.ts'
import { estimatedFigures, judgedFigures } from './judged-figures.ts'
import type { MemoryEstimate } from './memory/memory-estimate.ts'
import type { Policy } from './policy/policy.ts'
import type { AlternativeReport, CauseReport, FixReport } from './report/report.ts'
import { writtenFixes } from './written-fixes.ts'

export interface Advice {
  readonly fixes: readonly FixReport[]
  readonly alternatives: readonly AlternativeReport[]
  readonly causes: readonly CauseReport[]
}

interface AdviseOptions {
  readonly config: ReadConfig
  readonly run: RunDraft
  /** Where the run was read and how it was estimated: fixes are written there and read again. */
  readonly reading: {
    readonly session: ReadSession
    readonly files: FileSource
    readonly librariesOf: LibrariesOf
    readonly estimate: Omit<EstimateOptions, 'draft' | 'files'>
  }
  readonly estimate: RunEstimate
  /** null: nothing to compare with. */
  readonly base: { readonly estimate: RunEstimate; readonly session: ReadSession } | null
  readonly policy: Policy
  readonly budget: SearchBudget
}

/** Hardware is searched for so many runs of a report: a sweep of hundreds that all fail needs it once. */
export class SearchBudget {
  #left = 12

  take(): boolean {
    this.#left -= 1
    return this.#left >= 0
  }
}

/** Fixes and other hardware for a run that breaks a limit or may not fit, causes for one that changed. */
export async function advise(options: AdviseOptions): Promise<Advice> {
  const { estimate, base, policy, budget } = options
  const { run, memory } = estimate
  if (!run || !memory) return { fixes: [], alternatives: [], causes: [] }
  const evaluate = createEvaluator(run.architecture, policy, estimate.priceRows)
  const limits = { policy, base: base ? estimatedFigures(base.estimate, policy) : null }
  const before = standingOf(estimatedFigures(estimate, policy), limits)
  const isUncertain = isTooClose(memory, policy)
  // on an unknown number of GPUs a change may not be needed
  const needsAdvice = (before.broken.length > 0 || isUncertain) && decisiveGpus(estimate, policy) === null
  return {
    fixes: needsAdvice ? await fixesOf(options, { evaluate, limits, before }) : [],
    alternatives: needsAdvice && budget.take() ? findAlternatives({ estimate, policy, evaluate, limits, before }) : [],
    causes: base ? await causesOf(options, base, evaluate) : [],
  }
}

async function causesOf(
  { config, estimate, reading, policy }: AdviseOptions,
  base: NonNullable<AdviseOptions['base']>,
  evaluate: Evaluate,
): Promise<readonly CauseReport[]> {
  const before = base.estimate
  if (!before.run) return []
  return findCauses({
    path: config.document.path,
    base: await causeSide(before, base.session, createEvaluator(before.run.architecture, policy)),
    head: await causeSide(estimate, reading.session, evaluate),
    memoryShare: policy.budget.memory.fail ?? 1,
  })
}

async function causeSide(estimate: RunEstimate, session: ReadSession, evaluate: Evaluate): Promise<CauseSide> {
  const documents = new Map<string, ConfigDocument>()
  for (const { path } of Object.values(estimate.resolved.provenance).flatMap(own => own ?? [])) {
    const document = path === undefined || documents.has(path) ? null : await session.document(path)
    if (document) documents.set(document.path, document)
  }
  return {
    ...estimate.resolved,
    documents,
    evaluate,
    modelShapes: JSON.stringify(estimate.run?.architecture ?? null),
    modelPath: estimate.dependencies[0] ?? null,
  }
}

/** The interval crosses the limit. */
function isTooClose({ requiredHighBytes, usableBytes }: MemoryEstimate, { budget }: Policy): boolean {
  return usableBytes !== null && budget.memory.fail !== null && requiredHighBytes > usableBytes * budget.memory.fail
}

interface FixSearch {
  readonly evaluate: Evaluate
  readonly limits: Parameters<typeof standingOf>[1]
  readonly before: Standing
}

async function fixesOf(options: AdviseOptions, { evaluate, limits, before }: FixSearch): Promise<readonly FixReport[]> {
  const { config, run, reading, estimate, policy } = options
  const { plan } = estimate.resolved
  const { document, format } = await keyFile(options)
  const command = commandLines(estimate, document.path)
  const fixes = findFixes({
    format,
    document,
    command,
    plan,
    evaluate,
    facts: {
      parameters: estimate.run?.counts.total ?? 0,
      gpu: estimate.run?.gpu ?? null,
      usableBytes: estimate.memory?.usableBytes ?? null,
    },
    standing: (other, result) => standingOf(judgedFigures({ ...result, gpus: other.gpus }, policy), limits),
  })
  return writtenFixes({
    ...reading,
    fixes,
    document,
    command,
    path: config.document.path,
    runName: run.name,
    plan,
    before,
    standing: again => standingOf(estimatedFigures(again, policy), limits),
    known: [...config.result.findings, ...run.findings, ...estimate.findings],
  })
}

/** From the first to the last line that says something about the run. */
function commandLines({ resolved }: RunEstimate, path: string): LineRange | null {
  const lines = Object.values(resolved.provenance).flatMap(own => (own?.path === path && own.line ? [own.line] : []))
  return lines.length === 0 ? null : { first: Math.min(...lines), last: Math.max(...lines) }
}

/** The file that has the run’s keys: a launcher names the config that its trainer reads. */
async function keyFile({
  config,
  estimate,
  reading,
}: AdviseOptions): Promise<{ readonly document: ConfigDocument; readonly format: string }> {
  const { provenance } = estimate.resolved
  const path = [provenance.microBatchSize, provenance.sequenceLength, provenance.model].find(own => own?.path)?.path
  const own = { document: config.document, format: config.format }
  if (path === undefined || path === config.document.path) return own
  const document = await reading.session.document(path)
  const reader = document ? reading.session.readerOf(document) : null
  return document && reader ? { document, format: reader.format } : own
}

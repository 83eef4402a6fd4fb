import type { Evaluate } from './advice/evaluation.ts'
import { findAlternatives } from './advice/find-alternatives.ts'
import { findCauses } from './advice/find-causes.ts'
import { findFixes } from './advice/find-fixes.ts'
import { searchHardware } from './advice/search-hardware.ts'
import { comparablePrice } from './cost/comparable-price.ts'
import { estimateCost } from './cost/estimate-cost.ts'
import { createEvaluator, type EstimateOptions, type RunEstimate } from './estimate-run.ts'
import type { FileSource } from './files/file-source.ts'
import type { ConfigDocument } from './formats/config-document.ts'
import type { LibrariesOf, ReadConfig, ReadSession } from './formats/read-session.ts'
import type { RunDraft } from './formats/reader.ts'
import { GPUS } from './hardware/gpu-catalogue.ts'
import { RENTED_GPUS } from './hardware/price-catalogue.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { Policy } from './policy/policy.ts'
import type { AlternativeReport, CauseReport, FixReport, HardwareReport } from './report/report.ts'
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
  readonly base: { readonly estimate: RunEstimate; readonly document: ConfigDocument } | null
  readonly policy: Policy
}

/** Fixes for a run that does not fit, other hardware for one that breaks any limit, causes for one that changed. */
export async function advise(options: AdviseOptions): Promise<Advice> {
  const { config, estimate, base, policy } = options
  const { run, memory, resolved } = estimate
  if (!run || !memory) return { fixes: [], alternatives: [], causes: [] }
  const evaluate = createEvaluator(run.architecture, policy, estimate.priceRows)
  const memoryShare = policy.budget.memory.fail ?? 1
  const limit = memory.usableBytes === null ? null : memory.usableBytes * memoryShare
  const isOver = limit !== null && memory.requiredHighBytes > limit
  const breaksAmounts = brokenAmounts(resolved.plan, evaluate, policy).includes('broken')
  const shared = { plan: resolved.plan, evaluate, limitBytes: limit }
  const { warn } = policy.budget.memory
  const warnBytes = memory.usableBytes === null || warn === null ? null : memory.usableBytes * warn
  return {
    fixes: isOver ? await fixesOf(options, { ...shared, warnBytes }) : [],
    alternatives:
      isOver || breaksAmounts
        ? findAlternatives({
            ...shared,
            memoryShare,
            // An amount that is not known is no answer to one that is over its limit.
            passesAmounts: plan => {
              const states = brokenAmounts(plan, evaluate, policy)
              return !states.includes('broken') && !(breaksAmounts && states.includes('unknown'))
            },
          })
        : [],
    causes: base?.estimate.run
      ? findCauses({
          base: {
            ...base.estimate.resolved,
            document: base.document,
            evaluate: createEvaluator(base.estimate.run.architecture, policy),
          },
          head: { ...resolved, document: config.document, evaluate },
          memoryShare,
        })
      : [],
  }
}

/** Makers whose cards the readers' frameworks run on. */
const MAKERS: ReadonlySet<string> = new Set(['nvidia', 'amd'])

/** Every rented kind and number of GPUs that runs the plan, by cost; empty: the model is not known. */
export function compareHardware({ run, resolved }: RunEstimate, policy: Policy): readonly HardwareReport[] {
  if (!run) return []
  const { plan } = resolved
  const { gpu, price } = plan.hardware
  const offered = new Set([...RENTED_GPUS, ...plan.billing.prices.map(({ gpu: id }) => id), gpu ?? ''])
  const currency = policy.currency ?? price?.currency ?? 'USD'
  return searchHardware({
    plan,
    evaluate: createEvaluator(run.architecture, policy),
    memoryShare: policy.budget.memory.fail ?? 1,
    gpus: GPUS.filter(({ id, vendor }) => offered.has(id) && MAKERS.has(vendor)).map(({ id }) => id),
    costOf: (other, time) => {
      const found = comparablePrice(other, { statedFor: gpu, currency, exchangeRates: policy.exchangeRates })
      return found && estimateCost({ plan: other, time, ...found })
    },
  })
}

interface FixSearch {
  readonly plan: TrainingPlan
  readonly evaluate: Evaluate
  readonly limitBytes: number | null
  readonly warnBytes: number | null
}

async function fixesOf(options: AdviseOptions, search: FixSearch): Promise<readonly FixReport[]> {
  const { config, run, reading, estimate, policy } = options
  const breaksAmounts = brokenAmounts(estimate.resolved.plan, search.evaluate, policy).includes('broken')
  const { document, format } = await keyFile(options)
  const fixes = findFixes({ ...search, format, document })
  return writtenFixes({
    ...reading,
    fixes,
    document,
    path: config.document.path,
    runName: run.name,
    limitBytes: search.limitBytes ?? 0,
    warnBytes: search.warnBytes,
    passesAmounts: plan => breaksAmounts || !brokenAmounts(plan, search.evaluate, policy).includes('broken'),
    known: [...config.result.findings, ...run.findings, ...estimate.findings],
  })
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

/** How each amount stands that the policy limits. */
function brokenAmounts(
  plan: TrainingPlan,
  evaluate: Evaluate,
  { budget }: Policy,
): readonly ('broken' | 'unknown' | 'within')[] {
  const { cost, hours: hoursLimit, gpuHours } = budget
  if ([cost, hoursLimit, gpuHours].every(({ fail }) => fail === null)) return []
  const result = evaluate(plan)
  const seconds = result?.time?.totalSeconds ?? null
  const hours = seconds === null ? null : seconds / 3600
  const amounts = [
    [result?.cost?.total ?? null, cost.fail],
    [hours, hoursLimit.fail],
    [hours === null ? null : hours * plan.gpus, gpuHours.fail],
  ] as const
  return amounts.flatMap(([amount, limit]) =>
    limit === null ? [] : [amount === null ? 'unknown' : amount > limit ? 'broken' : 'within'],
  )
}

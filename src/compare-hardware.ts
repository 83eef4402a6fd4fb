import type { Evaluate } from './advice/evaluation.ts'
import { searchHardware } from './advice/search-hardware.ts'
import { remainingLimits, type Standing, standingOf } from './advice/standing.ts'
import { comparablePrice } from './cost/comparable-price.ts'
import { type CostEstimate, estimateCost } from './cost/estimate-cost.ts'
import { findRunPrice } from './cost/run-price.ts'
import { createEvaluator } from './create-evaluator.ts'
import type { RunEstimate } from './estimate-run.ts'
import { findGpu, GPUS } from './hardware/gpu-catalogue.ts'
import { RENTED_GPUS } from './hardware/price-catalogue.ts'
import { judgedFigures } from './judged-figures.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { Policy } from './policy/policy.ts'
import type { AlternativeReport, HardwareReport } from './report/report.ts'
import type { TimeEstimate } from './time/time-estimate.ts'

/** Makers whose cards the readers' frameworks run on. */
const MAKERS: ReadonlySet<string> = new Set(['nvidia', 'amd'])

/** Every rented kind and number of GPUs that runs the plan, by cost; empty: the model is not known. */
export function compareHardware({ run, resolved }: RunEstimate, policy: Policy): readonly HardwareReport[] {
  if (!run) return []
  const { plan } = resolved
  const offered = new Set([...RENTED_GPUS, ...ownGpus(plan)])
  return searchHardware({
    plan,
    evaluate: createEvaluator(run.architecture, policy),
    memoryShare: policy.budget.memory.fail ?? 1,
    gpus: GPUS.filter(({ id, vendor }) => offered.has(id) && MAKERS.has(vendor)).map(({ id }) => id),
    costOf: costWith(plan, policy),
  })
}

function ownGpus({ billing, hardware: { gpu } }: TrainingPlan): readonly string[] {
  return [...billing.prices.map(({ gpu: id }) => id), ...Object.keys(billing.reserved), ...(gpu === null ? [] : [gpu])]
}

/** In one currency: what the run would be billed, else the cheapest offer of the catalogue. */
function costWith(
  plan: TrainingPlan,
  policy: Policy,
): (other: TrainingPlan, time: TimeEstimate) => CostEstimate | null {
  const { gpu, price } = plan.hardware
  const currency = policy.currency ?? price?.currency ?? 'USD'
  const known = new Map<string, ReturnType<typeof comparablePrice>>()
  return (other, time) => {
    const key = `${other.gpus} ${other.hardware.gpu}`
    if (!known.has(key))
      known.set(key, comparablePrice(other, { statedFor: gpu, currency, exchangeRates: policy.exchangeRates }))
    const found = known.get(key)
    return found ? estimateCost({ plan: other, time, ...found }) : null
  }
}

/** Cards that clouds rent for training, one per class, smallest first. */
const COMMON = [
  'rtx-4090',
  'l40s',
  'a100-sxm-40gb',
  'a100-sxm-80gb',
  'h100-sxm-80gb',
  'h200-sxm-141gb',
  'b200-sxm-180gb',
]
/** Counts above the plan's own. */
const MORE_GPUS = 2
const MAX_SHOWN = 5

interface AlternativeOptions {
  readonly estimate: RunEstimate
  readonly policy: Policy
  readonly evaluate: Evaluate
  readonly limits: Parameters<typeof standingOf>[1]
  /** Of the run as it is. */
  readonly before: Standing
}

/**
 * Other hardware on which the run passes every limit of its policy, with the same global batch: the cheapest of each kind,
 * and the fastest. A provider that the policy or the config names is the only one asked.
 */
export function findAlternatives(options: AlternativeOptions): readonly AlternativeReport[] {
  const { estimate, policy, evaluate, limits, before } = options
  const { plan } = estimate.resolved
  const own = plan.hardware.gpu
  const vendor = own === null ? 'nvidia' : findGpu(own)?.vendor
  const kinds = new Set([...COMMON, ...ownGpus(plan)])
  const provider = plan.hardware.price?.provider ?? null
  const found = searchHardware({
    plan,
    evaluate,
    memoryShare: policy.budget.memory.fail ?? 1,
    gpus: GPUS.filter(gpu => gpu.vendor === vendor && kinds.has(gpu.id)).map(({ id }) => id),
    moreGpus: MORE_GPUS,
    costOf: costWith(plan, policy),
    accepts: (other, result, cost) => {
      if (other.gpus === plan.gpus && other.hardware.gpu === own) return false
      if (provider !== null && findRunPrice(withoutLentPrice(other, own)).price === null) return false
      const after = standingOf(judgedFigures({ ...result, cost, gpus: other.gpus }, policy), limits)
      return !after.isTight && remainingLimits(before, after)?.length === 0
    },
  })
  return shownOf(found).map(toAlternative)
}

function withoutLentPrice(plan: TrainingPlan, statedFor: string | null): TrainingPlan {
  const { gpu, price } = plan.hardware
  return gpu === statedFor || price === null
    ? plan
    : { ...plan, hardware: { gpu, price: { ...price, perGpuHour: null } } }
}

/** By cost. */
function shownOf(found: readonly HardwareReport[]): readonly HardwareReport[] {
  const kinds = new Set<string>()
  const cheapest = found.filter(({ gpu }) => !kinds.has(gpu) && Boolean(kinds.add(gpu)))
  const shown = new Set([...cheapest.slice(0, MAX_SHOWN), ...found.filter(({ note }) => note.includes('fastest'))])
  return found.filter(option => shown.has(option))
}

function toAlternative(option: HardwareReport): AlternativeReport {
  const { gpu, gpuName, gpus, memoryBytes, usableBytes, strategy, provider, comparedSteps, note } = option
  const isWhole = comparedSteps === null
  return {
    gpu,
    gpuName,
    gpus,
    memoryBytes,
    usableBytes,
    runSeconds: isWhole ? option.runSeconds : null,
    cost: isWhole ? option.cost : null,
    currency: option.currency,
    fits: true,
    strategy,
    provider,
    note,
  }
}

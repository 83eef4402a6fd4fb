import type { Evaluate, Evaluation } from './advice/evaluation.ts'
import { exchangeOf } from './cost/convert-money.ts'
import { type CostEstimate, estimateCost, pricePerUsedGpu } from './cost/estimate-cost.ts'
import { estimateRuleOfThumb, type RuleOfThumb } from './cost/rule-of-thumb.ts'
import { findRunPrice, type RunPrice } from './cost/run-price.ts'
import { findGpu } from './hardware/gpu-catalogue.ts'
import type { PriceRow } from './hardware/price-catalogue.ts'
import { estimateMemory, type Timelines } from './memory/estimate-memory.ts'
import type { Architecture } from './models/architecture.ts'
import { countModel } from './models/count-parameters.ts'
import type { ModelCounts } from './models/model-counts.ts'
import { onCard } from './plan/on-card.ts'
import type { Run } from './plan/run.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { Policy } from './policy/policy.ts'
import { estimateTime } from './time/estimate-time.ts'
import type { TimeEstimate } from './time/time-estimate.ts'

/** Re-estimates the same model under another plan, each once: what fixes, alternatives and causes are verified with. */
export function createEvaluator(architecture: Architecture, policy: Policy, priceRows?: readonly PriceRow[]): Evaluate {
  const layouts = new WeakMap<TrainingPlan, Layout>()
  const evaluated = (plan: TrainingPlan, { counts, timelines }: Layout): Evaluation => {
    const gpu = plan.hardware.gpu ? findGpu(plan.hardware.gpu) : null
    const run: Run = { plan, architecture, counts, gpu }
    // most plans that are tried do not fit, and nobody asks how long those would take
    const time = once(() => estimateTime(run))
    const price = once(() => findRunPrice(plan, { rows: priceRows }).price)
    const cost = once(() => costOf(plan, time(), price(), policy))
    const ruleOfThumb = once(() => ruleOfThumbOf(run, price()))
    return {
      memory: estimateMemory(run, timelines),
      get time() {
        return time()
      },
      get cost() {
        return cost()
      },
      get ruleOfThumb() {
        return ruleOfThumb()
      },
    }
  }
  return (plan, gpu) => {
    const layout = layouts.get(plan) ?? {
      counts: countModel(architecture, plan).counts,
      timelines: new Map(),
      evaluations: new Map(),
    }
    layouts.set(plan, layout)
    const card = gpu ?? plan.hardware.gpu
    const result = layout.evaluations.get(card) ?? evaluated(card === null ? plan : onCard(plan, card), layout)
    layout.evaluations.set(card, result)
    return result
  }
}

/** What is known of a plan, on whatever card. */
interface Layout {
  readonly counts: ModelCounts
  readonly timelines: Timelines
  /** By id of the GPU. */
  readonly evaluations: Map<string | null, Evaluation>
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | null = null
  return () => {
    known ??= { value: compute() }
    return known.value
  }
}

/** null: how long the run takes or what its GPUs cost is not known. */
export function costOf(
  plan: TrainingPlan,
  time: TimeEstimate | null,
  price: RunPrice | null,
  policy: Policy,
): CostEstimate | null {
  return time && price ? estimateCost({ plan, time, price, exchange: exchangeOf(price.currency, policy) }) : null
}

/** The article’s estimate of a run at its price. */
export function ruleOfThumbOf({ plan, architecture, counts }: Run, price: RunPrice | null): RuleOfThumb {
  return estimateRuleOfThumb({
    parameters: counts.total,
    hiddenSize: architecture.hiddenSize,
    layers: architecture.layers.reduce((sum, { count }) => sum + count, 0),
    plan,
    price: price && { perGpuHour: pricePerUsedGpu(plan, price), currency: price.currency },
  })
}

import type { CostEstimate } from '../cost/estimate-cost.ts'
import type { Gpu } from '../hardware/gpu.ts'
import { GPUS } from '../hardware/gpu-catalogue.ts'
import { onCard } from '../plan/on-card.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { HardwareReport } from '../report/report.ts'
import type { TimeEstimate } from '../time/time-estimate.ts'
import type { Evaluate, Evaluation } from './evaluation.ts'
import { hardwareStrategies, type Strategy } from './hardware-strategies.ts'

interface SearchOptions {
  readonly plan: TrainingPlan
  readonly evaluate: Evaluate
  /** Share of the usable memory that may be used. */
  readonly memoryShare: number
  /** Ids of the GPUs to try. */
  readonly gpus: readonly string[]
  /** What a run costs on its GPUs, whole instances; null: no price in the currency of the comparison. */
  readonly costOf: (plan: TrainingPlan, time: TimeEstimate) => CostEstimate | null
  /** Counts up to this multiple of the plan's own are tried; absent: four. */
  readonly moreGpus?: number
  /** Says no to what passes in memory only; absent: everything is accepted. */
  readonly accepts?: (plan: TrainingPlan, result: Evaluation, cost: CostEstimate | null) => boolean
}

const COUNTS = [1, 2, 4, 8, 16, 32, 64] as const
/** Counts tried above the plan's own. */
const MORE_GPUS = 4
/** A strategy further from the config has to save this much. */
const WORTHWHILE = 0.98
/** A run whose length is not known is compared over this many steps. */
const COMPARED_STEPS = 1000

/**
 * GPU × count × strategy on which the run fits with the high end of its interval, cheapest first: the global batch and the
 * model's layout stay, only data parallelism, micro-batch and checkpointing follow the card. One row per GPU and count,
 * its fastest strategy. What has no price comes last, fastest first.
 */
export function searchHardware(options: SearchOptions): readonly HardwareReport[] {
  const { plan } = options
  const counts = [...new Set([...COUNTS, plan.gpus])].filter(
    count => count <= Math.max(8, (options.moreGpus ?? MORE_GPUS) * plan.gpus),
  )
  const cards = GPUS.filter(gpu => options.gpus.includes(gpu.id) && computes(gpu, plan))
  const sized = evaluatedSteps(plan, cards[0], options.evaluate)
  const found = counts.flatMap(count => {
    const groups = hardwareStrategies(sized.plan, count)
    return cards.flatMap(gpu => fastest(options, gpu, groups) ?? [])
  })
  const sorted = found.toSorted((a, b) => (a.cost ?? Infinity) - (b.cost ?? Infinity) || a.runSeconds - b.runSeconds)
  const quickest = sorted.toSorted((a, b) => a.runSeconds - b.runSeconds)[0]
  return sorted.map((option, index) => ({
    ...option,
    comparedSteps: sized.compared,
    note: [index === 0 && option.cost !== null ? 'cheapest' : '', option === quickest ? 'fastest' : '']
      .filter(Boolean)
      .join(', '),
  }))
}

/** A run without a known length is given one; any card tells, for the run's own may not be known. */
function evaluatedSteps(
  plan: TrainingPlan,
  card: Gpu | undefined,
  evaluate: Evaluate,
): { readonly plan: TrainingPlan; readonly compared: number | null } {
  if (evaluate(plan, card?.id)?.time?.runSeconds != null) return { plan, compared: null }
  return { plan: { ...plan, dataset: { ...plan.dataset, maxSteps: COMPARED_STEPS } }, compared: COMPARED_STEPS }
}

function fastest(options: SearchOptions, gpu: Gpu, groups: readonly (readonly Strategy[])[]): HardwareReport | null {
  // the smallest step of the last group needs least: without it nothing fits
  const least = groups.at(-1)?.at(-1)
  if (least === undefined || fitting(options, gpu, least) === null) return null
  let best: HardwareReport | null = null
  for (const group of groups) {
    const found = largestFitting(options, gpu, group)
    const option = found && optionOf(options, gpu, found.strategy, found.result)
    if (option && (best === null || option.runSeconds < WORTHWHILE * best.runSeconds)) best = option
  }
  return best
}

interface FittingStrategy {
  readonly strategy: Strategy
  readonly result: Evaluation
}

/** The first of a group that fits, by halving: less memory is needed from one to the next. */
function largestFitting(options: SearchOptions, gpu: Gpu, group: readonly Strategy[]): FittingStrategy | null {
  const at = (index: number): FittingStrategy | null => {
    const strategy = group[index]
    const result = strategy ? fitting(options, gpu, strategy) : null
    return strategy && result ? { strategy, result } : null
  }
  let found = at(group.length - 1)
  let [tooLarge, fits] = [-1, group.length - 1]
  while (found !== null && fits - tooLarge > 1) {
    const middle = Math.floor((tooLarge + fits) / 2)
    const smaller = at(middle)
    if (smaller) [found, fits] = [smaller, middle]
    else tooLarge = middle
  }
  return found
}

/** The card multiplies in the plan's precision. */
function computes({ peak, bf16Supported }: Gpu, { precision }: TrainingPlan): boolean {
  if (precision.compute === 'float8' || precision.compute === 'mxfp8') return peak.fp8 !== null
  if (precision.compute === 'nvfp4') return peak.fp4 !== null
  return precision.compute !== 'bfloat16' || bf16Supported
}

function fitting({ evaluate, memoryShare }: SearchOptions, gpu: Gpu, { plan }: Strategy): Evaluation | null {
  const result = evaluate(plan, gpu.id)
  const usable = result?.memory.usableBytes ?? null
  return result !== null && usable !== null && result.memory.requiredHighBytes <= usable * memoryShare ? result : null
}

function optionOf(
  { costOf, accepts }: SearchOptions,
  gpu: Gpu,
  { plan: layout, changes }: Strategy,
  result: Evaluation,
): HardwareReport | null {
  const { memory, time } = result
  if (time === null || time.runSeconds === null || memory.usableBytes === null) return null
  const plan = onCard(layout, gpu.id)
  const cost = costOf(plan, time)
  if (accepts?.(plan, result, cost) === false) return null
  const steps = time.steps ?? 0
  const share = (stepSeconds: number) => 1 + (steps * (stepSeconds - time.stepSeconds)) / (time.runSeconds ?? 1)
  const [low, high] = [share(time.lowStepSeconds), share(time.highStepSeconds)]
  return {
    gpu: gpu.id,
    gpuName: gpu.name,
    gpus: plan.gpus,
    memoryBytes: memory.requiredBytes,
    usableBytes: memory.usableBytes,
    strategy: changes,
    runSeconds: time.runSeconds,
    lowRunSeconds: time.runSeconds * low,
    highRunSeconds: time.runSeconds * high,
    cost: cost?.total ?? null,
    lowCost: cost && cost.total * low,
    highCost: cost && cost.total * high,
    currency: cost?.currency ?? null,
    billing: cost?.billing ?? '',
    formula: cost?.formula ?? '',
    priceSource: cost?.priceSource ?? '',
    provider: cost?.provider ?? null,
    comparedSteps: null,
    note: '',
  }
}

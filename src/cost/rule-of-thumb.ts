import type { TrainingPlan } from '../plan/training-plan.ts'
import type { Bytes, Seconds } from '../plan/units.ts'

/** The article's estimate: one GPU's needs, one multiplication each. Parts that need a dataset size or a price are null without. */
export interface RuleOfThumb {
  readonly fixedBytes: Bytes
  readonly dynamicBytes: Bytes
  readonly peakBytes: Bytes
  readonly stepsPerEpoch: number | null
  readonly steps: number | null
  readonly seconds: Seconds | null
  /** Started hours × retries. */
  readonly billedHours: number | null
  readonly cost: number | null
  readonly currency: string | null
}

interface RuleInputs {
  readonly parameters: number
  readonly hiddenSize: number
  readonly layers: number
  readonly plan: TrainingPlan
  readonly price: { readonly perGpuHour: number; readonly currency: string } | null
}

/** Weights, gradients and two optimizer states at 2 bytes each. */
const FIXED_BYTES_PER_PARAMETER = 4 * 2
const ACTIVATION_BYTES = 2

/** Exactly the rule of DESIGN §3: no precision, no sharding, no adapter, no GPU. */
export function estimateRuleOfThumb({ parameters, hiddenSize, layers, plan, price }: RuleInputs): RuleOfThumb {
  const fixedBytes = FIXED_BYTES_PER_PARAMETER * parameters
  const dynamicBytes = plan.microBatchSize * plan.sequenceLength * hiddenSize * layers * ACTIVATION_BYTES
  const { steps, stepsPerEpoch } = countSteps(plan)
  const seconds = steps === null ? null : steps * plan.ruleOfThumb.stepSeconds
  const billedHours = seconds === null ? null : Math.ceil(seconds / 3600) * plan.retries
  return {
    fixedBytes,
    dynamicBytes,
    peakBytes: fixedBytes + dynamicBytes,
    stepsPerEpoch,
    steps,
    seconds,
    billedHours,
    cost: billedHours === null || price === null ? null : billedHours * plan.gpus * price.perGpuHour,
    currency: price?.currency ?? null,
  }
}

function countSteps(plan: TrainingPlan): { readonly steps: number | null; readonly stepsPerEpoch: number | null } {
  const { dataset, parallelism } = plan
  const replicas = Math.max(1, plan.gpus / (parallelism.tensor * parallelism.pipeline * parallelism.context))
  const batch = plan.microBatchSize * plan.gradientAccumulationSteps * replicas
  const stepsPerEpoch = dataset.samples === null ? null : Math.ceil(dataset.samples / batch)
  if (dataset.maxSteps !== null && dataset.maxSteps > 0) return { steps: dataset.maxSteps, stepsPerEpoch }
  if (dataset.tokens !== null)
    return { steps: Math.ceil(dataset.tokens / (batch * plan.sequenceLength)), stepsPerEpoch }
  return { steps: stepsPerEpoch === null ? null : Math.ceil(stepsPerEpoch * (dataset.epochs ?? 1)), stepsPerEpoch }
}

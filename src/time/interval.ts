import type { TrainingPlan } from '../plan/training-plan.ts'
import { INTERVALS, SEEN_GPUS, UNSEEN_FACTOR } from './efficiency.ts'
import { hasOpenFusion } from './expert-software.ts'
import type { StepContext } from './step-context.ts'

/** The range around an estimate that held 90 % of measured runs of its class; factors on the estimate. */
export interface Interval {
  readonly name: string
  readonly low: number
  readonly high: number
}

export function intervalOf(c: StepContext): Interval {
  const name = classOf(c)
  const { low, high } = INTERVALS[name] ?? { low: 0.7, high: 1.5 }
  if (!isUnseen(c.plan, c.gpu.id)) return { name, low, high }
  return {
    name: `${name}, unseen stack or GPU`,
    low: 1 / (1 + (1 / low - 1) * UNSEEN_FACTOR),
    high: 1 + (high - 1) * UNSEEN_FACTOR,
  }
}

function classOf(c: StepContext): string {
  const { plan, work } = c
  if (plan.parallelism.offload !== 'none') return 'CPU offload'
  if (hasOpenFusion(c)) return 'mixture of experts, fusion not said'
  if (work.experts > 0) return 'mixture of experts'
  if (plan.adapter !== null) return plan.gpus === 1 ? 'adapter, one GPU' : 'adapter, several GPUs'
  return plan.gpus <= plan.gpusPerNode ? 'dense, full, one node' : 'dense, full, several nodes'
}

function isUnseen({ fusedKernels, stage, reinforcement }: TrainingPlan, gpu: string): boolean {
  const otherStage = (stage !== 'pretrain' && stage !== 'sft') || reinforcement !== null
  return !SEEN_GPUS.has(gpu) || fusedKernels === 'liger' || fusedKernels === 'unsloth' || otherStage
}

import { samplesPerStep } from '../plan/samples-per-step.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { DATA_PARALLELISM_NAMES, type DataParallelism } from '../plan/vocabulary.ts'

/** A plan on another number of GPUs that trains the same thing: same global batch, same layout of the model; any card. */
export interface Strategy {
  readonly plan: TrainingPlan
  /** What differs from the plan as written; empty: nothing. */
  readonly changes: readonly string[]
}

/** Micro-batches above the written one are tried up to this factor. */
const LARGER_MICRO_BATCHES = 4

/**
 * The ways to run a plan on `gpus` GPUs, in groups: within a group the micro-batch falls, so that the first one that fits
 * is the largest. Empty: the global batch does not divide over these GPUs.
 */
export function hardwareStrategies(plan: TrainingPlan, gpus: number): readonly (readonly Strategy[])[] {
  const { tensor, pipeline, context } = plan.parallelism
  const model = tensor * pipeline * context
  if (gpus % model !== 0) return []
  const perRank = samplesPerStep(plan) / (gpus / model)
  if (!Number.isInteger(perRank)) return []
  return dataKinds(plan, gpus / (tensor * pipeline)).flatMap(data =>
    checkpointings(plan).map(gradientCheckpointing =>
      microBatches(plan, perRank).map(microBatchSize => {
        const changed = {
          ...plan,
          gpus,
          gpusPerNode: Math.min(Math.max(8, plan.gpusPerNode), gpus),
          microBatchSize,
          gradientAccumulationSteps: perRank / microBatchSize,
          gradientCheckpointing,
          parallelism: { ...plan.parallelism, data, shardSize: null },
        }
        return { plan: changed, changes: changesOf(plan, changed) }
      }),
    ),
  )
}

/** Least communication first. Megatron shards its optimizer only. */
function dataKinds({ parallelism }: TrainingPlan, ranks: number): readonly DataParallelism[] {
  const { data } = parallelism
  if (ranks <= 1) return parallelism.offload === 'none' ? ['none'] : [data]
  if (parallelism.offload !== 'none' || data === 'distributed_optimizer') return [data]
  if (data === 'fsdp1' || data === 'fsdp2') return ['ddp', data]
  return ['ddp', 'zero2', 'zero3']
}

function checkpointings({ gradientCheckpointing }: TrainingPlan): readonly TrainingPlan['gradientCheckpointing'][] {
  return gradientCheckpointing === 'full' ? ['full'] : [gradientCheckpointing, 'full']
}

/** Divisors of a rank's share of the global batch, largest first; groups of completions stay as written. */
function microBatches({ microBatchSize, reinforcement }: TrainingPlan, perRank: number): readonly number[] {
  if (reinforcement !== null) return perRank % microBatchSize === 0 ? [microBatchSize] : []
  const most = Math.min(perRank, LARGER_MICRO_BATCHES * microBatchSize)
  const divisors = Array.from({ length: most }, (_, i) => most - i).filter(size => perRank % size === 0)
  return divisors.length > 8 ? divisors.filter(isPowerOfTwoOr(microBatchSize)) : divisors
}

function isPowerOfTwoOr(kept: number): (size: number) => boolean {
  return size => size === kept || Number.isInteger(Math.log2(size))
}

function changesOf(before: TrainingPlan, after: TrainingPlan): readonly string[] {
  const changes: string[] = []
  if (after.parallelism.data !== before.parallelism.data && after.parallelism.data !== 'none')
    changes.push(DATA_PARALLELISM_NAMES[after.parallelism.data])
  if (
    after.microBatchSize !== before.microBatchSize ||
    after.gradientAccumulationSteps !== before.gradientAccumulationSteps
  )
    changes.push(`micro-batch ${after.microBatchSize}, accumulation ${after.gradientAccumulationSteps}`)
  if (after.gradientCheckpointing !== before.gradientCheckpointing) changes.push('full checkpointing')
  return changes
}

import type { TrainingPlan } from './training-plan.ts'

/** Sequences between two updates over all GPUs: the global batch. */
export function samplesPerStep({
  microBatchSize,
  gradientAccumulationSteps,
  gpus,
  parallelism,
}: Pick<TrainingPlan, 'microBatchSize' | 'gradientAccumulationSteps' | 'gpus' | 'parallelism'>): number {
  const { tensor, pipeline, context } = parallelism
  return microBatchSize * gradientAccumulationSteps * Math.max(1, gpus / (tensor * pipeline * context))
}

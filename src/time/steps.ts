import type { TrainingPlan } from '../plan/training-plan.ts'
import type { SampleLength } from './padding.ts'

/** Optimizer steps of a run and how they follow from the data. null: not known. */
export interface StepCount {
  readonly steps: number
  readonly note: string
}

/** A step limit wins over epochs, as in every trainer; tokens over samples. */
export function stepCount(plan: TrainingPlan, dataRanks: number, length: SampleLength): StepCount | null {
  const { dataset, microBatchSize, gradientAccumulationSteps } = plan
  if (dataset.maxSteps !== null && dataset.maxSteps > 0) return { steps: dataset.maxSteps, note: 'step limit' }
  const global = microBatchSize * gradientAccumulationSteps * dataRanks
  if (dataset.tokens !== null) {
    const perStep = global * length.real
    return {
      steps: Math.ceil(dataset.tokens / perStep),
      note: `${dataset.tokens} tokens ÷ ${Math.round(perStep)} per step`,
    }
  }
  if (dataset.samples === null) return null
  const epochs = dataset.epochs ?? 1
  const kept = dataset.samples * (1 - (plan.evaluation?.share ?? 0)) * usesOfSample(plan)
  const sequences = plan.packing ? packedSequences(kept, plan) : kept
  const exact = sequences / global
  const perEpoch = Math.max(1, dataset.dropLast ? Math.floor(exact + 1e-9) : Math.ceil(exact - 1e-9))
  const packed = plan.packing ? ' packed' : ''
  return {
    steps: Math.ceil(perEpoch * epochs - 1e-9),
    note: `ceil(${Math.round(sequences)}${packed} sequences ÷ ${global}) × ${epochs} epochs`,
  }
}

/** Answers to a prompt, each of which is learned from `iterations` times (trl 1.13 trainer/utils.py RepeatSampler: repeat_count × mini_repeat_count). */
function usesOfSample({ reinforcement }: TrainingPlan): number {
  return reinforcement === null ? 1 : reinforcement.generations * reinforcement.iterations
}

/** Samples that share sequences: real tokens ÷ packed length. Without a mean length a sample is taken as one sequence. */
function packedSequences(samples: number, { meanSequenceLength, sequenceLength }: TrainingPlan): number {
  if (meanSequenceLength === null) return samples
  return Math.ceil((samples * Math.min(meanSequenceLength, sequenceLength)) / sequenceLength)
}

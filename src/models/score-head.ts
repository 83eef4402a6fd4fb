import type { TrainingPlan } from '../plan/training-plan.ts'
import type { Architecture } from './architecture.ts'
import { linear } from './tensor.ts'

/** Frameworks that put a value head beside lm_head (LLaMA-Factory 0.9 model/loader.py, trl models/modeling_value_head.py). */
const KEEPS_LANGUAGE_HEAD = new Set(['llama-factory'])

/**
 * The architecture as a stage trains it: a classifier has its labels, a reward model one score per sequence
 * instead of the vocabulary head (transformers AutoModelForSequenceClassification; num_labels=1).
 */
export function architectureOfStage(architecture: Architecture, plan: TrainingPlan): Architecture {
  const scores = plan.stage === 'reward' && !KEEPS_LANGUAGE_HEAD.has(plan.framework) ? 1 : null
  const outputs = plan.classificationLabels ?? scores
  if (outputs === null || architecture.head.kind !== 'causal-lm') return architecture
  const score = linear('score', 'head', architecture.hiddenSize, outputs)
  return {
    ...architecture,
    tiedEmbeddings: false,
    head: { kind: 'sequence-classification', outputs, tensors: [score] },
  }
}

import type { ReinforcementPlan } from '../plan/training-plan.ts'
import { decodingSeconds, handOverSeconds } from './decoding.ts'
import { scoresBeforeUpdate } from './scores-before-update.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/**
 * What preference and reinforcement stages add to a step: a value model, and once for all optimizer steps that reuse them,
 * completions and forward passes of policy, reference or reward model over them.
 */
export function reinforcementTerms(c: StepContext, microBatchSeconds: number): readonly LayerTerm[] {
  const settings = c.plan.reinforcement
  if (settings === null) return []
  const terms: LayerTerm[] = []
  const passes = 2 + c.recompute + c.trains.weights
  const forward = (microBatchSeconds * c.plan.gradientAccumulationSteps) / passes
  const each = 1 / Math.max(1, settings.iterations)
  if (scoresReference(settings)) {
    terms.push({ name: 'reference forward', seconds: forward * each, source: 'work' })
  }
  if (scoresBeforeUpdate(c.plan)) terms.push({ name: 'policy forward', seconds: forward * each, source: 'work' })
  if (settings.rewardModel) terms.push({ name: 'reward forward', seconds: forward * each, source: 'work' })
  if (settings.valueModel) terms.push({ name: 'value model', seconds: forward * 3, source: 'work' })
  const { generation, completionLength, meanCompletionLength = null, promptLength, colocatedMemoryShare } = settings
  if (generation === 'none') return terms
  const seconds = decodingSeconds(c, {
    engine: generation === 'transformers' ? 'transformers' : 'vllm',
    sequences: c.sequences * c.plan.gradientAccumulationSteps,
    together: generation === 'transformers' ? c.sequences * c.plan.gradientAccumulationSteps : null,
    promptLength,
    newTokens: completionLength,
    meanNewTokens: meanCompletionLength,
    memoryShare: generation === 'vllm_colocate' ? colocatedMemoryShare : 0,
  })
  terms.push({ name: 'generation', seconds: seconds * each, source: 'bytes' })
  if (generation !== 'transformers') {
    terms.push({ name: 'weights to the engine', seconds: handOverSeconds(c, generation) * each, source: 'collective' })
  }
  return terms
}

/** Answers that are generated cannot have been scored before training: an offloaded reference scores them ahead of the update. */
function scoresReference({ referenceModel, generation }: ReinforcementPlan): boolean {
  return referenceModel === 'precomputed' ? generation !== 'none' : referenceModel !== 'none'
}

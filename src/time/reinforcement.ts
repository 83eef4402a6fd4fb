import { decodingSeconds, handOverSeconds } from './decoding.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/**
 * What preference and reinforcement stages add to a step: forward passes of a reference or reward model, a value model,
 * and generation, once for all optimizer steps that reuse its completions.
 */
export function reinforcementTerms(c: StepContext, microBatchSeconds: number): readonly LayerTerm[] {
  const settings = c.plan.reinforcement
  if (settings === null) return []
  const terms: LayerTerm[] = []
  const passes = 2 + c.recompute + c.trains.weights
  const forward = (microBatchSeconds * c.plan.gradientAccumulationSteps) / passes
  if (settings.referenceModel === 'separate' || settings.referenceModel === 'shared') {
    terms.push({ name: 'reference forward', seconds: forward, source: 'work' })
  }
  if (settings.rewardModel) terms.push({ name: 'reward forward', seconds: forward, source: 'work' })
  if (settings.valueModel) terms.push({ name: 'value model', seconds: forward * 3, source: 'work' })
  const { generation, iterations, completionLength, promptLength, colocatedMemoryShare } = settings
  if (generation === 'none') return terms
  const each = 1 / Math.max(1, iterations)
  const seconds = decodingSeconds(c, {
    engine: generation === 'transformers' ? 'transformers' : 'vllm',
    sequences: c.sequences * c.plan.gradientAccumulationSteps,
    together: generation === 'transformers' ? c.sequences * c.plan.gradientAccumulationSteps : null,
    promptLength,
    newTokens: completionLength,
    memoryShare: generation === 'vllm_colocate' ? colocatedMemoryShare : 0,
  })
  terms.push({ name: 'generation', seconds: seconds * each, source: 'bytes' })
  if (generation !== 'transformers') {
    terms.push({ name: 'weights to the engine', seconds: handOverSeconds(c, generation) * each, source: 'collective' })
  }
  return terms
}

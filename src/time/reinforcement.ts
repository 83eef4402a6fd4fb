import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/** Engine overhead of one decoding step: scheduling and sampling in vLLM; eager Hugging Face launches every layer (assumptions). */
const ENGINE_SECONDS = 4e-3
const EAGER_SECONDS_PER_LAYER = 0.7e-3
/** KV caches and batches limit how many sequences decode together (assumption: vLLM's default 256). */
const CONCURRENT_SEQUENCES = 256

/**
 * What preference and reinforcement stages add to a step: forward passes of a reference or reward model, and generation,
 * which is bound by reading the weights once per token.
 */
export function reinforcementTerms(c: StepContext, microBatchSeconds: number): readonly LayerTerm[] {
  const { plan } = c
  const settings = plan.reinforcement
  if (settings === null) return []
  const terms: LayerTerm[] = []
  const forward = (microBatchSeconds * plan.gradientAccumulationSteps) / (3 + c.recompute + c.trains.weights - 1)
  if (settings.referenceModel === 'separate' || settings.referenceModel === 'shared') {
    terms.push({ name: 'reference forward', seconds: forward, source: 'work' })
  }
  if (settings.rewardModel) terms.push({ name: 'reward forward', seconds: forward, source: 'work' })
  if (settings.valueModel) terms.push({ name: 'value model', seconds: forward * 3, source: 'work' })
  if (settings.generation !== 'none') {
    terms.push({ name: 'generation', seconds: generationSeconds(c, settings.completionLength), source: 'bytes' })
  }
  return terms
}

/** Decoding: every token reads the weights once, and the keys and values of all running sequences. */
function generationSeconds(c: StepContext, completionLength: number): number {
  const { plan, counts, work, bandwidth, sequences, ceilings } = c
  const completions = sequences * plan.gradientAccumulationSteps
  const together = plan.reinforcement?.generation === 'transformers' ? sequences : CONCURRENT_SEQUENCES
  const rounds = Math.max(1, completions / together)
  const running = Math.min(completions, together)
  const mean = (plan.reinforcement?.promptLength ?? 0) + completionLength / 2
  const weights = (2 * counts.total) / bandwidth
  const cache = (running * mean * 4 * work.keyValueWidth) / bandwidth
  const products = (2 * counts.active * running) / (0.5 * ceilings.bits16)
  const overhead =
    plan.reinforcement?.generation === 'transformers' ? EAGER_SECONDS_PER_LAYER * work.layers : ENGINE_SECONDS
  return rounds * completionLength * (Math.max(weights, products) + cache + overhead)
}

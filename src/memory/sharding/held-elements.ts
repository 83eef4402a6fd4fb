import type { Attention, ParameterTensor } from '../../models/architecture.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { expertTensorParallel } from './shard-sizes.ts'

/** Elements of a tensor that one model-parallel rank holds. */
export type HeldElements = (tensor: ParameterTensor, attention?: Attention) => number

/** Latent attention's projections down: every tensor-parallel rank needs the whole latent (Megatron-LM multi_latent_attention.py, `duplicated`). */
const WHOLE = new Set(['q_a_proj', 'kv_a_proj_with_mqa'])

const KEY_VALUE = new Set(['k_proj', 'v_proj'])

/**
 * What the fullest rank holds: Megatron-LM's layout (Shoeybi et al. 2019, arXiv 1909.08053 §3), which torch's DTensor
 * plans share. Norms, routers and towers stay whole; a key-value head is never cut; experts are whole unless expert
 * ranks leave tensor-parallel ones.
 */
export function heldElements(plan: TrainingPlan): HeldElements {
  const { tensor: ranks, expert } = plan.parallelism
  const expertWidth = expertTensorParallel(plan)
  return (tensor, attention) => {
    const { part, kind, parameters, count, path } = tensor
    const leaf = path.slice(path.lastIndexOf('.') + 1)
    if (part === 'experts') return (parameters * (count > 1 ? largestPart(count, expert) : 1 / expert)) / expertWidth
    if (kind === 'norm' || kind === 'router' || part === 'vision' || part === 'projector' || WHOLE.has(leaf))
      return parameters
    if (kind === 'embedding') return parameters * largestPart(tensor.inFeatures, ranks)
    if (part === 'head') return parameters * largestPart(tensor.outFeatures, ranks)
    if (attention?.kind === 'mha' && KEY_VALUE.has(leaf))
      return parameters * largestPart(attention.keyValueHeads, ranks)
    return parameters / ranks
  }
}

/** The part of `things` on the fullest of `ranks`. */
function largestPart(things: number, ranks: number): number {
  return Math.ceil(things / ranks) / Math.max(1, things)
}

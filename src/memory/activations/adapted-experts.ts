import type { MemoryItem } from '../../plan/item.ts'
import type { Run } from '../../plan/run.ts'
import { item, short } from '../memory-item.ts'
import { elementSizes } from './element-sizes.ts'

export interface AdaptedExperts {
  /** Kept from forward to backward. */
  readonly kept: MemoryItem
  /** While one layer runs backward. */
  readonly hump: MemoryItem
}

/** Their kernels add an expert's adapter to the product instead (Megatron-LM, Unsloth; Axolotl's ScatterMoE, which also expands quantised stacks) or target no expert at all. */
const OWN_EXPERT_ADAPTERS = new Set(['megatron', 'nemo', 'unsloth', 'torchtune', 'litgpt'])

const SOURCE =
  'peft 0.21 tuners/lora/layer.py ParamWrapper: W + B·A is made anew for a 3-D expert parameter; measured with PyTorch 2.13 on CPU'

/** Copies of expert stacks with their adapter added, and the gradient of the larger stack before it is folded onto the adapter. */
export function adaptedExperts({ plan, counts }: Run): AdaptedExperts {
  const own =
    plan.adapter?.targetRule === 'megatron' ||
    OWN_EXPERT_ADAPTERS.has(plan.framework) ||
    plan.quantizationDetails.quantizesExperts === 'read_stacks'
  const share = 1 / (plan.parallelism.tensor * plan.parallelism.expert)
  const targets = own ? [] : counts.adapterTargets.filter(({ tensor }) => tensor.part === 'experts' && tensor.fused)
  const layers = Math.max(0, ...targets.map(target => target.layers))
  const all = targets.reduce((sum, { tensor, layers: count }) => sum + tensor.parameters * count, 0) * share
  const inLayer = layers === 0 ? 0 : all / layers
  const largest = Math.max(0, ...targets.map(({ tensor }) => tensor.parameters)) * share
  const bytes = elementSizes(plan).parameters
  const recomputes = plan.gradientCheckpointing !== 'none'
  const kept = recomputes ? 0 : all / plan.parallelism.pipeline
  const hump = recomputes ? Math.max(inLayer, 2 * largest) : largest
  const make = (elements: number, note: string) =>
    item('adapted expert weights', elements * bytes, {
      note: `${short(elements)} × ${bytes} B ${note}`,
      source: SOURCE,
    })
  return { kept: make(kept, 'of all layers'), hump: make(hump, 'of one layer and a gradient') }
}

import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { item, short } from '../memory-item.ts'
import type { RankParameters } from '../sharding/rank-parameters.ts'
import { elementSizes } from './element-sizes.ts'

export interface WeightCopies {
  /** 16-bit copies that autocast makes of wider weights. */
  readonly forward: MemoryItem
  /** While loss and head run backward: with re-computation only the head's is left. */
  readonly head: MemoryItem
  readonly backward: MemoryItem
  /** De-quantised matrix of the layer that runs backward, and of the head. */
  readonly dequantizedLayer: MemoryItem
  readonly dequantizedHead: MemoryItem
  /** Stacks of experts that autograd keeps expanded when nothing is re-computed. */
  readonly dequantizedStacks: MemoryItem
}

const AUTOCAST =
  'torch 2.13 autocast_mode.cpp cached_cast; autograd keeps a copy until its backward, measured with PyTorch 2.13 on CPU'
const DEQUANTIZED = 'bitsandbytes 0.44 autograd/_functions.py MatMul4Bit.backward (dequantize_4bit)'

const PARAMETRISED =
  'bitsandbytes 0.49 nn/parametrize.py (whole stack at its first use); autograd keeps what a product reads'

/** Fabric quantises from float16, so that bitsandbytes restores float16 and casts it (Lightning 2.1 fabric/plugins/precision/bitsandbytes.py, `torch.half`). */
const HALF_BYTES = 2

/** Second copies of weights that exist for a while. */
export function weightCopies(plan: TrainingPlan, parameters: RankParameters, quantizesHead: boolean): WeightCopies {
  const sizes = elementSizes(plan)
  const { head, layers } =
    sizes.autocast && sizes.parameters > sizes.compute ? wideElements(plan, parameters) : { head: 0, layers: 0 }
  const adapters = sizes.autocast && sizes.adapter > sizes.compute ? parameters.adapter : 0
  const copied = head + layers + adapters
  const recomputes = plan.gradientCheckpointing === 'full'
  const inLayer = recomputes ? (layers + adapters) / Math.max(1, parameters.layers) : layers + adapters
  const make = (count: number) =>
    item('16-bit copies of weights', count * sizes.compute, {
      note: `${short(count)} × ${sizes.compute} B`,
      source: AUTOCAST,
    })
  const stacks = plan.gradientCheckpointing === 'none' ? parameters.expandedStacks : 0
  const layer = stacks > 0 ? 0 : parameters.expandedInLayer
  const quantizedHead = plan.quantization !== 'none' && quantizesHead ? parameters.head : 0
  const throughHalf = quantizesHead && plan.precision.compute !== 'float16' ? HALF_BYTES : 0
  const perElement = sizes.compute + throughHalf
  const note = throughHalf > 0 ? ': as float16, then cast' : ''
  return {
    forward: make(copied),
    head: make(recomputes ? head : copied),
    backward: make(inLayer),
    dequantizedLayer: item('de-quantised matrix', layer * perElement, {
      note: `${short(layer)} × ${perElement} B${note}`,
      source: DEQUANTIZED,
    }),
    dequantizedStacks: item('de-quantised experts', stacks * sizes.compute, {
      note: `${short(stacks)} × ${sizes.compute} B of all layers`,
      source: PARAMETRISED,
    }),
    dequantizedHead: item('de-quantised head', quantizedHead * perElement, {
      note: `${short(quantizedHead)} × ${perElement} B${note}`,
      source: DEQUANTIZED,
    }),
  }
}

/** Matrices that are stored wider than the products: all but the embedding, or the head alone, or what trains. */
function wideElements(
  { precision }: TrainingPlan,
  parameters: RankParameters,
): { readonly head: number; readonly layers: number } {
  const { outputMatrix, trainableBase, trainableEmbedding, unquantized, embedding } = parameters
  if (precision.outerWeights !== null) return { head: outputMatrix, layers: 0 }
  if (precision.trainedWeights !== null) {
    const head = Math.min(outputMatrix, trainableBase)
    return { head, layers: Math.max(0, trainableBase - trainableEmbedding - parameters.head) }
  }
  return { head: outputMatrix, layers: Math.max(0, unquantized - embedding - parameters.head) }
}

import type { MemoryItem } from '../../plan/item.ts'
import type { Run } from '../../plan/run.ts'
import type { AdapterType } from '../../plan/vocabulary.ts'
import { item, short } from '../memory-item.ts'
import { elementSizes } from './element-sizes.ts'

export interface DenseUpdates {
  /** Kept from forward to backward. */
  readonly kept: MemoryItem
  /** While one layer runs backward. */
  readonly hump: MemoryItem
}

/** Matrices as large as the adapted one that its adapter makes in forward and autograd keeps, in the adapter's dtype. */
const MATRICES: Partial<Record<AdapterType, (rank: number) => number>> = {
  dora: () => 1,
  loha: () => 1,
  lokr: () => 1,
  fourierft: () => 1,
  randlora: () => 1,
  boft: () => 1.5,
  waveft: () => 2,
  // one product of reflections per vector
  hra: rank => rank + 3,
}

const SOURCE =
  'peft 0.21 tuners/*/layer.py get_delta_weight; recorded with PyTorch 2.13 on CPU (bench/memory-lab/adapter_kinds.py)'

export function denseUpdates({ plan, counts }: Run): DenseUpdates {
  const matrices = MATRICES[plan.adapter?.type ?? 'lora'] ?? (() => 0)
  const ranks = plan.parallelism.tensor * plan.parallelism.pipeline
  const targets = counts.adapterTargets.filter(({ tensor }) => tensor.part !== 'experts')
  const elements = targets.reduce(
    (sum, { tensor, layers, rank }) => sum + (tensor.parameters * layers * matrices(rank)) / ranks,
    0,
  )
  const layers = Math.max(1, ...targets.map(target => target.layers))
  const bytes = elementSizes(plan).adapter
  const recomputes = plan.gradientCheckpointing !== 'none'
  const make = (count: number, note: string) =>
    item('updates of adapted weights', count * bytes, { note: `${short(count)} × ${bytes} B ${note}`, source: SOURCE })
  return {
    kept: make(recomputes ? 0 : elements, 'of all layers'),
    hump: make(recomputes ? elements / layers : 0, 'of one layer'),
  }
}

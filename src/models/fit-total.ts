import type { LayerRun, ParameterTensor } from './architecture.ts'
import { parameter, sumParameters } from './tensor.ts'

/** Spreads a stated total over the layers: what the block misses or has too much becomes one more term per layer. */
export function fitTotal(runs: readonly LayerRun[], layerTotal: number): readonly LayerRun[] {
  const layers = runs.reduce((sum, { count }) => sum + count, 0)
  const counted = runs.reduce((sum, { count, layer }) => sum + count * sumParameters(layer.tensors), 0)
  const missing = Math.round(layerTotal - counted)
  const perLayer = Math.trunc(missing / Math.max(1, layers))
  const rest = missing - perLayer * layers
  const extra = (amount: number): ParameterTensor => parameter('unspecified', 'other', amount)
  const first = runs[0]
  if (!first) return runs
  const single = { count: 1, layer: { ...first.layer, tensors: [...first.layer.tensors, extra(perLayer + rest)] } }
  const others = runs.map(({ count, layer }, index) => ({
    count: index === 0 ? count - 1 : count,
    layer: { ...layer, tensors: [...layer.tensors, extra(perLayer)] },
  }))
  return [single, ...others.filter(({ count }) => count > 0)]
}

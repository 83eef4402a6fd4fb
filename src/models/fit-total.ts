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
  const single = { ...withExtra(first, extra(perLayer + rest)), count: 1, ...placesOf(first, 0, 1) }
  const others = runs.map((run, index) => ({
    ...withExtra(run, extra(perLayer)),
    ...(index === 0 ? { count: run.count - 1, ...placesOf(run, 1) } : {}),
  }))
  return [single, ...others.filter(({ count }) => count > 0)]
}

function withExtra(run: LayerRun, tensor: ParameterTensor): LayerRun {
  return { ...run, layer: { ...run.layer, tensors: [...run.layer.tensors, tensor] } }
}

function placesOf({ places }: LayerRun, from: number, to?: number): Pick<LayerRun, 'places'> {
  return places ? { places: places.slice(from, to) } : {}
}

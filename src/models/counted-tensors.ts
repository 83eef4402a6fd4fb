import type { Architecture, ParameterTensor } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'

/** Every tensor of the model with the number of layers that hold it. */
export function countedTensors(architecture: Architecture): readonly CountedTensor[] {
  const once = (tensor: ParameterTensor): CountedTensor => ({ tensor, layers: 1 })
  const places = placesOfRuns(architecture)
  const inLayers = architecture.layers.flatMap(({ count, layer, folder }, run) => {
    const where = { layers: count, places: places[run] ?? [], ...(folder === undefined ? {} : { folder }) }
    return layer.tensors.map(tensor => ({ tensor, ...where }))
  })
  return [
    ...architecture.embedding.map(once),
    ...inLayers,
    ...architecture.finalNorm.map(once),
    ...architecture.head.tensors.map(once),
    ...(architecture.vision ? [...architecture.vision.tensors, ...architecture.vision.projector].map(inTower) : []),
  ]
}

/** Indices of every run's layers in the model. */
export function placesOfRuns(architecture: Architecture): readonly (readonly number[])[] {
  let first = 0
  return architecture.layers.map(({ count, places }) => {
    const start = first
    first += count
    return places ?? Array.from({ length: count }, (_, offset) => start + offset)
  })
}

function inTower(tensor: ParameterTensor): CountedTensor {
  const { count, parameters } = tensor
  if (tensor.perLayer !== true) return { tensor, layers: 1 }
  const places = Array.from({ length: count }, (_, layer) => layer)
  return { tensor: { ...tensor, count: 1, parameters: parameters / count }, layers: count, places }
}

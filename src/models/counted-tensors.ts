import type { Architecture, ParameterTensor } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'

/** Every tensor of the model with the number of layers that hold it. */
export function countedTensors(architecture: Architecture): readonly CountedTensor[] {
  const once = (tensor: ParameterTensor): CountedTensor => ({ tensor, layers: 1 })
  let first = 0
  const inLayers = architecture.layers.flatMap(({ count, layer, places: stated, folder }) => {
    const start = first
    const places = stated ?? Array.from({ length: count }, (_, offset) => start + offset)
    first += count
    return layer.tensors.map(tensor => ({ tensor, layers: count, places, ...(folder === undefined ? {} : { folder }) }))
  })
  return [
    ...architecture.embedding.map(once),
    ...inLayers,
    ...architecture.finalNorm.map(once),
    ...architecture.head.tensors.map(once),
    ...(architecture.vision ? [...architecture.vision.tensors, ...architecture.vision.projector].map(inTower) : []),
  ]
}

function inTower(tensor: ParameterTensor): CountedTensor {
  const { count, parameters } = tensor
  if (tensor.perLayer !== true) return { tensor, layers: 1 }
  const places = Array.from({ length: count }, (_, layer) => layer)
  return { tensor: { ...tensor, count: 1, parameters: parameters / count }, layers: count, places }
}

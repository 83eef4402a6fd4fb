import { safePattern } from './adapter-targets.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'

/**
 * The tensors that train when everything is frozen but the names that a pattern matches from their start, layer by
 * layer: `model.layers.30.mlp.up_proj.weight`, or under `model.language_model.` in models with a tower.
 */
export function trainableByPatterns(architecture: Architecture, patterns: readonly string[]): readonly CountedTensor[] {
  const tests = patterns.map(pattern => safePattern(`(?:${pattern}).*`))
  const trains = (names: readonly string[]): boolean => tests.some(test => names.some(test))
  const once = (tensors: readonly ParameterTensor[], prefixes: readonly string[]): readonly CountedTensor[] =>
    tensors
      .filter(tensor => trains(prefixes.map(prefix => `${prefix}${tensor.path}.weight`)))
      .map(tensor => ({ tensor, layers: 1 }))
  const language = ['model.', 'model.language_model.', '']
  let first = 0
  const layers = architecture.layers.flatMap(({ count, layer }) => {
    const indices = Array.from({ length: count }, (_, offset) => first + offset)
    first += count
    return layer.tensors.flatMap(tensor => {
      const trained = indices.filter(index =>
        trains(
          ['model.layers', 'model.language_model.layers'].map(prefix => `${prefix}.${index}.${tensor.path}.weight`),
        ),
      )
      return trained.length > 0 ? [{ tensor, layers: trained.length }] : []
    })
  })
  const vision = architecture.vision ? [...architecture.vision.tensors, ...architecture.vision.projector] : []
  return [
    ...once(architecture.embedding, language),
    ...layers,
    ...once(architecture.finalNorm, language),
    ...once(architecture.head.tensors, ['', 'model.']),
    ...once(vision, ['model.', '', 'model.vision_tower.']),
  ]
}

import type { Architecture } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'
import { layersWhere, modulePattern } from './module-pattern.ts'

/**
 * The tensors that train when everything is frozen but the names that a pattern matches from their start, layer by
 * layer: `model.layers.30.mlp.up_proj.weight`, or under `model.language_model.` in models with a tower.
 */
export function trainableByPatterns(
  architecture: Architecture,
  patterns: readonly string[],
  tensors: readonly CountedTensor[],
): readonly CountedTensor[] {
  const tests = patterns.map(pattern => modulePattern(architecture, pattern))
  return tensors.flatMap(counted => {
    const layers = layersWhere(counted, layer => tests.some(test => test.beginsParameter(counted, layer)))
    return layers > 0 ? [{ tensor: counted.tensor, layers }] : []
  })
}

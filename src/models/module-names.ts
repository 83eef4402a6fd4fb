import type { Architecture } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'

/** Where the blocks stand, by model type (transformers 5.18 `named_modules`); several spellings: of 4.x, which configs still use. */
const DECODER = [
  'model.layers',
  'model.language_model.layers',
  'language_model.model.layers',
  'model.text_model.layers',
] as const
const LAYER_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  ...under('transformer.h', 'gpt2', 'gpt_bigcode', 'gptj', 'gpt_neo', 'bloom', 'falcon', 'codegen', 'qwen'),
  ...under('transformer.blocks', 'mpt', 'dbrx'),
  ...under('transformer.encoder.layers', 'chatglm'),
  ...under('gpt_neox.layers', 'gpt_neox'),
  ...under('model.decoder.layers', 'opt'),
  ...under('bert.encoder.layer', 'bert'),
  ...under('roberta.encoder.layer', 'roberta', 'xlm-roberta'),
  ...under('backbone.layers', 'mamba', 'mamba2'),
}

function under(folder: string, ...types: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(types.map(type => [type, [folder]]))
}

/** The names that a tensor's module may have in a layer (null: it stands outside the layers). */
export function moduleNames(
  { modelType }: Architecture,
  { tensor }: CountedTensor,
  layer: number | null,
): readonly string[] {
  const { path, part } = tensor
  if (layer !== null) {
    const folders = Object.hasOwn(LAYER_FOLDERS, modelType) ? LAYER_FOLDERS[modelType] : DECODER
    return (folders ?? DECODER).map(folder => `${folder}.${layer}.${path}`)
  }
  if (part === 'vision' || part === 'projector') return [towerName(modelType, path, part)]
  return [`model.${path}`, `model.language_model.${path}`, path]
}

/** The tower's layers are counted as one: its first stands for all. */
function towerName(modelType: string, path: string, part: 'vision' | 'projector'): string {
  const leaf = path.replace(/^(?:vision|projector)\./, '')
  const isQwen = modelType.startsWith('qwen')
  if (part === 'projector') return isQwen ? `model.visual.${leaf}` : `model.multi_modal_projector.${leaf}`
  return isQwen ? `model.visual.blocks.0.${leaf}` : `model.vision_tower.vision_model.encoder.layers.0.${leaf}`
}

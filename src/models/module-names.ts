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
  ...under('roberta.encoder.layer', 'roberta', 'xlm-roberta', 'camembert'),
  ...under('electra.encoder.layer', 'electra'),
  ...under('mpnet.encoder.layer', 'mpnet'),
  ...under('model.transformer.blocks', 'llada'),
  ...under('deberta.encoder.layer', 'deberta-v2'),
  ...under('distilbert.transformer.layer', 'distilbert'),
  ...under('backbone.layers', 'mamba', 'mamba2', 'falcon_mamba'),
}

function under(folder: string, ...types: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(types.map(type => [type, [folder]]))
}

/** Where a tower stands: itself, the folder of its layers below that, and what joins it to the text. */
interface TowerPlace {
  readonly roots: readonly string[]
  readonly layers: readonly string[]
  readonly joins: readonly string[]
}

const JOINS = ['model.multi_modal_projector', 'multi_modal_projector'] as const
const TOWER: TowerPlace = {
  roots: ['model.vision_tower', 'model.vision_tower.vision_model', 'vision_tower.vision_model'],
  layers: ['encoder.layers', 'transformer.layers', 'encoder.layer'],
  joins: JOINS,
}
const VISUAL: TowerPlace = {
  roots: ['model.visual', 'visual'],
  layers: ['blocks'],
  joins: ['model.visual.merger', 'visual.merger', 'model.visual', 'audio_tower'],
}
const CONNECTED: TowerPlace = { roots: ['model.vision_model'], layers: ['encoder.layers'], joins: ['model.connector'] }
const AUDIO: TowerPlace = { roots: ['model.audio_tower', 'audio_tower'], layers: ['layers'], joins: JOINS }
const TOWERS: Readonly<Record<string, TowerPlace>> = {
  qwen2_vl: VISUAL,
  qwen2_5_vl: VISUAL,
  qwen2_5_omni: VISUAL,
  qwen2_5_omni_thinker: VISUAL,
  qwen3_vl: VISUAL,
  qwen3_vl_moe: VISUAL,
  qwen3_omni_moe: VISUAL,
  qwen3_omni_moe_thinker: VISUAL,
  qwen3_5: VISUAL,
  qwen3_5_moe: VISUAL,
  glm4v: VISUAL,
  idefics3: CONNECTED,
  smolvlm: CONNECTED,
  llama4: {
    roots: ['vision_model'],
    layers: ['model.layers'],
    joins: ['vision_model', 'multi_modal_projector', 'model.multi_modal_projector'],
  },
  mllama: {
    roots: ['model.vision_model'],
    layers: ['transformer.layers'],
    joins: ['model', 'model.multi_modal_projector'],
  },
  gemma4: { ...TOWER, joins: ['model.embed_vision'] },
  paddleocr_vl: { roots: ['model.visual.vision_model'], layers: ['encoder.layers'], joins: ['model.projector'] },
  muse_glimmer: {
    roots: ['model.vision_tower'],
    layers: ['layers'],
    joins: ['model', 'model.vision_adapter'],
  },
}

/** The names that a tensor's module may have in a layer (null: it stands outside the layers). */
export function moduleNames(
  { modelType, wholeType = modelType }: Architecture,
  { tensor, folder }: CountedTensor,
  layer: number | null,
): readonly string[] {
  const { path, part } = tensor
  if (part === 'vision' || part === 'projector') return towerNames(wholeType, path, layer)
  if (layer !== null) {
    if (folder !== undefined) return [`${folder}.${layer}.${path}`]
    const folders = Object.hasOwn(LAYER_FOLDERS, modelType) ? LAYER_FOLDERS[modelType] : DECODER
    return (folders ?? DECODER).map(name => `${name}.${layer}.${path}`)
  }
  if (part === 'head') return [`${headRoot(wholeType, path)}${path}`]
  return [`model.${path}`, `model.language_model.${path}`, path]
}

/** Heads stand at the top but for these. */
function headRoot(wholeType: string, path: string): string {
  if (wholeType === 'llama4') return 'language_model.'
  return path.startsWith('predictions.') ? 'cls.' : path.startsWith('pooler.') ? `${wholeType}.` : ''
}

function towerNames(wholeType: string, path: string, layer: number | null): readonly string[] {
  const place = path.startsWith('audio.') ? AUDIO : Object.hasOwn(TOWERS, wholeType) ? TOWERS[wholeType] : TOWER
  const { roots, layers, joins } = place ?? TOWER
  const leaf = path.replace(/^(?:vision|projector|audio)\./, '')
  if (path.startsWith('projector.')) return joins.map(root => `${root}.${leaf}`)
  return layer === null
    ? roots.map(root => `${root}.${leaf}`)
    : roots.flatMap(root => layers.map(folder => `${root}.${folder}.${layer}.${leaf}`))
}

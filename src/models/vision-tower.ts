import { rowOf } from '../plan/row-of.ts'
import type { ParameterTensor, VisionTower } from './architecture.ts'
import { readAudioTower } from './audio-tower.ts'
import type { ConfigFields } from './config-fields.ts'
import { PROJECTORS } from './projector-rules.ts'
import { TOWERS, type TowerShape } from './tower-rules.ts'

/** Vision model types that are built like another one. */
const SAME_TOWER: Readonly<Record<string, string>> = {
  siglip: 'siglip_vision_model',
  clip: 'clip_vision_model',
  qwen2_5_vl_vision: 'qwen2_5_vl',
  qwen2_5_omni_thinker: 'qwen2_5_omni_vision_encoder',
  qwen3_vl_vision: 'qwen3_vl',
  qwen3_vl_moe: 'qwen3_vl',
  qwen3_vl_moe_vision: 'qwen3_vl',
  qwen3_5: 'qwen3_vl',
  qwen3_5_vision: 'qwen3_vl',
  qwen3_5_moe: 'qwen3_vl',
  qwen3_5_moe_vision: 'qwen3_vl',
  qwen3_omni_moe_vision_encoder: 'qwen3_vl',
  gemma4: 'gemma4_vision',
  idefics3: 'idefics3_vision',
  smolvlm: 'idefics3_vision',
  smolvlm_vision: 'idefics3_vision',
  internvl: 'internvl_vision',
  internvl_chat: 'internvl_vision',
  intern_vit_6b: 'internvl_vision',
  llama4: 'llama4_vision_model',
  mllama: 'mllama_vision_model',
  gemma3: 'siglip_vision_model',
  paligemma: 'siglip_vision_model',
  llava: 'clip_vision_model',
  llava_next: 'clip_vision_model',
  mistral3: 'pixtral',
  glm4v_vision: 'glm4v',
  paddleocr_vl_vision: 'idefics3_vision',
}

/**
 * The towers of a multimodal config with what joins them to the text (transformers 5.18, `tower-rules.ts`); an unknown
 * vision tower is read as a SigLIP-like one. An audio encoder counts with it, or alone.
 */
export function readTowers(config: ConfigFields, textWidth: number): VisionTower | null {
  const audio = readAudioTower(config, textWidth)
  const vision = readVisionTower(config, textWidth)
  if (audio === null) return vision
  const { tensors, projector, ...sizes } = audio
  return vision === null
    ? { ...sizes, patchSize: 1, imageSize: null, imageTokens: null, tensors, projector }
    : { ...vision, tensors: [...vision.tensors, ...tensors], projector: [...vision.projector, ...projector] }
}

function readVisionTower(config: ConfigFields, textWidth: number): VisionTower | null {
  const vision = config.nested('vision_config')
  if (!vision) return null
  const outer = config.text('model_type') ?? ''
  const named = vision.text('model_type') ?? outer
  const shape = readShape(vision, config, rowOf(SAME_TOWER, named) ?? named, textWidth)
  if (shape === null) return null
  const tower = rowOf(TOWERS, shape.type) ?? TOWERS['siglip_vision_model']
  const projector = rowOf(PROJECTORS, outer) ?? rowOf(PROJECTORS, shape.type) ?? PROJECTORS['linear']
  const { before = [], block = [], after = [] } = tower?.(shape) ?? {}
  const { hiddenSize, layers, heads, width, patchSize, imageSize } = shape
  const patches = imageSize === null ? null : Math.floor(imageSize / patchSize) ** 2
  return {
    hiddenSize,
    layers,
    heads,
    width,
    patchSize,
    imageSize,
    imageTokens:
      config.number('mm_tokens_per_image') ?? (patches === null ? null : Math.round(patches / shape.merge ** 2)),
    tensors: [...before, ...block.map(tensor => repeated(tensor, layers)), ...after],
    projector: projector?.(shape) ?? [],
  }
}

/** False: a config names a tower (vision or audio) whose shapes are not known, so its parameters are not counted. */
export function readsTowers(config: ConfigFields): boolean {
  const towers = ['vision_config', 'audio_config', 'thinker_config', 'vision_tower_config'] as const
  const named = towers.filter(key => config.nested(key) !== null)
  const isRead: Readonly<Record<string, () => boolean>> = {
    vision_config: () => readVisionTower(config, 1) !== null && hasRule(config),
    audio_config: () => readAudioTower(config, 1) !== null,
  }
  return named.every(key => isRead[key]?.() ?? false)
}

function hasRule(config: ConfigFields): boolean {
  const named = config.nested('vision_config')?.text('model_type') ?? config.text('model_type') ?? ''
  return Object.hasOwn(TOWERS, rowOf(SAME_TOWER, named) ?? named)
}

function readShape(vision: ConfigFields, config: ConfigFields, type: string, textWidth: number): TowerShape | null {
  const isQwen2 = type === 'qwen2_vl'
  const hiddenSize = vision.number(...(isQwen2 ? ['embed_dim'] : []), 'hidden_size', 'embed_dim', 'width') ?? 0
  const layers =
    (vision.number('num_hidden_layers', 'depth', 'layers') ?? 0) + (vision.number('num_global_layers') ?? 0)
  if (hiddenSize < 1 || layers < 1 || hiddenSize > 1 << 16 || layers > 1 << 10) return null
  return {
    type,
    hiddenSize,
    layers,
    heads:
      vision.number('num_attention_heads', 'num_heads', 'attention_heads', 'heads') ??
      Math.max(1, Math.round(hiddenSize / 64)),
    width:
      type === 'glm4v'
        ? (vision.number('out_hidden_size') ?? hiddenSize)
        : (vision.number('intermediate_size') ?? Math.round(hiddenSize * (vision.number('mlp_ratio') ?? 4))),
    patchSize: first(vision.raw('patch_size')) ?? 14,
    imageSize: first(vision.raw('image_size')),
    merge:
      vision.number('spatial_merge_size') ??
      config.number('spatial_merge_size') ??
      first(vision.raw('merge_kernel_size', 'merge_size')) ??
      (type.startsWith('qwen') ? 2 : 1),
    temporalPatch: vision.number('temporal_patch_size') ?? 2,
    textWidth,
    vision,
    config,
  }
}

/** A number, or the first of a [height, width] pair. */
function first(value: unknown): number | null {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return typeof one === 'number' && one > 0 ? one : null
}

function repeated(tensor: ParameterTensor, layers: number): ParameterTensor {
  return { ...tensor, count: layers, parameters: tensor.parameters * layers, perLayer: true }
}

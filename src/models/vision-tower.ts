import type { ParameterTensor, VisionTower } from './architecture.ts'
import type { ConfigFields } from './config-fields.ts'
import { linear, norm, parameter } from './tensor.ts'

/**
 * The vision tower and projector of a multimodal config: shapes verified against transformers 5.18 for SigLIP, CLIP,
 * Pixtral and the Qwen-VL towers; another tower is read as a SigLIP-like one.
 */
export function readVisionTower(config: ConfigFields, textWidth: number): VisionTower | null {
  const vision = config.nested('vision_config')
  if (!vision) return null
  const hiddenSize = vision.number('hidden_size', 'embed_dim', 'width') ?? 0
  const layers = vision.number('num_hidden_layers', 'depth', 'layers') ?? 0
  if (hiddenSize < 1 || layers < 1 || hiddenSize > 1 << 16 || layers > 1 << 10) return null
  const type = vision.text('model_type') ?? config.text('model_type') ?? ''
  const isQwen = type.startsWith('qwen')
  const h = vision.raw('embed_dim') !== undefined && isQwen ? (vision.number('embed_dim') ?? hiddenSize) : hiddenSize
  const width = vision.number('intermediate_size') ?? Math.round(h * (vision.number('mlp_ratio') ?? 4))
  const heads = vision.number('num_attention_heads', 'num_heads', 'heads') ?? Math.max(1, Math.round(h / 64))
  const patchSize = vision.number('patch_size') ?? 14
  const imageSize = vision.number('image_size')
  const patches = imageSize === null ? null : Math.floor(imageSize / patchSize) ** 2
  const merge = vision.number('spatial_merge_size') ?? 1
  const isGated = type === 'qwen2_5_vl' || type === 'qwen2_5_vl_vision' || type === 'pixtral'
  const isPixtral = type === 'pixtral'
  const block = repeated(layers, [
    linear('vision.attn.qkv', 'vision', h, 3 * h, { bias: !isPixtral }),
    linear('vision.attn.proj', 'vision', h, h, { bias: !isPixtral }),
    ...(isGated
      ? [
          linear('vision.mlp.gate_proj', 'vision', h, width, { bias: !isPixtral }),
          linear('vision.mlp.up_proj', 'vision', h, width, { bias: !isPixtral }),
        ]
      : [linear('vision.mlp.fc1', 'vision', h, width, { bias: true })]),
    linear('vision.mlp.fc2', 'vision', width, h, { bias: !isPixtral }),
    norm('vision.norm1', h, !isGated),
    norm('vision.norm2', h, !isGated),
  ])
  const channels = 3 * (isQwen ? (vision.number('temporal_patch_size') ?? 2) : 1)
  const embeddingTensors = [
    parameter(
      'vision.patch_embed',
      'vision',
      channels * patchSize ** 2 * h + (isQwen && !type.startsWith('qwen3') ? 0 : isPixtral ? 0 : h),
      'convolution',
    ),
    ...(patches === null || isPixtral ? [] : [parameter('vision.position_embedding', 'vision', patches * h)]),
    ...(type.startsWith('qwen3')
      ? [parameter('vision.position_embedding', 'vision', (vision.number('num_position_embeddings') ?? 2304) * h)]
      : []),
    norm('vision.post_norm', h, !isGated),
  ]
  const merged = isQwen ? 4 * h : h
  const projector = isQwen
    ? [
        norm('vision.merger.norm', h, !isGated),
        linear('vision.merger.linear_fc1', 'projector', merged, merged, { bias: true }),
        linear('vision.merger.linear_fc2', 'projector', merged, textWidth, { bias: true }),
      ]
    : [norm('projector.norm', h), linear('projector.linear', 'projector', h, textWidth)]
  const imageTokens =
    config.number('mm_tokens_per_image') ?? (patches === null ? null : Math.round(patches / merge ** 2))
  return {
    hiddenSize: h,
    layers,
    heads,
    width,
    patchSize,
    imageSize,
    imageTokens,
    tensors: [...embeddingTensors, ...block],
    projector,
  }
}

function repeated(layers: number, tensors: readonly ParameterTensor[]): readonly ParameterTensor[] {
  return tensors.map(tensor => ({ ...tensor, count: layers, parameters: tensor.parameters * layers }))
}

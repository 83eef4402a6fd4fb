import type { ParameterTensor } from './architecture.ts'
import type { ConfigFields } from './config-fields.ts'
import { embedding, linear, norm, parameter } from './tensor.ts'

export interface TowerShape {
  readonly type: string
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly width: number
  readonly patchSize: number
  /** null: any resolution. */
  readonly imageSize: number | null
  /** Patches along one side that become one token. */
  readonly merge: number
  readonly temporalPatch: number
  readonly textWidth: number
  readonly vision: ConfigFields
  readonly config: ConfigFields
}

interface TowerTensors {
  readonly before: readonly ParameterTensor[]
  /** One block; the tower has `layers` of them. */
  readonly block: readonly ParameterTensor[]
  readonly after?: readonly ParameterTensor[]
}

const RGB = 3

function matrix(path: string, inFeatures: number, outFeatures: number, bias = true): ParameterTensor {
  return linear(`vision.${path}`, 'vision', inFeatures, outFeatures, { bias })
}

/** A convolution whose kernel covers a patch: adapters see it as a matrix [h, values of a patch]. */
function patches(
  { hiddenSize: h, patchSize }: TowerShape,
  { bias, frames = 1, path }: { readonly bias: boolean; readonly frames?: number; readonly path: string },
): ParameterTensor {
  return linear(`vision.${path}`, 'vision', RGB * frames * patchSize ** 2, h, { bias, kind: 'convolution' })
}

/** Patches of a square image. */
function grid({ imageSize, patchSize }: TowerShape): number {
  return Math.floor((imageSize ?? 0) / patchSize) ** 2
}

const projections = (module: string, h: number, bias: boolean, output: string): readonly ParameterTensor[] => [
  ...['q_proj', 'k_proj', 'v_proj'].map(leaf => matrix(`${module}.${leaf}`, h, h, bias)),
  matrix(`${module}.${output}`, h, h, bias),
]

const plainMlp = (
  h: number,
  width: number,
  names: readonly [string, string] = ['fc1', 'fc2'],
): readonly ParameterTensor[] => [matrix(`mlp.${names[0]}`, h, width), matrix(`mlp.${names[1]}`, width, h)]

const gatedMlp = (h: number, width: number, bias: boolean, module = 'mlp'): readonly ParameterTensor[] => [
  matrix(`${module}.gate_proj`, h, width, bias),
  matrix(`${module}.up_proj`, h, width, bias),
  matrix(`${module}.down_proj`, width, h, bias),
]

const norms = (h: number, bias: boolean, count = 2): readonly ParameterTensor[] =>
  Array.from({ length: count }, (_, index) => norm(`vision.norm${index + 1}`, h, bias))

const siglipBlock = (h: number, width: number, output = 'out_proj'): readonly ParameterTensor[] => [
  ...projections('self_attn', h, true, output),
  ...plainMlp(h, width),
  ...norms(h, true),
]

/** transformers 5.18 modelling files of the towers' types; MoonViT's stands beside its weights. */
export const TOWERS: Readonly<Record<string, (shape: TowerShape) => TowerTensors>> = {
  siglip_vision_model: shape => ({
    before: [
      patches(shape, { path: 'embeddings.patch_embedding', bias: true }),
      embedding('vision.position_embedding', grid(shape), shape.hiddenSize),
    ],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true), ...siglipHead(shape)],
  }),
  idefics3_vision: shape => ({
    before: [
      patches(shape, { path: 'embeddings.patch_embedding', bias: true }),
      embedding('vision.position_embedding', grid(shape), shape.hiddenSize),
    ],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true)],
  }),
  clip_vision_model: shape => ({
    before: [
      patches(shape, { path: 'embeddings.patch_embedding', bias: false }),
      parameter('vision.class_embedding', 'vision', shape.hiddenSize),
      embedding('vision.position_embedding', grid(shape) + 1, shape.hiddenSize),
      norm('vision.pre_layrnorm', shape.hiddenSize, true),
    ],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true)],
  }),
  pixtral: shape => ({
    before: [patches(shape, { path: 'patch_conv', bias: false }), norm('vision.ln_pre', shape.hiddenSize)],
    block: [
      ...projections('attention', shape.hiddenSize, false, 'o_proj'),
      ...gatedMlp(shape.hiddenSize, shape.width, false, 'feed_forward'),
      ...norms(shape.hiddenSize, false),
    ],
  }),
  qwen2_vl: shape => ({
    before: [patches(shape, { path: 'patch_embed.proj', bias: false, frames: shape.temporalPatch })],
    block: [
      ...qwenAttention(shape.hiddenSize),
      ...plainMlp(shape.hiddenSize, shape.width),
      ...norms(shape.hiddenSize, true),
    ],
  }),
  qwen2_5_vl: shape => ({
    before: [patches(shape, { path: 'patch_embed.proj', bias: false, frames: shape.temporalPatch })],
    block: [
      ...qwenAttention(shape.hiddenSize),
      ...gatedMlp(shape.hiddenSize, shape.width, true),
      ...norms(shape.hiddenSize, false),
    ],
  }),
  qwen2_5_omni_vision_encoder: shape => ({
    before: [patches(shape, { path: 'patch_embed.proj', bias: false, frames: shape.temporalPatch })],
    block: [
      ...['q', 'k', 'v', 'proj'].map(leaf => matrix(`attn.${leaf}`, shape.hiddenSize, shape.hiddenSize)),
      ...gatedMlp(shape.hiddenSize, shape.width, true),
      ...norms(shape.hiddenSize, false),
    ],
  }),
  qwen3_vl: shape => ({
    before: [
      patches(shape, { path: 'patch_embed.proj', bias: true, frames: shape.temporalPatch }),
      embedding('vision.pos_embed', shape.vision.number('num_position_embeddings') ?? 2304, shape.hiddenSize),
    ],
    block: [
      ...qwenAttention(shape.hiddenSize),
      ...plainMlp(shape.hiddenSize, shape.width, ['linear_fc1', 'linear_fc2']),
      ...norms(shape.hiddenSize, true),
    ],
  }),
  internvl_vision: shape => ({
    before: [
      patches(shape, { path: 'embeddings.patch_embeddings.projection', bias: true }),
      parameter('vision.cls_token', 'vision', shape.hiddenSize),
      parameter('vision.position_embeddings', 'vision', (grid(shape) + 1) * shape.hiddenSize),
    ],
    block: [
      ...['q_proj', 'k_proj', 'v_proj'].map(leaf =>
        matrix(`attention.${leaf}`, shape.hiddenSize, shape.hiddenSize, shape.vision.boolean('attention_bias')),
      ),
      matrix('attention.projection_layer', shape.hiddenSize, shape.hiddenSize),
      ...plainMlp(shape.hiddenSize, shape.width),
      ...norms(shape.hiddenSize, true),
      parameter('vision.lambda', 'vision', 2 * shape.hiddenSize),
    ],
  }),
  llama4_vision_model: shape => ({
    before: [
      matrix('patch_embedding.linear', RGB * shape.patchSize ** 2, shape.hiddenSize, false),
      parameter('vision.class_embedding', 'vision', shape.hiddenSize),
      parameter('vision.positional_embedding', 'vision', (grid(shape) + 1) * shape.hiddenSize),
      norm('vision.layernorm_pre', shape.hiddenSize, true),
    ],
    block: siglipBlock(shape.hiddenSize, shape.width, 'o_proj'),
    after: [norm('vision.layernorm_post', shape.hiddenSize, true)],
  }),
  muse_glimmer_vision: shape => ({
    before: [
      matrix(
        'patch_embedder.patch_embedding',
        RGB * (shape.vision.number('patch_temporal') ?? 2) * shape.patchSize ** 2,
        shape.hiddenSize,
        false,
      ),
      embedding(
        'vision.patch_embedder.position_embedding_table',
        (shape.vision.number('pos_emb_height') ?? 32) * (shape.vision.number('pos_emb_width') ?? 32),
        shape.hiddenSize,
      ),
      norm('vision.ln_pre', shape.hiddenSize, true),
    ],
    block: [
      ...projections('attn', shape.hiddenSize, true, 'proj'),
      ...plainMlp(shape.hiddenSize, shape.width),
      ...norms(shape.hiddenSize, true),
    ],
    after: [norm('vision.ln_post', shape.hiddenSize, true)],
  }),
  moonvit: shape => ({
    before: [
      patches(shape, { path: 'patch_embed.proj', bias: true }),
      parameter(
        'vision.patch_embed.pos_emb',
        'vision',
        (shape.vision.number('init_pos_emb_height') ?? 64) *
          (shape.vision.number('init_pos_emb_width') ?? 64) *
          shape.hiddenSize,
      ),
    ],
    block: [
      matrix('wqkv', shape.hiddenSize, 3 * shape.hiddenSize),
      matrix('wo', shape.hiddenSize, shape.hiddenSize),
      ...plainMlp(shape.hiddenSize, shape.width, ['fc0', 'fc1']),
      ...norms(shape.hiddenSize, true),
    ],
    after: [norm('vision.encoder.final_layernorm', shape.hiddenSize, true)],
  }),
  mllama_vision_model: shape => mllamaTower(shape),
  gemma4_vision: shape => ({
    before: [
      parameter(
        'vision.position_embedding_table',
        'vision',
        2 * (shape.vision.number('position_embedding_size') ?? 10_240) * shape.hiddenSize,
      ),
      matrix('patch_embedder.input_proj', RGB * shape.patchSize ** 2, shape.hiddenSize, false),
    ],
    block: gemma4Block(shape),
  }),
  glm4v: shape => ({
    before: [
      patches(shape, { path: 'patch_embed.proj', bias: true, frames: shape.temporalPatch }),
      embedding('vision.position_embedding', grid(shape), shape.hiddenSize),
      norm('vision.post_conv_layernorm', shape.hiddenSize),
    ],
    block: [
      matrix('attn.qkv', shape.hiddenSize, 3 * shape.hiddenSize, shape.vision.boolean('attention_bias')),
      matrix('attn.proj', shape.hiddenSize, shape.hiddenSize, false),
      ...gatedMlp(shape.hiddenSize, shape.width, false),
      ...norms(shape.hiddenSize, false),
    ],
    after: [norm('vision.post_layernorm', shape.hiddenSize)],
  }),
}

/** MllamaVisionModel: tables of tiles by aspect ratio, a gate each; global layers have two more. */
function mllamaTower(shape: TowerShape): TowerTensors {
  const { hiddenSize: h, width, vision } = shape
  const places = grid(shape) + 1
  const tiles = vision.number('max_num_tiles') ?? 4
  const listed = vision.raw('supported_aspect_ratios')
  const ratios = 1 + (Array.isArray(listed) ? listed.length : 8)
  const gates = 3 + 2 * (vision.number('num_global_layers') ?? 8)
  return {
    before: [
      patches(shape, { path: 'patch_embedding', bias: false }),
      parameter('vision.class_embedding', 'vision', h),
      parameter('vision.gated_positional_embedding', 'vision', places * h),
      embedding('vision.tile_embedding', ratios, tiles * places * h),
      embedding('vision.pre_tile_positional_embedding', ratios, tiles * h),
      embedding('vision.post_tile_positional_embedding', ratios, tiles * h),
      parameter('vision.gates', 'vision', gates),
      norm('vision.layernorm_pre', h, true),
    ],
    block: [...projections('self_attn', h, false, 'o_proj'), ...plainMlp(h, width), ...norms(h, true)],
    after: [norm('vision.layernorm_post', h, true)],
  }
}

function qwenAttention(h: number): readonly ParameterTensor[] {
  return [matrix('attn.qkv', h, 3 * h), matrix('attn.proj', h, h)]
}

/** SiglipMultiheadAttentionPoolingHead; Gemma 3 and PaliGemma turn it off in their configs. */
function siglipHead({ hiddenSize: h, width, vision }: TowerShape): readonly ParameterTensor[] {
  if (!vision.boolean('vision_use_head', true)) return []
  return [
    parameter('vision.head.probe', 'vision', h),
    parameter('vision.head.attention.in_proj', 'vision', 3 * h * h + 3 * h),
    matrix('head.attention.out_proj', h, h),
    norm('vision.head.layernorm', h, true),
    matrix('head.mlp.fc1', h, width),
    matrix('head.mlp.fc2', width, h),
  ]
}

function gemma4Block({ hiddenSize: h, width, heads, vision }: TowerShape): readonly ParameterTensor[] {
  const headDim = vision.number('head_dim') ?? Math.floor(h / heads)
  const keyValue = (vision.number('num_key_value_heads') ?? heads) * headDim
  const wrapped = (path: string, inFeatures: number, outFeatures: number): ParameterTensor =>
    matrix(`${path}.linear`, inFeatures, outFeatures, false)
  return [
    wrapped('self_attn.q_proj', h, heads * headDim),
    wrapped('self_attn.k_proj', h, keyValue),
    wrapped('self_attn.v_proj', h, keyValue),
    wrapped('self_attn.o_proj', heads * headDim, h),
    norm('vision.self_attn.q_norm', headDim),
    norm('vision.self_attn.k_norm', headDim),
    wrapped('mlp.gate_proj', h, width),
    wrapped('mlp.up_proj', h, width),
    wrapped('mlp.down_proj', width, h),
    ...norms(h, false, 4),
  ]
}

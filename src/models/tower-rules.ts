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

function patches(
  { hiddenSize: h, patchSize }: TowerShape,
  options: { readonly bias: boolean; readonly frames?: number },
): ParameterTensor {
  const elements = RGB * (options.frames ?? 1) * patchSize ** 2 * h
  return parameter('vision.patch_embed', 'vision', elements + (options.bias ? h : 0), 'convolution')
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

const gatedMlp = (h: number, width: number, bias: boolean): readonly ParameterTensor[] => [
  matrix('mlp.gate_proj', h, width, bias),
  matrix('mlp.up_proj', h, width, bias),
  matrix('mlp.down_proj', width, h, bias),
]

const norms = (h: number, bias: boolean, count = 2): readonly ParameterTensor[] =>
  Array.from({ length: count }, (_, index) => norm(`vision.norm${index + 1}`, h, bias))

const siglipBlock = (h: number, width: number, output = 'out_proj'): readonly ParameterTensor[] => [
  ...projections('self_attn', h, true, output),
  ...plainMlp(h, width),
  ...norms(h, true),
]

/** transformers 5.18 modelling files of the towers' types. */
export const TOWERS: Readonly<Record<string, (shape: TowerShape) => TowerTensors>> = {
  siglip_vision_model: shape => ({
    before: [patches(shape, { bias: true }), embedding('vision.position_embedding', grid(shape), shape.hiddenSize)],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true), ...siglipHead(shape)],
  }),
  idefics3_vision: shape => ({
    before: [patches(shape, { bias: true }), embedding('vision.position_embedding', grid(shape), shape.hiddenSize)],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true)],
  }),
  clip_vision_model: shape => ({
    before: [
      patches(shape, { bias: false }),
      parameter('vision.class_embedding', 'vision', shape.hiddenSize),
      embedding('vision.position_embedding', grid(shape) + 1, shape.hiddenSize),
      norm('vision.pre_layrnorm', shape.hiddenSize, true),
    ],
    block: siglipBlock(shape.hiddenSize, shape.width),
    after: [norm('vision.post_layernorm', shape.hiddenSize, true)],
  }),
  pixtral: shape => ({
    before: [patches(shape, { bias: false }), norm('vision.ln_pre', shape.hiddenSize)],
    block: [
      ...projections('attention', shape.hiddenSize, false, 'o_proj'),
      ...gatedMlp(shape.hiddenSize, shape.width, false),
      ...norms(shape.hiddenSize, false),
    ],
  }),
  qwen2_vl: shape => ({
    before: [patches(shape, { bias: false, frames: shape.temporalPatch })],
    block: [
      ...qwenAttention(shape.hiddenSize),
      ...plainMlp(shape.hiddenSize, shape.width),
      ...norms(shape.hiddenSize, true),
    ],
  }),
  qwen2_5_vl: shape => ({
    before: [patches(shape, { bias: false, frames: shape.temporalPatch })],
    block: [
      ...qwenAttention(shape.hiddenSize),
      ...gatedMlp(shape.hiddenSize, shape.width, true),
      ...norms(shape.hiddenSize, false),
    ],
  }),
  qwen3_vl: shape => ({
    before: [
      patches(shape, { bias: true, frames: shape.temporalPatch }),
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
      patches(shape, { bias: true }),
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
      patches(shape, { bias: true, frames: shape.temporalPatch }),
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
    ...plainMlp(h, width),
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

function project(path: string, inFeatures: number, outFeatures: number, bias = true): ParameterTensor {
  return linear(`projector.${path}`, 'projector', inFeatures, outFeatures, { bias })
}

const llava = ({ hiddenSize, textWidth }: TowerShape): readonly ParameterTensor[] => [
  project('linear_1', hiddenSize, textWidth),
  project('linear_2', textWidth, textWidth),
]

function qwenMerger(names: readonly [string, string], bias: boolean) {
  return ({ hiddenSize: h, merge, textWidth, vision }: TowerShape): readonly ParameterTensor[] => {
    const merged = h * merge ** 2
    const out = vision.number('out_hidden_size') ?? textWidth
    return [norm('projector.norm', h, bias), project(names[0], merged, merged), project(names[1], merged, out)]
  }
}

/** Qwen3-VL: the merger, and one more for each layer whose output also goes into the text model. */
function qwen3Merger(shape: TowerShape): readonly ParameterTensor[] {
  const { hiddenSize: h, merge, textWidth, vision } = shape
  const listed = vision.raw('deepstack_visual_indexes')
  const deep = Array.isArray(listed) ? listed.length : 0
  const merged = h * merge ** 2
  const out = vision.number('out_hidden_size') ?? textWidth
  return [
    ...qwenMerger(['linear_fc1', 'linear_fc2'], true)(shape),
    ...Array.from({ length: deep }, (_, index) => [
      norm(`projector.deepstack.${index}.norm`, merged, true),
      project(`deepstack.${index}.linear_fc1`, merged, merged),
      project(`deepstack.${index}.linear_fc2`, merged, out),
    ]).flat(),
  ]
}

/** What joins a tower to the text model, by the model's type or else the tower's. */
export const PROJECTORS: Readonly<Record<string, (shape: TowerShape) => readonly ParameterTensor[]>> = {
  linear: ({ hiddenSize, textWidth }) => [
    norm('projector.norm', hiddenSize),
    project('linear', hiddenSize, textWidth, false),
  ],
  gemma3: ({ hiddenSize, textWidth }) => [
    parameter('projector.mm_input_projection_weight', 'projector', hiddenSize * textWidth),
    norm('projector.mm_soft_emb_norm', hiddenSize),
  ],
  paligemma: ({ hiddenSize, textWidth, config }) => [
    project('linear', hiddenSize, config.number('projection_dim') ?? textWidth),
  ],
  llava,
  llava_next: shape => [...llava(shape), parameter('image_newline', 'projector', shape.textWidth)],
  mistral3: ({ hiddenSize: h, textWidth, config }) => [
    norm('projector.norm', h),
    project('patch_merger.merging_layer', h * (config.number('spatial_merge_size') ?? 2) ** 2, h, false),
    project('linear_1', h, textWidth, config.boolean('multimodal_projector_bias')),
    project('linear_2', textWidth, textWidth, config.boolean('multimodal_projector_bias')),
  ],
  idefics3_vision: ({ hiddenSize, textWidth, config }) => [
    project('modality_projection.proj', hiddenSize * (config.number('scale_factor') ?? 2) ** 2, textWidth, false),
  ],
  internvl_vision: ({ hiddenSize, textWidth, config }) => {
    const merged = hiddenSize * Math.round(1 / (config.number('downsample_ratio') ?? 0.5)) ** 2
    return [
      norm('projector.layer_norm', merged, true),
      project('linear_1', merged, textWidth),
      project('linear_2', textWidth, textWidth),
    ]
  },
  qwen2_vl: qwenMerger(['mlp.0', 'mlp.2'], true),
  qwen2_5_vl: qwenMerger(['mlp.0', 'mlp.2'], false),
  qwen3_vl: qwen3Merger,
  llama4_vision_model: ({ width, vision, textWidth }) => {
    const [into, out] = [vision.number('projector_input_dim') ?? 4096, vision.number('projector_output_dim') ?? 4096]
    return [
      project('vision_adapter.mlp.fc1', width, into, false),
      project('vision_adapter.mlp.fc2', into, out, false),
      project('linear_1', vision.number('vision_output_dim') ?? out, textWidth, false),
    ]
  },
  gemma4_vision: ({ hiddenSize, textWidth }) => [project('embedding_projection', hiddenSize, textWidth, false)],
  glm4v: ({ hiddenSize: h, merge, vision, textWidth }) => {
    const out = vision.number('out_hidden_size') ?? textWidth
    const width = vision.number('intermediate_size') ?? out
    return [
      parameter('projector.downsample', 'projector', h * out * merge ** 2 + out, 'convolution'),
      project('proj', out, out, false),
      norm('projector.post_projection_norm', out, true),
      project('gate_proj', out, width, false),
      project('up_proj', out, width, false),
      project('down_proj', width, out, false),
    ]
  },
}

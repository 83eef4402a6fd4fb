import type { ParameterTensor } from './architecture.ts'
import { linear, norm, parameter } from './tensor.ts'
import type { TowerShape } from './tower-rules.ts'

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
      project(`deepstack_merger_list.${index}.linear_fc1`, merged, merged),
      project(`deepstack_merger_list.${index}.linear_fc2`, merged, out),
    ]).flat(),
  ]
}

function mergedTwice({ hiddenSize: h, merge, textWidth }: TowerShape): readonly ParameterTensor[] {
  const merged = h * merge ** 2
  return [
    norm('projector.pre_norm', h, true),
    project('linear_1', merged, merged),
    project('linear_2', merged, textWidth),
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
  qwen2_5_omni_vision_encoder: qwenMerger(['mlp.0', 'mlp.2'], false),
  qwen3_vl: qwen3Merger,
  llama4_vision_model: ({ width, vision, textWidth }) => {
    const [into, out] = [vision.number('projector_input_dim') ?? 4096, vision.number('projector_output_dim') ?? 4096]
    return [
      project('vision_adapter.mlp.fc1', width, into, false),
      project('vision_adapter.mlp.fc2', into, out, false),
      project('linear_1', vision.number('vision_output_dim') ?? out, textWidth, false),
    ]
  },
  mllama_vision_model: ({ hiddenSize, vision, textWidth }) => [
    project('multi_modal_projector', vision.number('vision_output_dim') ?? hiddenSize, textWidth),
  ],
  gemma4_vision: ({ hiddenSize, textWidth }) => [project('embedding_projection', hiddenSize, textWidth, false)],
  kimi_vl: mergedTwice,
  paddleocr_vl: mergedTwice,
  muse_glimmer: ({ hiddenSize: h, merge, textWidth, config }) => {
    const width = config.number('projector_hidden_size') ?? 4096
    return [
      project('fc1', config.number('out_hidden_size') ?? h * merge ** 2, width, false),
      project('fc2', width, width, false),
      project('vision_projection', width, textWidth, false),
    ]
  },
  locateanything: ({ hiddenSize: h, merge, textWidth }) => [
    norm('projector.0', h * merge ** 2, true),
    project('1', h * merge ** 2, textWidth),
    project('3', textWidth, textWidth),
  ],
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

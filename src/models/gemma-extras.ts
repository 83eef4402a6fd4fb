import type { ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import type { LayerExtraOptions } from './family.ts'
import { embedding, linear, norm, parameter } from './tensor.ts'

/** transformers 5.18 models/gemma3n Gemma3nTextDecoderLayer: AltUp, Laurel and the per-layer input beside the block. */
export function gemma3nLayer({ fields, dimensions }: LayerExtraOptions): readonly ParameterTensor[] {
  const { hiddenSize: h } = dimensions
  const inputs = fields.number('altup_num_inputs') ?? 4
  const rank = fields.number('laurel_rank') ?? 64
  return [
    linear('altup.correction_coefs', 'other', inputs, inputs),
    linear('altup.prediction_coefs', 'other', inputs, inputs * inputs),
    linear('altup.modality_router', 'other', h, inputs),
    norm('altup.router_norm', h),
    parameter('altup.correct_output_scale', 'other', h),
    linear('laurel.linear_left', 'other', h, rank),
    linear('laurel.linear_right', 'other', rank, h),
    norm('laurel.post_laurel_norm', h),
    ...perLayerInput(fields, h),
  ]
}

/** models/gemma4 Gemma4TextDecoderLayer: the per-layer input, where the model has one. */
export function gemma4Layer({ fields, dimensions }: LayerExtraOptions): readonly ParameterTensor[] {
  return perLayerInput(fields, dimensions.hiddenSize)
}

function perLayerInput(fields: ConfigFields, h: number): readonly ParameterTensor[] {
  const width = fields.number('hidden_size_per_layer_input') ?? 0
  if (width === 0) return []
  return [
    linear('per_layer_input_gate', 'other', h, width),
    linear('per_layer_projection', 'other', width, h),
    norm('post_per_layer_input_norm', h),
  ]
}

/** The table of per-layer inputs of both generations, and the AltUp projections of the first. */
export function gemmaEmbedding(fields: ConfigFields, dimensions: BlockDimensions): readonly ParameterTensor[] {
  const { hiddenSize: h, layers } = dimensions
  const width = fields.number('hidden_size_per_layer_input') ?? 0
  const rows = fields.number('vocab_size_per_layer_input') ?? 0
  // a config may state any number; what is beyond reason shows in the layers' own tensors
  const copies = Math.min((fields.number('altup_num_inputs') ?? 1) - 1, 64)
  const perLayer =
    width === 0
      ? []
      : [
          embedding('embed_tokens_per_layer', rows, layers * width),
          linear('per_layer_model_projection', 'other', h, layers * width),
          norm('per_layer_projection_norm', width),
        ]
  return [
    ...perLayer,
    ...['altup_projections', 'altup_unembed_projections'].flatMap(path =>
      Array.from({ length: copies }, (_, index) => linear(`${path}.${index}`, 'other', h, h)),
    ),
  ]
}

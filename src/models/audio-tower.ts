import { rowOf } from '../plan/row-of.ts'
import type { ParameterTensor } from './architecture.ts'
import type { ConfigFields } from './config-fields.ts'
import { embedding, linear, norm } from './tensor.ts'

export interface AudioTower {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly width: number
  readonly tensors: readonly ParameterTensor[]
  readonly projector: readonly ParameterTensor[]
}

/** What differs between the encoders that are built like Whisper's (transformers 5.18 models/{voxtral,qwen2_audio,qwen2_5_omni}). */
interface AudioRule {
  /** Positions are a table of the weights; sinusoids are not. */
  readonly hasPositions: boolean
  readonly projector: (sizes: {
    readonly hiddenSize: number
    readonly width: number
    readonly textWidth: number
  }) => readonly ParameterTensor[]
}

function project(path: string, inFeatures: number, outFeatures: number, bias: boolean): ParameterTensor {
  return linear(`projector.${path}`, 'projector', inFeatures, outFeatures, { bias })
}

const RULES: Readonly<Record<string, AudioRule>> = {
  voxtral_encoder: {
    hasPositions: true,
    projector: ({ width, textWidth }) => [
      project('linear_1', width, textWidth, false),
      project('linear_2', textWidth, textWidth, false),
    ],
  },
  qwen2_audio_encoder: {
    hasPositions: true,
    projector: ({ hiddenSize, textWidth }) => [project('linear', hiddenSize, textWidth, true)],
  },
  qwen2_5_omni_audio_encoder: {
    hasPositions: false,
    projector: ({ hiddenSize, textWidth }) => [
      embedding('projector.audio_bos_eos_token', 2, textWidth),
      project('proj', hiddenSize, textWidth, true),
    ],
  },
}

/** The audio encoder of a multimodal config; null: it has none, or one of another kind. */
export function readAudioTower(config: ConfigFields, textWidth: number): AudioTower | null {
  const audio = config.nested('audio_config')
  const rule = rowOf(RULES, audio?.text('model_type') ?? '')
  if (!audio || !rule) return null
  const h = audio.number('d_model', 'hidden_size') ?? 1280
  const layers = audio.number('encoder_layers', 'num_hidden_layers') ?? 32
  const width = audio.number('encoder_ffn_dim', 'intermediate_size') ?? 4 * h
  const bands = audio.number('num_mel_bins') ?? 128
  const places = audio.number('max_source_positions') ?? 1500
  if (![h, layers, width, bands, places].every(size => Number.isInteger(size) && size > 0 && size < 1 << 20))
    return null
  const matrix = (path: string, inFeatures: number, outFeatures: number, bias = true): ParameterTensor => {
    const one = linear(`audio.${path}`, 'vision', inFeatures, outFeatures, { bias })
    return { ...one, count: layers, parameters: layers * one.parameters, perLayer: true }
  }
  const block = (name: string): ParameterTensor => {
    const one = norm(`audio.${name}`, h, true)
    return { ...one, count: layers, parameters: layers * one.parameters, perLayer: true }
  }
  return {
    hiddenSize: h,
    layers,
    heads: audio.number('encoder_attention_heads', 'num_attention_heads') ?? 20,
    width,
    tensors: [
      linear('audio.conv1', 'vision', 3 * bands, h, { bias: true, kind: 'convolution' }),
      linear('audio.conv2', 'vision', 3 * h, h, { bias: true, kind: 'convolution' }),
      ...(rule.hasPositions ? [{ ...embedding('audio.embed_positions', places, h), constant: true as const }] : []),
      ...['q_proj', 'v_proj', 'out_proj'].map(leaf => matrix(`self_attn.${leaf}`, h, h)),
      matrix('self_attn.k_proj', h, h, false),
      matrix('fc1', h, width),
      matrix('fc2', width, h),
      block('self_attn_layer_norm'),
      block('final_layer_norm'),
      norm('audio.layer_norm', h, true),
    ],
    projector: rule.projector({ hiddenSize: h, width, textWidth }),
  }
}

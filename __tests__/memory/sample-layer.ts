import type { Layer, ParameterTensor } from '../../src/models/architecture.ts'

export interface LlamaShape {
  readonly hidden: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  readonly width: number
  readonly qkNorm?: 'none' | 'head'
}

/** One Llama-like layer, written by hand. */
export function llamaLayer(shape: LlamaShape): Layer {
  const query = shape.heads * shape.headDim
  const keyValue = shape.keyValueHeads * shape.headDim
  const { hidden, width } = shape
  return {
    attention: {
      kind: 'mha',
      heads: shape.heads,
      keyValueHeads: shape.keyValueHeads,
      headDim: shape.headDim,
      queryWidth: query,
      keyValueWidth: keyValue,
      fusedQkv: false,
      qkNorm: shape.qkNorm ?? 'none',
      outputGate: false,
      softcap: false,
      rotary: true,
      window: null,
      dropout: 0,
      causal: true,
      latent: null,
      mixer: null,
    },
    mlp: { kind: 'gated', width, activation: 'silu' },
    moe: null,
    norms: { kind: 'rms', count: 2, float32Weight: false, placement: 'pre', affine: true },
    parallelResidual: false,
    tensors: [
      weight('self_attn.q_proj', 'attention', [hidden, query]),
      weight('self_attn.k_proj', 'attention', [hidden, keyValue]),
      weight('self_attn.v_proj', 'attention', [hidden, keyValue]),
      weight('self_attn.o_proj', 'attention', [query, hidden]),
      weight('mlp.gate_proj', 'mlp', [hidden, width]),
      weight('mlp.up_proj', 'mlp', [hidden, width]),
      weight('mlp.down_proj', 'mlp', [width, hidden]),
      weight('input_layernorm', 'norm', [hidden, 1]),
      weight('post_attention_layernorm', 'norm', [hidden, 1]),
      ...(shape.qkNorm === 'head'
        ? [
            weight('self_attn.q_norm', 'norm', [shape.headDim, 1]),
            weight('self_attn.k_norm', 'norm', [shape.headDim, 1]),
          ]
        : []),
    ],
  }
}

export function weight(
  path: string,
  part: ParameterTensor['part'],
  [inFeatures, outFeatures]: readonly [number, number],
): ParameterTensor {
  return {
    path,
    kind: part === 'norm' ? 'norm' : part === 'embedding' ? 'embedding' : 'linear',
    part,
    inFeatures,
    outFeatures,
    bias: false,
    count: 1,
    parameters: inFeatures * outFeatures,
    fused: false,
  }
}

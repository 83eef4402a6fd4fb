import type { Family } from '../family.ts'

/** Pieces and blocks that several families are variations of. */
export const QKV = ['q_proj', 'k_proj', 'v_proj'] as const
export const SEPARATE = {
  names: QKV,
  output: 'o_proj',
  module: 'self_attn',
  bias: 'attention_bias',
  outputBias: 'attention_bias',
} as const
export const GATED = {
  kind: 'gated',
  names: ['gate_proj', 'up_proj', 'down_proj'],
  module: 'mlp',
  bias: false,
} as const
export const RMS = { kind: 'rms', perLayer: 2 } as const
export const LAYER_NORM = { kind: 'layernorm', perLayer: 2, bias: true } as const
export const LLAMA: Family = {
  attention: SEPARATE,
  mlp: { ...GATED, bias: 'mlp_bias' },
  norm: RMS,
  defaults: { tie_word_embeddings: false, hidden_act: 'silu' },
}
export const QWEN2: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, bias: true, outputBias: false },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 32 },
}
export const MISTRAL: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, bias: false, outputBias: false },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 8 },
}
export const QWEN3: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, qkNorm: 'head' },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 32, head_dim: 128 },
}
export const OLMO2: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, qkNorm: 'full' },
  mlp: GATED,
  norm: { ...RMS, placement: 'post', float32Weight: true },
}
export const DEEPSEEK: Family = { ...LLAMA, mlp: GATED, moe: 'deepseek' }
export const MPT: Family = {
  attention: { names: ['Wqkv'], output: 'out_proj', module: 'attn', bias: false, outputBias: false },
  mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'ffn', bias: false },
  norm: { kind: 'layernorm', perLayer: 2 },
  rotary: false,
  defaults: { tie_word_embeddings: true, hidden_act: 'gelu' },
}
export const MIXTRAL: Family = { ...MISTRAL, moe: 'mixtral' }

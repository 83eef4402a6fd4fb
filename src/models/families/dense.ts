import type { Family } from '../family.ts'
import { linear, norm, parameter } from '../tensor.ts'
import { GATED, LAYER_NORM, LLAMA, MISTRAL, OLMO2, QWEN2, QWEN3, RMS, SEPARATE } from './shared-blocks.ts'

const GLM: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, outputBias: false },
  mlp: { kind: 'fused-gated', names: ['gate_up_proj', 'down_proj'], module: 'mlp', bias: false },
  defaults: { ...LLAMA.defaults, attention_bias: true, head_dim: 128, num_key_value_heads: 2 },
}
const GLM4V: Family = {
  ...GLM,
  norm: { ...RMS, perLayer: 4, placement: 'sandwich' },
  attention: { ...SEPARATE, bias: true, outputBias: false },
  defaults: { ...LLAMA.defaults, num_key_value_heads: 2 },
}
const COHERE: Family = {
  ...LLAMA,
  mlp: GATED,
  norm: { kind: 'layernorm', perLayer: 1 },
  parallelResidual: true,
  defaults: { ...LLAMA.defaults, tie_word_embeddings: true },
}

const ERNIE: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, bias: 'use_bias', outputBias: 'use_bias' },
  mlp: { ...GATED, bias: 'use_bias' },
  headBias: 'use_bias',
  defaults: { ...LLAMA.defaults, tie_word_embeddings: true, head_dim: 128 },
}

/** Dense decoders with rotary positions. */
export const DENSE_FAMILIES: Readonly<Record<string, Family>> = {
  llama: LLAMA,
  mllama_text_model: { ...LLAMA, mlp: GATED, extraTokens: 8 },
  mistral: MISTRAL,
  ministral: MISTRAL,
  ministral3: MISTRAL,
  cwm: MISTRAL,
  qwen2: QWEN2,
  qwen2_vl_text: QWEN2,
  qwen2_5_vl_text: QWEN2,
  qwen2_5_omni_text: QWEN2,
  qwen2_vl: QWEN2,
  qwen2_5_vl: QWEN2,
  qwen3: QWEN3,
  qwen3_vl_text: QWEN3,
  qwen3_vl: QWEN3,
  paddleocr_vl_text: ERNIE,
  'nemotron-nas': LLAMA,
  muse_glimmer_text: {
    ...LLAMA,
    attention: {
      ...SEPARATE,
      extra: (_fields, { hiddenSize, heads, headDim }) => [
        linear('gate_proj', 'attention', hiddenSize, heads * headDim),
      ],
    },
    mlp: GATED,
    norm: { ...RMS, perLayer: 4, placement: 'sandwich', float32Weight: true },
  },
  // LLaDA-8B (modeling_llada.py beside its weights): a Llama block under OLMo's names
  llada: {
    ...LLAMA,
    attention: { ...SEPARATE, output: 'attn_out', module: '', bias: 'include_qkv_bias', outputBias: 'include_bias' },
    mlp: { kind: 'gated', names: ['ff_proj', 'up_proj', 'ff_out'], module: '', bias: 'include_bias' },
  },
  phi3: {
    ...LLAMA,
    attention: {
      names: ['qkv_proj'],
      output: 'o_proj',
      module: 'self_attn',
      bias: false,
      outputBias: false,
      joinsRotaryParts: true,
    },
    mlp: { kind: 'fused-gated', names: ['gate_up_proj', 'down_proj'], module: 'mlp', bias: false },
  },
  glm: GLM,
  glm4v_text: GLM4V,
  glm4v: GLM4V,
  glm4: { ...GLM, norm: { ...RMS, perLayer: 4, placement: 'sandwich' } },
  olmo: { ...LLAMA, mlp: GATED, norm: { kind: 'layernorm', perLayer: 2, affine: false } },
  olmo2: OLMO2,
  olmo3: OLMO2,
  granite: LLAMA,
  smollm3: { ...LLAMA, defaults: { ...LLAMA.defaults, tie_word_embeddings: true, num_key_value_heads: 4 } },
  cohere: { ...COHERE, attention: { ...SEPARATE, qkNorm: 'full', qkNormWhen: 'use_qk_norm' } },
  cohere2: COHERE,
  stablelm: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: 'use_qkv_bias', outputBias: false, qkNorm: 'full', qkNormWhen: 'qk_layernorm' },
    mlp: GATED,
    norm: LAYER_NORM,
    parallelResidual: 'use_parallel_residual',
  },
  starcoder2: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: 'use_bias', outputBias: 'use_bias' },
    mlp: { kind: 'plain', names: ['c_fc', 'c_proj'], module: 'mlp', bias: 'use_bias' },
    norm: LAYER_NORM,
    defaults: { tie_word_embeddings: true, use_bias: true, num_key_value_heads: 2, hidden_act: 'gelu_pytorch_tanh' },
  },
  exaone4: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: false, outputBias: false, qkNorm: 'head' },
    mlp: GATED,
    norm: { ...RMS, placement: 'post' },
  },
  hunyuan_v1_dense: {
    ...LLAMA,
    attention: { ...SEPARATE, qkNorm: 'head', qkNormNames: ['query_layernorm', 'key_layernorm'] },
    mlp: GATED,
  },
  ernie4_5: ERNIE,
  seed_oss: {
    ...LLAMA,
    attention: { ...SEPARATE, outputBias: 'attention_out_bias' },
    defaults: { ...LLAMA.defaults, attention_bias: true, head_dim: 128 },
  },
  arcee: {
    ...LLAMA,
    mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'mlp', bias: 'mlp_bias' },
    defaults: { ...LLAMA.defaults, hidden_act: 'relu2' },
  },
  nemotron: {
    ...LLAMA,
    mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'mlp', bias: 'mlp_bias' },
    norm: LAYER_NORM,
    defaults: { ...LLAMA.defaults, hidden_act: 'relu2' },
  },
  apertus: {
    ...LLAMA,
    attention: { ...SEPARATE, qkNorm: 'head' },
    mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'mlp', bias: 'mlp_bias' },
    layerExtras: () => [parameter('mlp.act_fn', 'mlp', 2)],
  },
  bitnet: {
    ...LLAMA,
    layerExtras: ({ dimensions: { hiddenSize, width } }) => [
      norm('self_attn.attn_sub_norm', hiddenSize),
      norm('mlp.ffn_sub_norm', width),
    ],
  },
  diffllama: {
    ...LLAMA,
    attention: { ...SEPARATE, extra: (_fields, { headDim }) => [parameter('lambda', 'attention', 4 * headDim)] },
  },
  helium: { ...LLAMA, attention: { ...SEPARATE, outputBias: false } },
  minicpm: LLAMA,
  mimo: QWEN2,
  minicpm3: { ...LLAMA, mlp: GATED, defaults: { ...LLAMA.defaults, tie_word_embeddings: true } },
}

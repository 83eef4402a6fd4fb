import type { Family } from '../family.ts'
import { GATED, LAYER_NORM, LLAMA, MPT, QKV, RMS, SEPARATE } from './shared-blocks.ts'

const GPT_NEOX: Family = {
  attention: {
    names: ['query_key_value'],
    output: 'dense',
    module: 'attention',
    bias: 'attention_bias',
    outputBias: 'attention_bias',
    joinsRotaryParts: true,
  },
  mlp: { kind: 'plain', names: ['dense_h_to_4h', 'dense_4h_to_h'], module: 'mlp', bias: true },
  norm: LAYER_NORM,
  parallelResidual: 'use_parallel_residual',
  defaults: { tie_word_embeddings: false, attention_bias: true, use_parallel_residual: true, hidden_act: 'gelu' },
}
const GPT2: Family = {
  attention: {
    names: ['c_attn'],
    output: 'c_proj',
    module: 'attn',
    bias: true,
    outputBias: true,
    nativeSoftmax: true,
  },
  mlp: { kind: 'plain', names: ['c_fc', 'c_proj'], module: 'mlp', bias: true },
  norm: LAYER_NORM,
  rotary: false,
  conv1d: true,
  positions: { keys: ['n_positions', 'max_position_embeddings', 'n_ctx'] },
  defaults: {
    tie_word_embeddings: true,
    n_positions: 1024,
    activation_function: 'gelu_new',
    resid_pdrop: 0.1,
    embd_pdrop: 0.1,
    attn_pdrop: 0.1,
    vocab_size: 50257,
  },
}
const BLOOM: Family = {
  ...GPT_NEOX,
  attention: { names: ['query_key_value'], output: 'dense', module: 'self_attention', bias: true, outputBias: true },
  parallelResidual: false,
  rotary: false,
  embeddingNorm: true,
  defaults: { tie_word_embeddings: true, hidden_act: 'gelu_new' },
}
const FALCON: Family = {
  ...GPT_NEOX,
  attention: {
    nativeSoftmax: true,
    names: ['query_key_value'],
    output: 'dense',
    module: 'self_attention',
    bias: 'bias',
    outputBias: 'bias',
  },
  mlp: { kind: 'plain', names: ['dense_h_to_4h', 'dense_4h_to_h'], module: 'mlp', bias: 'bias' },
  parallelResidual: 'parallel_attn',
  defaults: {
    tie_word_embeddings: true,
    bias: false,
    parallel_attn: true,
    multi_query: true,
    new_decoder_architecture: false,
    hidden_act: 'gelu',
  },
}
const QWEN1: Family = {
  attention: { names: ['c_attn'], output: 'c_proj', module: 'attn', bias: 'c_attn_bias', outputBias: false },
  mlp: { kind: 'gated', names: ['w2', 'w1', 'c_proj'], module: 'mlp', bias: false },
  norm: RMS,
  defaults: { tie_word_embeddings: false, hidden_act: 'silu', c_attn_bias: true },
}
const CHATGLM: Family = {
  attention: {
    names: ['query_key_value'],
    output: 'dense',
    module: 'self_attention',
    bias: 'add_qkv_bias',
    outputBias: false,
  },
  mlp: { kind: 'fused-gated', names: ['dense_h_to_4h', 'dense_4h_to_h'], module: 'mlp', bias: false },
  norm: RMS,
  defaults: { tie_word_embeddings: false, add_qkv_bias: true, hidden_act: 'silu' },
}
const BAICHUAN: Family = {
  ...LLAMA,
  attention: { names: ['W_pack'], output: 'o_proj', module: 'self_attn', bias: false, outputBias: false },
  mlp: GATED,
}

/** Decoders of the first generations and of model code outside transformers. */
export const OLDER_FAMILIES: Readonly<Record<string, Family>> = {
  gpt2: GPT2,
  gpt_bigcode: {
    ...GPT2,
    conv1d: false,
    defaults: { ...GPT2.defaults, multi_query: true, activation_function: 'gelu_pytorch_tanh' },
  },
  gpt_neo: {
    attention: { names: QKV, output: 'out_proj', module: 'attn.attention', bias: false, outputBias: true },
    mlp: { kind: 'plain', names: ['c_fc', 'c_proj'], module: 'mlp', bias: true },
    norm: LAYER_NORM,
    rotary: false,
    positions: { keys: ['max_position_embeddings'] },
    defaults: { tie_word_embeddings: true, max_position_embeddings: 2048, hidden_act: 'gelu_new' },
  },
  gptj: {
    attention: { names: QKV, output: 'out_proj', module: 'attn', bias: false, outputBias: false },
    mlp: { kind: 'plain', names: ['fc_in', 'fc_out'], module: 'mlp', bias: true },
    norm: { ...LAYER_NORM, perLayer: 1 },
    parallelResidual: true,
    headBias: true,
    defaults: { tie_word_embeddings: false, hidden_act: 'gelu_new' },
  },
  codegen: {
    attention: { names: ['qkv_proj'], output: 'out_proj', module: 'attn', bias: false, outputBias: false },
    mlp: { kind: 'plain', names: ['fc_in', 'fc_out'], module: 'mlp', bias: true },
    norm: { ...LAYER_NORM, perLayer: 1 },
    parallelResidual: true,
    headBias: true,
    defaults: { tie_word_embeddings: false, hidden_act: 'gelu_new' },
  },
  gpt_neox: GPT_NEOX,
  bloom: BLOOM,
  falcon: FALCON,
  RefinedWebModel: FALCON,
  RefinedWeb: { ...FALCON, defaults: { ...FALCON.defaults, new_decoder_architecture: true } },
  opt: {
    attention: { names: QKV, output: 'out_proj', module: 'self_attn', bias: 'enable_bias', outputBias: 'enable_bias' },
    mlp: { kind: 'plain', names: ['fc1', 'fc2'], module: '', bias: 'enable_bias' },
    norm: LAYER_NORM,
    rotary: false,
    positions: { keys: ['max_position_embeddings'], extra: 2 },
    defaults: {
      tie_word_embeddings: true,
      enable_bias: true,
      max_position_embeddings: 2048,
      hidden_act: 'relu',
      do_layer_norm_before: true,
    },
  },
  mpt: MPT,
  qwen: QWEN1,
  chatglm: CHATGLM,
  baichuan: BAICHUAN,
  internlm: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: 'bias', outputBias: 'bias' },
    defaults: { ...LLAMA.defaults, bias: true },
  },
  internlm2: {
    ...LLAMA,
    attention: { names: ['wqkv'], output: 'wo', module: 'attention', bias: 'bias', outputBias: 'bias' },
    mlp: { kind: 'gated', names: ['w1', 'w3', 'w2'], module: 'feed_forward', bias: false },
  },
  exaone: {
    ...LLAMA,
    attention: { names: QKV, output: 'out_proj', module: 'attn.attention', bias: false, outputBias: false },
    mlp: { kind: 'gated', names: ['c_fc_0', 'c_fc_1', 'c_proj'], module: 'mlp', bias: false },
  },
  orion: { ...LLAMA, mlp: GATED, norm: LAYER_NORM },
  phi: {
    attention: {
      names: QKV,
      output: 'dense',
      module: 'self_attn',
      bias: true,
      outputBias: true,
      qkNorm: 'head-layernorm',
      qkNormWhen: 'qk_layernorm',
      qkNormNames: ['q_layernorm', 'k_layernorm'],
      joinsRotaryParts: true,
    },
    mlp: { kind: 'plain', names: ['fc1', 'fc2'], module: 'mlp', bias: true },
    norm: { ...LAYER_NORM, perLayer: 1 },
    parallelResidual: true,
    headBias: true,
    defaults: { tie_word_embeddings: false, hidden_act: 'gelu_new' },
  },
}

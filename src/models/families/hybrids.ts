import type { Family } from '../family.ts'
import { DEEPSEEK, GATED, LLAMA, MISTRAL, MIXTRAL, OLMO2, QWEN3, RMS, SEPARATE } from './shared-blocks.ts'

/** Mamba layers beside attention and gated feed-forwards. */
const BAMBA: Family = {
  ...LLAMA,
  mlp: { ...GATED, module: 'feed_forward', bias: 'mlp_bias' },
  mixer: { kind: 'mamba2', module: 'mamba' },
}
const MAMBA: Family = {
  ...LLAMA,
  mlp: { ...GATED, kind: 'none' },
  mixer: { kind: 'mamba1', module: 'mixer' },
  rotary: false,
  defaults: { tie_word_embeddings: true, num_attention_heads: 1 },
}
const JAMBA: Family = {
  ...MISTRAL,
  mlp: { ...GATED, module: 'feed_forward' },
  mixer: { kind: 'mamba1', module: 'mamba' },
  moe: 'jamba',
  rotary: false,
}
const LFM2: Family = {
  ...LLAMA,
  attention: {
    ...SEPARATE,
    output: 'out_proj',
    bias: false,
    outputBias: false,
    qkNorm: 'head',
    qkNormNames: ['q_layernorm', 'k_layernorm'],
  },
  mlp: { kind: 'gated', names: ['w1', 'w3', 'w2'], module: 'feed_forward', bias: false },
  mixer: { kind: 'convolution', module: 'conv' },
  defaults: { ...LLAMA.defaults, tie_word_embeddings: true },
}
const QWEN3_NEXT: Family = {
  ...QWEN3,
  attention: { ...SEPARATE, qkNorm: 'head', outputGate: true },
  norm: { ...RMS, float32Weight: true },
  mixer: { kind: 'gated-deltanet', module: 'linear_attn' },
  defaults: { ...LLAMA.defaults, full_attention_interval: 4 },
}
const QWEN3_NEXT_MOE: Family = { ...QWEN3_NEXT, moe: 'qwen', sharedGate: true }

/** State-space, linear-attention and convolution layers, alone or beside attention. */
export const HYBRIDS_FAMILIES: Readonly<Record<string, Family>> = {
  minimax: { ...MIXTRAL, mixer: { kind: 'lightning', module: 'self_attn' } },
  mamba: MAMBA,
  falcon_mamba: MAMBA,
  mamba2: {
    ...MAMBA,
    mixer: { kind: 'mamba2', module: 'mixer' },
    defaults: { tie_word_embeddings: false, num_attention_heads: 1, head_dim: 64 },
  },
  jamba: JAMBA,
  bamba: BAMBA,
  granitemoehybrid: {
    ...BAMBA,
    mlp: {
      kind: 'fused-gated',
      names: ['input_linear', 'output_linear'],
      module: 'shared_mlp',
      bias: false,
      widthKey: 'shared_intermediate_size',
    },
    moe: 'granite',
  },
  falcon_h1: {
    ...LLAMA,
    mlp: { ...GATED, module: 'feed_forward', bias: 'mlp_bias' },
    mixer: { kind: 'mamba2', module: 'mamba', beside: true },
  },
  nemotron_h: {
    ...LLAMA,
    attention: { ...SEPARATE, module: 'mixer' },
    mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'mixer', bias: 'mlp_bias', activation: 'relu2' },
    mixer: { kind: 'mamba2', module: 'mixer' },
    singleBlock: true,
    moe: 'nemotron',
    rotary: false,
  },
  lfm2: LFM2,
  lfm2_moe: { ...LFM2, moe: 'lfm2' },
  qwen3_next: QWEN3_NEXT_MOE,
  qwen3_5_text: QWEN3_NEXT,
  qwen3_5: QWEN3_NEXT,
  qwen3_5_moe_text: QWEN3_NEXT_MOE,
  qwen3_5_moe: QWEN3_NEXT_MOE,
  olmo_hybrid: {
    ...OLMO2,
    mixer: { kind: 'gated-deltanet', module: 'linear_attn' },
    defaults: { ...LLAMA.defaults, full_attention_interval: 4 },
  },
  kimi_linear: {
    ...DEEPSEEK,
    mixer: { kind: 'kda', module: 'self_attn' },
    defaults: { ...LLAMA.defaults, first_k_dense_replace: 1, full_attention_interval: 4, num_experts: 256 },
  },
}

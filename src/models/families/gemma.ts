import type { Family } from '../family.ts'
import { gemma3nLayer, gemma4Layer, gemmaEmbedding } from '../gemma-extras.ts'
import { GATED, LLAMA, RMS, SEPARATE } from './shared-blocks.ts'

const GEMMA: Family = {
  ...LLAMA,
  mlp: GATED,
  norm: { ...RMS, float32Weight: true },
  defaults: {
    tie_word_embeddings: true,
    head_dim: 256,
    num_key_value_heads: 16,
    hidden_act: 'gelu_pytorch_tanh',
    vocab_size: 256000,
  },
}
const GEMMA2: Family = {
  ...GEMMA,
  norm: { ...RMS, perLayer: 4, float32Weight: true, placement: 'sandwich' },
  defaults: { ...GEMMA.defaults, num_key_value_heads: 4, attn_logit_softcapping: 50, final_logit_softcapping: 30 },
}
const GEMMA3: Family = {
  ...GEMMA2,
  attention: { ...SEPARATE, qkNorm: 'head' },
  defaults: {
    ...GEMMA.defaults,
    num_key_value_heads: 4,
    vocab_size: 262208,
    num_attention_heads: 8,
    sliding_window: 4096,
  },
}
const GEMMA3N: Family = {
  ...GEMMA3,
  layerExtras: gemma3nLayer,
  embeddingExtras: gemmaEmbedding,
  defaults: { ...GEMMA.defaults, final_logit_softcapping: 30 },
}
const GEMMA4: Family = {
  ...GEMMA3,
  globalAttention: true,
  moe: 'gemma4',
  moeWhen: 'enable_moe_block',
  layerExtras: gemma4Layer,
  embeddingExtras: gemmaEmbedding,
  defaults: { tie_word_embeddings: true, global_head_dim: 512, hidden_act: 'gelu_pytorch_tanh', sliding_window: 512 },
}

/** The Gemma generations. */
export const GEMMA_FAMILIES: Readonly<Record<string, Family>> = {
  gemma: GEMMA,
  gemma2: GEMMA2,
  gemma3_text: GEMMA3,
  gemma3: GEMMA3,
  gemma3n_text: GEMMA3N,
  gemma3n: GEMMA3N,
  gemma4_text: GEMMA4,
  gemma4_unified_text: GEMMA4,
  gemma4: GEMMA4,
}

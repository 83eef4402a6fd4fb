import type { ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import { gemma3nLayer, gemma4Layer, gemmaEmbedding } from './gemma-extras.ts'
import type { LayerSpec } from './layer-specs.ts'
import type { MixerKind } from './mixers.ts'
import { embedding, norm, parameter } from './tensor.ts'

export interface LayerExtraOptions {
  readonly fields: ConfigFields
  readonly dimensions: BlockDimensions
  readonly spec: LayerSpec
}

/** How a model type spells and shapes its decoder block. A boolean given as text is the config key that decides it. */
export interface Family {
  readonly attention: {
    /** Leaf names of q, k, v; one name: a single fused projection. */
    readonly names: readonly [string, string, string] | readonly [string]
    readonly output: string
    readonly module: string
    readonly bias: boolean | string
    /** k has none though q and v do (Whisper). */
    readonly keyBias?: false
    readonly outputBias: boolean | string
    /** head: over each head's size; head-layernorm: the same with a bias (phi); full: over all heads together. */
    readonly qkNorm?: 'head' | 'head-layernorm' | 'full'
    /** The q/k norm is only there when this key is set. */
    readonly qkNormWhen?: string
    readonly qkNormNames?: readonly [string, string]
    readonly sinks?: boolean
    /** q_proj also emits a gate for the output (Qwen3-Next). */
    readonly outputGate?: boolean
    /** apply_rotary_pos_emb concatenates a rotated and a passed part (partial_rotary_factor in the code). */
    readonly joinsRotaryParts?: boolean
    /** Further parameters, by their leaf name. */
    readonly extra?: (fields: ConfigFields, dimensions: BlockDimensions) => readonly ParameterTensor[]
  }
  readonly mlp: {
    readonly kind: 'gated' | 'fused-gated' | 'plain' | 'none'
    readonly names: readonly string[]
    readonly module: string
    readonly bias: boolean | string
    readonly outputBias?: boolean | string
    readonly activation?: string
    /** The key of the dense width where it is not `intermediate_size`. */
    readonly widthKey?: string
  }
  readonly norm: {
    readonly kind: 'rms' | 'layernorm'
    readonly perLayer: number
    /** The first layer has fewer (ModernBERT: the embedding's norm serves). */
    readonly inFirstLayer?: number
    readonly bias?: boolean
    readonly affine?: boolean
    readonly float32Weight?: boolean
    readonly placement?: 'pre' | 'post' | 'sandwich'
  }
  /** What layers without attention mix tokens with; beside: in every layer, next to attention (Falcon-H1). */
  readonly mixer?: { readonly kind: MixerKind; readonly module: string; readonly beside?: true }
  /** A layer is one block: a mixer, attention or a feed-forward (Nemotron-H). */
  readonly singleBlock?: true
  /** Attention sees both directions. */
  readonly encoder?: true
  /** Full-attention layers have a head size of their own (Gemma 4). */
  readonly globalAttention?: true
  readonly parallelResidual?: boolean | string
  readonly rotary?: boolean
  /** Rows of a learned position table: the key, how many rows it has beyond it, and the key that turns it off. */
  readonly positions?: { readonly keys: readonly string[]; readonly extra?: number; readonly when?: string }
  readonly embeddingNorm?: boolean
  readonly finalNorm?: false
  readonly headBias?: boolean | string
  readonly headStyle?: 'decoder' | 'bert' | 'deberta' | 'roberta' | 'modernbert' | 'distilbert'
  /** conv1d: transformers' Conv1D instead of nn.Linear. */
  readonly conv1d?: boolean
  readonly moe?:
    | 'mixtral'
    | 'qwen'
    | 'deepseek'
    | 'gpt-oss'
    | 'granite'
    | 'llama4'
    | 'olmoe'
    | 'phimoe'
    | 'jamba'
    | 'hunyuan'
    | 'lfm2'
    | 'nemotron'
    | 'dbrx'
    | 'gemma4'
  /** Experts only when this key is set, whatever their number. */
  readonly moeWhen?: string
  /** The shared expert's output is weighted by a gate of its own. */
  readonly sharedGate?: true
  /** Blocks of the config whose keys count as the model's own (DBRX). */
  readonly nested?: readonly string[]
  readonly layerExtras?: (options: LayerExtraOptions) => readonly ParameterTensor[]
  readonly embeddingExtras?: (fields: ConfigFields, dimensions: BlockDimensions) => readonly ParameterTensor[]
  readonly defaults: Readonly<Record<string, unknown>>
}

const QKV = ['q_proj', 'k_proj', 'v_proj'] as const
const SEPARATE = {
  names: QKV,
  output: 'o_proj',
  module: 'self_attn',
  bias: 'attention_bias',
  outputBias: 'attention_bias',
} as const
const GATED = { kind: 'gated', names: ['gate_proj', 'up_proj', 'down_proj'], module: 'mlp', bias: false } as const
const RMS = { kind: 'rms', perLayer: 2 } as const
const LAYER_NORM = { kind: 'layernorm', perLayer: 2, bias: true } as const

const LLAMA: Family = {
  attention: SEPARATE,
  mlp: { ...GATED, bias: 'mlp_bias' },
  norm: RMS,
  defaults: { tie_word_embeddings: false, hidden_act: 'silu' },
}
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
  attention: { names: ['c_attn'], output: 'c_proj', module: 'attn', bias: true, outputBias: true },
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
const QWEN2: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, bias: true, outputBias: false },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 32 },
}
const MISTRAL: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, bias: false, outputBias: false },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 8 },
}
const QWEN3: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, qkNorm: 'head' },
  mlp: GATED,
  defaults: { ...LLAMA.defaults, num_key_value_heads: 32, head_dim: 128 },
}
const OLMO2: Family = {
  ...LLAMA,
  attention: { ...SEPARATE, qkNorm: 'full' },
  mlp: GATED,
  norm: { ...RMS, placement: 'post', float32Weight: true },
}
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
const QWEN3_MOE: Family = {
  ...QWEN3,
  moe: 'qwen',
  defaults: { ...LLAMA.defaults, num_key_value_heads: 4, decoder_sparse_step: 1 },
}
const DEEPSEEK: Family = { ...LLAMA, mlp: GATED, moe: 'deepseek' }
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
const BERT: Family = {
  attention: {
    names: ['query', 'key', 'value'],
    output: 'output.dense',
    module: 'attention',
    bias: true,
    outputBias: true,
  },
  mlp: { kind: 'plain', names: ['intermediate.dense', 'output.dense'], module: '', bias: true },
  norm: { ...LAYER_NORM, placement: 'post' },
  encoder: true,
  rotary: false,
  positions: { keys: ['max_position_embeddings'] },
  embeddingNorm: true,
  finalNorm: false,
  headStyle: 'bert',
  defaults: {
    tie_word_embeddings: true,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: 512,
    type_vocab_size: 2,
  },
}
const ROBERTA: Family = { ...BERT, headStyle: 'roberta' }
/** Disentangled attention shares its projections with the relative positions (`share_att_key`). */
const DEBERTA_V2: Family = {
  ...BERT,
  attention: { ...BERT.attention, names: ['query_proj', 'key_proj', 'value_proj'] },
  positions: { keys: ['max_position_embeddings'], when: 'position_biased_input' },
  headStyle: 'deberta',
  embeddingExtras: (fields, { hiddenSize }) => {
    if (!fields.boolean('relative_attention')) return []
    const buckets = fields.number('position_buckets') ?? -1
    const stated = fields.number('max_relative_positions') ?? -1
    const positions = stated < 1 ? (fields.number('max_position_embeddings') ?? 512) : stated
    const isNormed = (fields.text('norm_rel_ebd') ?? '').includes('layer_norm')
    return [
      embedding('rel_embeddings', 2 * (buckets > 0 ? buckets : positions), hiddenSize),
      ...(isNormed ? [norm('rel_embeddings_norm', hiddenSize, true)] : []),
    ]
  },
}
/** The first layer reads the embedding norm's output without a norm of its own. */
const MODERNBERT: Family = {
  attention: { names: ['Wqkv'], output: 'Wo', module: 'attn', bias: 'attention_bias', outputBias: 'attention_bias' },
  mlp: { kind: 'fused-gated', names: ['Wi', 'Wo'], module: 'mlp', bias: 'mlp_bias' },
  norm: { kind: 'layernorm', perLayer: 2, inFirstLayer: 1 },
  encoder: true,
  embeddingNorm: true,
  headStyle: 'modernbert',
  defaults: { tie_word_embeddings: true, hidden_act: 'gelu' },
}
const DISTILBERT: Family = {
  ...BERT,
  attention: {
    names: ['q_lin', 'k_lin', 'v_lin'],
    output: 'out_lin',
    module: 'attention',
    bias: true,
    outputBias: true,
  },
  mlp: { kind: 'plain', names: ['lin1', 'lin2'], module: 'ffn', bias: true },
  headStyle: 'distilbert',
  defaults: { ...BERT.defaults, type_vocab_size: 0, hidden_act: 'gelu' },
}
const MPT: Family = {
  attention: { names: ['Wqkv'], output: 'out_proj', module: 'attn', bias: false, outputBias: false },
  mlp: { kind: 'plain', names: ['up_proj', 'down_proj'], module: 'ffn', bias: false },
  norm: { kind: 'layernorm', perLayer: 2 },
  rotary: false,
  defaults: { tie_word_embeddings: true, hidden_act: 'gelu' },
}
const MIXTRAL: Family = { ...MISTRAL, moe: 'mixtral' }
/** Mamba layers beside attention and gated feed-forwards. */
const BAMBA: Family = { ...LLAMA, mixer: { kind: 'mamba2', module: 'mamba' } }
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

/** transformers 5.18 modelling and configuration files, one row a model_type; remote-code types from their own repositories. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  llama: LLAMA,
  mistral: MISTRAL,
  ministral: MISTRAL,
  ministral3: MISTRAL,
  cwm: MISTRAL,
  qwen2: QWEN2,
  qwen2_vl_text: QWEN2,
  qwen2_5_vl_text: QWEN2,
  qwen2_5_omni_text: QWEN2,
  qwen3_omni_moe_text: QWEN3_MOE,
  qwen2_vl: QWEN2,
  qwen2_5_vl: QWEN2,
  qwen3: QWEN3,
  qwen3_vl_text: QWEN3,
  qwen3_vl: QWEN3,
  gemma: GEMMA,
  gemma2: GEMMA2,
  gemma3_text: GEMMA3,
  gemma3: GEMMA3,
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
  hunyuan_v1_moe: {
    ...LLAMA,
    attention: { ...SEPARATE, qkNorm: 'head', qkNormNames: ['query_layernorm', 'key_layernorm'] },
    mlp: GATED,
    moe: 'hunyuan',
  },
  ernie4_5: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: 'use_bias', outputBias: 'use_bias' },
    mlp: { ...GATED, bias: 'use_bias' },
    headBias: 'use_bias',
    defaults: { ...LLAMA.defaults, tie_word_embeddings: true, head_dim: 128 },
  },
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
  baichuan: BAICHUAN,
  minicpm: LLAMA,
  mimo: QWEN2,
  orion: { ...LLAMA, mlp: GATED, norm: LAYER_NORM },
  exaone: {
    ...LLAMA,
    attention: { names: QKV, output: 'out_proj', module: 'attn.attention', bias: false, outputBias: false },
    mlp: { kind: 'gated', names: ['c_fc_0', 'c_fc_1', 'c_proj'], module: 'mlp', bias: false },
  },
  qwen: QWEN1,
  chatglm: CHATGLM,
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
  mixtral: MIXTRAL,
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
  gemma3n_text: GEMMA3N,
  gemma3n: GEMMA3N,
  gemma4_text: GEMMA4,
  gemma4: GEMMA4,
  minimax_m2: {
    ...MISTRAL,
    attention: { ...SEPARATE, bias: false, outputBias: false, qkNorm: 'full' },
    moe: 'mixtral',
  },
  phimoe: { ...MISTRAL, attention: SEPARATE, norm: LAYER_NORM, headBias: 'lm_head_bias', moe: 'phimoe' },
  dbrx: {
    ...MPT,
    attention: { ...MPT.attention, module: 'norm_attn_norm.attn' },
    mlp: { ...GATED, module: 'ffn' },
    moe: 'dbrx',
    nested: ['attn_config', 'ffn_config'],
    rotary: true,
    defaults: { tie_word_embeddings: false, hidden_act: 'silu', kv_n_heads: 1, moe_num_experts: 4, moe_top_k: 1 },
  },
  qwen2_moe: {
    ...QWEN2,
    attention: { ...SEPARATE, bias: 'qkv_bias', outputBias: false },
    moe: 'qwen',
    sharedGate: true,
    defaults: { ...LLAMA.defaults, num_key_value_heads: 16, qkv_bias: true, decoder_sparse_step: 1 },
  },
  qwen3_moe: QWEN3_MOE,
  qwen3_vl_moe_text: QWEN3_MOE,
  qwen3_vl_moe: QWEN3_MOE,
  deepseek: DEEPSEEK,
  deepseek_v2: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 0 } },
  deepseek_v3: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 3, q_lora_rank: 1536 } },
  kimi_k2: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 1 } },
  glm_moe_dsa: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 3 } },
  deepseek_v32: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 3 } },
  minicpm3: { ...LLAMA, mlp: GATED, defaults: { ...LLAMA.defaults, tie_word_embeddings: true } },
  glm4_moe: {
    ...LLAMA,
    attention: { ...SEPARATE, outputBias: false, qkNorm: 'head', qkNormWhen: 'use_qk_norm' },
    mlp: GATED,
    moe: 'deepseek',
    defaults: { ...LLAMA.defaults, first_k_dense_replace: 1 },
  },
  glm4_moe_lite: { ...DEEPSEEK, defaults: { ...LLAMA.defaults, first_k_dense_replace: 1 } },
  dots1: { ...LLAMA, attention: { ...SEPARATE, qkNorm: 'head' }, mlp: GATED, moe: 'deepseek' },
  gpt_oss: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: true, outputBias: true, sinks: true },
    mlp: GATED,
    moe: 'gpt-oss',
    defaults: { ...LLAMA.defaults, head_dim: 64, num_key_value_heads: 8, attention_bias: true },
  },
  olmoe: { ...LLAMA, attention: { ...SEPARATE, qkNorm: 'full' }, mlp: GATED, moe: 'olmoe' },
  flex_olmo: { ...OLMO2, moe: 'olmoe' },
  granitemoe: { ...LLAMA, mlp: GATED, moe: 'granite' },
  granitemoeshared: { ...LLAMA, mlp: GATED, moe: 'granite' },
  llama4_text: {
    ...LLAMA,
    mlp: { ...GATED, widthKey: 'intermediate_size_mlp' },
    moe: 'llama4',
    defaults: { ...LLAMA.defaults, interleave_moe_layer_step: 1, head_dim: 128 },
  },
  ernie4_5_moe: {
    ...LLAMA,
    attention: { ...SEPARATE, bias: 'use_bias', outputBias: 'use_bias' },
    mlp: { ...GATED, bias: 'use_bias' },
    moe: 'deepseek',
    defaults: { ...LLAMA.defaults, tie_word_embeddings: true },
  },
  bert: BERT,
  roberta: ROBERTA,
  'xlm-roberta': ROBERTA,
  camembert: ROBERTA,
  electra: { ...ROBERTA, embeddingNorm: true },
  'deberta-v2': DEBERTA_V2,
  modernbert: MODERNBERT,
  distilbert: DISTILBERT,
}

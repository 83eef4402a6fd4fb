import type { Framework, FusedKernels } from '../../plan/vocabulary.ts'

/** How a model's block is written, where that changes what autograd keeps. */
export interface BlockRules {
  /** q, k and v come from one projection whatever the checkpoint's layout. */
  readonly fusedQkv: boolean
  /** RMSNorm: `eager` upcasts to float32 step by step; `fused` is one kernel that saves its input and the inverse deviation. */
  readonly norm: 'eager' | 'fused'
  /** Gated MLP: `eager` keeps gate, activated gate, up and their product; `fused` re-computes from gate and up. */
  readonly gate: 'eager' | 'fused'
  /** lm_head is quantised with the other linear layers. */
  readonly quantizesHead: boolean
  /** `gelu_new` and its kind run as one kernel whatever the config's spelling. */
  readonly fusedGelu: boolean
  /** Adapters on part of a joined q/k/v projection are spread by `index_copy`, which keeps its source. */
  readonly spreadsAdapter: boolean
  /** Explicit scores: dtype of the softmax that is kept. */
  readonly softmax: 'float32' | 'native'
  /** k and v are repeated to every query head before scaled-dot-product attention. */
  readonly repeatsKeyValue: boolean
  readonly source: string
}

const TRANSFORMERS: BlockRules = {
  fusedQkv: false,
  norm: 'eager',
  gate: 'eager',
  quantizesHead: false,
  fusedGelu: false,
  spreadsAdapter: false,
  softmax: 'float32',
  repeatsKeyValue: false,
  source: 'transformers 5.18 models/llama/modeling_llama.py, measured with PyTorch 2.13 on CPU',
}

const MEGATRON: BlockRules = {
  fusedQkv: true,
  norm: 'fused',
  gate: 'fused',
  quantizesHead: false,
  fusedGelu: true,
  spreadsAdapter: false,
  softmax: 'native',
  repeatsKeyValue: false,
  source: 'TransformerEngine LayerNormLinear and Megatron-LM core/fusions/fused_bias_swiglu.py',
}

const LITGPT: BlockRules = {
  ...TRANSFORMERS,
  fusedQkv: true,
  quantizesHead: true,
  fusedGelu: true,
  spreadsAdapter: true,
  repeatsKeyValue: true,
  source: 'LitGPT litgpt/model.py CausalSelfAttention',
}

const TORCHTITAN: BlockRules = {
  ...TRANSFORMERS,
  repeatsKeyValue: true,
  source: 'torchtitan models/llama/model.py Attention (repeat_kv before sdpa)',
}

const TORCHTUNE: BlockRules = {
  ...TRANSFORMERS,
  repeatsKeyValue: true,
  source: 'torchtune modules/attention.py (k and v expanded to the query heads)',
}

const BY_FRAMEWORK: Partial<Record<Framework, BlockRules>> = {
  litgpt: LITGPT,
  megatron: MEGATRON,
  nemo: MEGATRON,
  torchtitan: TORCHTITAN,
  torchtune: TORCHTUNE,
}

/** Liger-Kernel ops/rms_norm.py l.657 saves (X, RSTD), ops/swiglu.py l.262 saves (gate, up); Unsloth kernels/{rms_layernorm,swiglu}.py likewise. */
const BY_KERNELS: Record<FusedKernels, Partial<BlockRules>> = {
  none: {},
  liger: { norm: 'fused', gate: 'fused' },
  unsloth: { norm: 'fused', gate: 'fused' },
  transformer_engine: {
    norm: 'fused',
    gate: 'fused',
    fusedQkv: true,
    fusedGelu: true,
    softmax: 'native',
    source: MEGATRON.source,
  },
}

export function blockRules(options: {
  readonly framework: Framework
  readonly fusedKernels: FusedKernels
  readonly compile: boolean
  /** transformers before 4.48 repeats k and v for sdpa as well. */
  readonly repeatsKeyValue: boolean
}): BlockRules {
  const rules = { ...(BY_FRAMEWORK[options.framework] ?? TRANSFORMERS), ...BY_KERNELS[options.fusedKernels] }
  return {
    ...rules,
    norm: options.compile ? 'fused' : rules.norm,
    repeatsKeyValue: rules.repeatsKeyValue || options.repeatsKeyValue,
  }
}

import type { Quantization, StorageDtype } from '../plan/vocabulary.ts'

/**
 * The shape of a model, independent of how its config spells it: embedding + runs of equal layers + final norm + head.
 * Estimators read shapes here and never look at `modelType`.
 */
export interface Architecture {
  /** Hub id, path or name, for display only. */
  readonly name: string
  readonly modelType: string
  /** `model_type` of the whole config; differs where the language model is part of a larger one. */
  readonly wholeType?: string
  /** The family rule that was used; differs from `modelType` when assumed. */
  readonly family: string
  /** False: unknown type read as its nearest family. */
  readonly exact: boolean
  readonly hiddenSize: number
  /** Rows of the embedding as allocated. */
  readonly vocabSize: number
  readonly maxPositions: number | null
  readonly tiedEmbeddings: boolean
  /** Parameters of embedding tables and what surrounds them (positions, projections, embedding norm). */
  readonly embedding: readonly ParameterTensor[]
  /** Runs of equal layers, in order. Hybrid models have several. */
  readonly layers: readonly LayerRun[]
  /** Final norm(s). */
  readonly finalNorm: readonly ParameterTensor[]
  readonly head: Head
  readonly vision: VisionTower | null
  /** Logits are capped by a tanh (Gemma 2): more float copies in the loss. */
  readonly finalLogitSoftcap: boolean
  /** Dropout of hidden states and embeddings in training (GPT-2, BERT); 0 for modern models. */
  readonly hiddenDropout: number
  readonly embeddingDropout: number
  /** dtype of the published weights; null: not said. */
  readonly checkpointDtype: StorageDtype | null
  /** Scheme of the published weights. */
  readonly checkpointQuantization: Quantization
  /** A published total from the catalogue or the Hub, for cross-checks; null: none. */
  readonly publishedParameters: number | null
}

export interface Head {
  /** causal-lm: logits over the vocabulary for every token; sequence-classification: labels per sequence; masked-lm, seq2seq likewise. */
  readonly kind: 'causal-lm' | 'masked-lm' | 'sequence-classification' | 'token-classification' | 'seq2seq-lm' | 'none'
  /** Width of the output: vocabulary or labels. */
  readonly outputs: number
  /** Parameters that are not shared with the embedding. */
  readonly tensors: readonly ParameterTensor[]
}

export interface LayerRun {
  readonly count: number
  /** Indices of the layers in the model; absent: those after the run before. */
  readonly places?: readonly number[]
  /** Module that holds the layers, where one model has several stacks. */
  readonly folder?: string
  /** Tokens of every sequence in these layers, whatever the plan's length (frames of a speech encoder). */
  readonly positions?: number
  readonly layer: Layer
}

export interface Layer {
  readonly attention: Attention
  readonly mlp: Mlp
  readonly moe: MixtureOfExperts | null
  readonly norms: Norms
  /** Attention and MLP read the same normed input and are added together (GPT-NeoX, Falcon, phi). */
  readonly parallelResidual: boolean
  /** A decoder layer of an encoder-decoder: a second attention reads the encoder's output. */
  readonly crossAttention?: boolean
  /** Tokens that it reads, where the encoder's length is fixed. */
  readonly crossPositions?: number
  /** Every parameter tensor of the layer, with the leaf name adapters match. */
  readonly tensors: readonly ParameterTensor[]
}

export interface ParameterTensor {
  /** Path inside the layer, e.g. `self_attn.q_proj`. Adapters match its suffix. */
  readonly path: string
  readonly kind: 'linear' | 'conv1d' | 'router' | 'expert' | 'embedding' | 'norm' | 'convolution' | 'parameter'
  /** Part of the block, for freezing and for reports. */
  readonly part:
    | 'attention'
    | 'mlp'
    | 'experts'
    | 'shared-expert'
    | 'router'
    | 'norm'
    | 'embedding'
    | 'head'
    | 'vision'
    | 'projector'
    | 'mixer'
    | 'other'
  readonly inFeatures: number
  readonly outFeatures: number
  readonly bias: boolean
  /** How many such matrices: experts of a layer, else 1. */
  readonly count: number
  /** Elements in all, bias and count included. */
  readonly parameters: number
  /** Several experts stored as one 3-D parameter (transformers 5): not an nn.Linear. */
  readonly fused: boolean
  /** `count` is the number of a tower's layers, which have one such matrix each. */
  readonly perLayer?: true
  /** Never trains: a table of sinusoids that is stored as a weight. */
  readonly constant?: true
}

export interface Attention {
  /** softmax attention, latent attention, or a mixer without scores. `none`: no mixer in this layer. */
  readonly kind: 'mha' | 'mla' | 'gated-deltanet' | 'kda' | 'mamba1' | 'mamba2' | 'convolution' | 'lightning' | 'none'
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  /** heads × headDim and keyValueHeads × headDim (for MLA: heads × query-key width; see `latent`). */
  readonly queryWidth: number
  readonly keyValueWidth: number
  /** q, k, v come from one projection and v stays a view of its output. */
  readonly fusedQkv: boolean
  readonly qkNorm: 'none' | 'head' | 'full'
  /** q_proj also emits an output gate (Qwen3-Next). */
  readonly outputGate: boolean
  readonly softcap: boolean
  readonly rotary: boolean
  /** q and k are joined from a rotated and an unrotated part, head by head: the kernel's output then needs a copy for o_proj. */
  readonly joinsRotaryParts?: boolean
  /** Explicit scores keep the dtype of the products in their softmax; absent: float32. */
  readonly nativeSoftmax?: boolean
  /** Tokens a query sees; null: all before it. */
  readonly window: number | null
  readonly dropout: number
  readonly causal: boolean
  readonly latent: LatentAttention | null
  /** Beside `mha`: a mixer that runs next to attention on the same input (Falcon-H1). */
  readonly mixer: Mixer | null
}

export interface LatentAttention {
  /** null: plain q_proj. */
  readonly queryRank: number | null
  readonly keyValueRank: number
  readonly nopeDim: number
  readonly ropeDim: number
  readonly valueDim: number
}

/** State-space and linear-attention mixers. */
export interface Mixer {
  /** Inner width (mamba: expand × hidden; delta net: value heads × value dim). */
  readonly innerSize: number
  readonly stateSize: number
  readonly heads: number
  readonly groups: number
  readonly convolutionSize: number
  /** Channels of the short convolution. */
  readonly convolutionChannels: number
}

export interface Mlp {
  /** gated: gate, up, down; fused-gated: gate_up in one; plain: up, down; none: experts only or no MLP. */
  readonly kind: 'gated' | 'fused-gated' | 'plain' | 'none'
  readonly width: number
  /** silu, gelu (one fused kernel), gelu_new (python, several kernels), relu2 … as in `hidden_act`. */
  readonly activation: string
}

export interface MixtureOfExperts {
  readonly experts: number
  readonly topK: number
  readonly expertWidth: number
  readonly expertKind: 'gated' | 'plain'
  /** Sum of the widths of always-active shared experts; 0 without. */
  readonly sharedWidth: number
}

export interface Norms {
  readonly kind: 'rms' | 'layernorm'
  /** Norms on the residual stream per layer (2; Gemma 2/3 4; parallel blocks 1). q/k norms are in `qkNorm`. */
  readonly count: number
  /** Gemma: (1 + weight) in float32. */
  readonly float32Weight: boolean
  readonly placement: 'pre' | 'post' | 'sandwich'
  /** The norm has trainable parameters. */
  readonly affine: boolean
}

/** Vision tower, audio encoder, or both: what stands beside the language model. */
export interface VisionTower {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly width: number
  readonly patchSize: number
  readonly imageSize: number | null
  /** Tokens that one image adds to the text sequence (typical; dynamic towers: at the default resolution). */
  readonly imageTokens: number | null
  readonly tensors: readonly ParameterTensor[]
  readonly projector: readonly ParameterTensor[]
}

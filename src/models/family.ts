import type { ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import type { LayerSpec } from './layer-specs.ts'
import type { MixerKind } from './mixers.ts'

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
    /** Explicit scores keep the dtype of the products in their softmax (transformers 5.18 modeling_gpt2.py, modeling_bert.py eager_attention_forward); elsewhere float32. */
    readonly nativeSoftmax?: boolean
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
    /** Their names, where they are not the usual ones. */
    readonly names?: readonly string[]
    readonly embeddingName?: string
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
  /** Rows of the table beyond the vocabulary, which the head does not have (Llama 3.2 Vision). */
  readonly extraTokens?: number
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

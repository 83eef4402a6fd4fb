import type { Attention, LatentAttention, ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import { configFlag } from './config-flag.ts'
import type { Family } from './family.ts'
import type { LayerSpec } from './layer-specs.ts'
import { linear, norm, parameter } from './tensor.ts'

export interface AttentionOptions {
  readonly fields: ConfigFields
  readonly family: Family
  readonly dimensions: BlockDimensions
  readonly spec: LayerSpec
}

export interface AttentionBlock {
  readonly attention: Attention
  readonly tensors: readonly ParameterTensor[]
}

/** Softmax attention, plain or latent, with its projections and norms. */
export function readAttention(options: AttentionOptions): AttentionBlock {
  const attention = readShape({ ...options, dimensions: layerDimensions(options) })
  const inner = { ...options, dimensions: layerDimensions(options) }
  return {
    attention,
    tensors: attention.latent ? latentTensors(inner, attention.latent, attention) : plainTensors(inner, attention),
  }
}

/** Gemma 4: layers that see everything have wider and fewer heads (models/gemma4/configuration_gemma4.py). */
function layerDimensions({ fields, family, dimensions, spec }: AttentionOptions): BlockDimensions {
  if (!family.globalAttention || !spec.isGlobal) return dimensions
  return {
    ...dimensions,
    headDim: fields.number('global_head_dim') ?? 512,
    keyValueHeads: sharesKeyAndValue(fields, spec)
      ? (fields.number('num_global_key_value_heads') ?? dimensions.keyValueHeads)
      : dimensions.keyValueHeads,
  }
}

function sharesKeyAndValue(fields: ConfigFields, spec: LayerSpec): boolean {
  return spec.isGlobal && fields.boolean('attention_k_eq_v')
}

function readShape({ fields, family, dimensions, spec }: AttentionOptions): Attention {
  const { heads, keyValueHeads, headDim } = dimensions
  const latent = readLatent(fields)
  const width = latent ? heads * (latent.nopeDim + latent.ropeDim) : heads * headDim
  const { qkNormWhen } = family.attention
  const qkNorm = spec.readsImages ? 'head' : family.attention.qkNorm
  const isNormed = qkNormWhen === undefined || fields.boolean(qkNormWhen)
  return {
    kind: latent ? 'mla' : 'mha',
    heads,
    keyValueHeads: latent ? heads : keyValueHeads,
    headDim: latent ? latent.nopeDim + latent.ropeDim : headDim,
    queryWidth: width,
    keyValueWidth: latent ? width : keyValueHeads * headDim,
    fusedQkv: family.attention.names.length === 1 && !latent,
    qkNorm: isNormed ? (qkNorm === 'head-layernorm' ? 'head' : (qkNorm ?? 'none')) : 'none',
    outputGate: family.attention.outputGate ?? false,
    softcap: fields.number('attn_logit_softcapping') !== null,
    rotary: (family.rotary ?? true) && !spec.readsImages,
    joinsRotaryParts: latent !== null || (family.attention.joinsRotaryParts ?? false),
    nativeSoftmax: family.attention.nativeSoftmax ?? false,
    window: spec.window,
    dropout: fields.number('attention_dropout', 'attn_pdrop', 'attention_probs_dropout_prob', 'attn_dropout') ?? 0,
    causal: !family.encoder && !spec.readsImages,
    latent,
    mixer: null,
  }
}

function readLatent(fields: ConfigFields): LatentAttention | null {
  const keyValueRank = fields.number('kv_lora_rank')
  const nopeDim = fields.number('qk_nope_head_dim')
  if (keyValueRank === null || nopeDim === null) return null
  return {
    queryRank: fields.number('q_lora_rank'),
    keyValueRank,
    nopeDim,
    ropeDim: fields.number('qk_rope_head_dim') ?? 64,
    valueDim: fields.number('v_head_dim') ?? nopeDim,
  }
}

function latentTensors(
  { fields, family, dimensions, spec }: AttentionOptions,
  latent: LatentAttention,
  { queryWidth }: Attention,
): readonly ParameterTensor[] {
  const { hiddenSize, heads } = dimensions
  const bias = configFlag(fields, family.attention.bias)
  const at = (leaf: string): string => `${family.attention.module}.${leaf}`
  const make = (leaf: string, inFeatures: number, outFeatures: number, isBiased = false): ParameterTensor =>
    linear(at(leaf), 'attention', inFeatures, outFeatures, { bias: isBiased })
  const query =
    latent.queryRank === null
      ? [make('q_proj', hiddenSize, queryWidth)]
      : [
          make('q_a_proj', hiddenSize, latent.queryRank, bias),
          norm(at('q_a_layernorm'), latent.queryRank),
          make('q_b_proj', latent.queryRank, queryWidth),
        ]
  return [
    ...query,
    make('kv_a_proj_with_mqa', hiddenSize, latent.keyValueRank + latent.ropeDim, bias),
    norm(at('kv_a_layernorm'), latent.keyValueRank),
    make('kv_b_proj', latent.keyValueRank, heads * (latent.nopeDim + latent.valueDim)),
    make('o_proj', heads * latent.valueDim, hiddenSize, bias),
    ...(spec.hasIndexer ? indexerTensors(fields, { at, hiddenSize, queryRank: latent.queryRank }) : []),
  ]
}

interface IndexerOptions {
  readonly at: (leaf: string) => string
  readonly hiddenSize: number
  readonly queryRank: number | null
}

/** DeepSeek V3.2's sparse-attention indexer. */
function indexerTensors(
  fields: ConfigFields,
  { at, hiddenSize, queryRank }: IndexerOptions,
): readonly ParameterTensor[] {
  const heads = fields.number('index_n_heads')
  const dim = fields.number('index_head_dim')
  if (heads === null || dim === null || queryRank === null) return []
  return [
    linear(at('indexer.wq_b'), 'attention', queryRank, heads * dim),
    linear(at('indexer.wk'), 'attention', hiddenSize, dim),
    norm(at('indexer.k_norm'), dim, true),
    linear(at('indexer.weights_proj'), 'attention', hiddenSize, heads),
  ]
}

function plainTensors(options: AttentionOptions, attention: Attention): readonly ParameterTensor[] {
  const { fields, family, dimensions, spec } = options
  const { hiddenSize, heads } = dimensions
  const { names, output } = family.attention
  const module = spec.readsImages ? 'cross_attn' : family.attention.module
  const { queryWidth, keyValueWidth } = attention
  const bias = configFlag(fields, family.attention.bias)
  const kind = family.conv1d ? 'conv1d' : 'linear'
  const at = (leaf: string): string => (module === '' ? leaf : `${module}.${leaf}`)
  const make = (leaf: string, width: number, isBiased = bias): ParameterTensor =>
    linear(at(leaf), 'attention', hiddenSize, width, { bias: isBiased, kind })
  const query = attention.outputGate ? 2 * queryWidth : queryWidth
  const [first, second, third] = names
  const keyBias = bias && family.attention.keyBias !== false
  const projections =
    second === undefined || third === undefined
      ? [make(first, query + 2 * keyValueWidth)]
      : [
          make(first, query),
          ...(spec.sharesKeyValue ? [] : [make(second, keyValueWidth, keyBias)]),
          ...(spec.sharesKeyValue || sharesKeyAndValue(fields, spec) ? [] : [make(third, keyValueWidth)]),
        ]
  const outputBias = configFlag(fields, family.attention.outputBias)
  return [
    ...projections,
    linear(at(output), 'attention', queryWidth, hiddenSize, { bias: outputBias, kind }),
    ...normTensors(options, attention, at),
    ...(spec.readsImages
      ? [parameter('cross_attn_attn_gate', 'attention', 1), parameter('cross_attn_mlp_gate', 'mlp', 1)]
      : []),
    ...(family.attention.sinks ? [parameter(at('sinks'), 'attention', heads)] : []),
    ...(family.attention.extra?.(fields, dimensions).map(tensor => ({ ...tensor, path: at(tensor.path) })) ?? []),
  ]
}

/** q and k norms: one per head dimension, over the whole width, or (StableLM) an own norm for every head. */
function normTensors(
  { family, dimensions, spec }: AttentionOptions,
  { qkNorm, queryWidth, keyValueWidth, headDim }: Attention,
  at: (leaf: string) => string,
): readonly ParameterTensor[] {
  if (qkNorm === 'none') return []
  const isBiased = family.attention.qkNorm === 'head-layernorm'
  const [forQuery, forKey] = family.attention.qkNormNames ?? ['q_norm', 'k_norm']
  const sizes = qkNorm === 'head' ? [headDim, headDim] : [queryWidth, keyValueWidth]
  const [query = 0, key = 0] = dimensions.headDim > 0 ? sizes : [0, 0]
  return [norm(at(forQuery), query, isBiased), ...(spec.sharesKeyValue ? [] : [norm(at(forKey), key, isBiased)])]
}

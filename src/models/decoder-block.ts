import type {
  Attention,
  LatentAttention,
  Layer,
  LayerRun,
  MixtureOfExperts,
  Mlp,
  Norms,
  ParameterTensor,
} from './architecture.ts'
import type { ConfigFields } from './config-fields.ts'
import type { Family } from './families.ts'
import { linear, norm, parameter } from './tensor.ts'

export interface BlockDimensions {
  readonly hiddenSize: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  readonly width: number
  readonly layers: number
  readonly vocabSize: number
}

interface BlockOptions {
  readonly fields: ConfigFields
  readonly family: Family
  readonly dimensions: BlockDimensions
  readonly modelType: string
  readonly transformersMajor: 4 | 5
}

/** The layers of a decoder as runs of equal ones: dense and expert layers, full and windowed attention. */
export function buildLayerRuns(options: BlockOptions): readonly LayerRun[] {
  const { fields, dimensions } = options
  const moe = readExperts(options)
  const windows = windowPattern(fields, dimensions.layers)
  const runs: { count: number; key: string; layer: Layer }[] = []
  const built = new Map<string, Layer>()
  for (let index = 0; index < dimensions.layers; index += 1) {
    const isExpert = moe?.isExpertLayer(index) ?? false
    const window = windows(index)
    const key = `${isExpert}/${window ?? 'all'}`
    const last = runs.at(-1)
    if (last?.key === key) {
      last.count += 1
      continue
    }
    const layer = built.get(key) ?? buildLayer(options, isExpert ? moe : null, window)
    built.set(key, layer)
    runs.push({ count: 1, key, layer })
  }
  return mergeAlternating(runs)
}

/** Alternating runs of the same few layers become one run each: order within the stack does not change any sum. */
function mergeAlternating(
  runs: readonly { readonly count: number; readonly key: string; readonly layer: Layer }[],
): readonly LayerRun[] {
  const byKey = new Map<string, { count: number; layer: Layer }>()
  for (const { count, key, layer } of runs) {
    const known = byKey.get(key)
    if (known) known.count += count
    else byKey.set(key, { count, layer })
  }
  return [...byKey.values()]
}

function windowPattern(fields: ConfigFields, layers: number): (index: number) => number | null {
  const window = fields.raw('use_sliding_window') === false ? null : fields.number('sliding_window')
  if (window === null) return () => null
  const types = fields.texts('layer_types')
  if (types.length === layers) return index => (types[index] === 'sliding_attention' ? window : null)
  const pattern = fields.number('sliding_window_pattern')
  if (pattern !== null && pattern > 1) return index => ((index + 1) % pattern === 0 ? null : window)
  const type = fields.text('model_type') ?? ''
  if (type === 'gemma2') return index => (index % 2 === 0 ? window : null)
  if (type === 'gemma3_text' || type === 'gemma3') return index => ((index + 1) % 6 === 0 ? null : window)
  if (type === 'gpt_oss') return index => (index % 2 === 0 ? window : null)
  return () => window
}

interface Experts extends MixtureOfExperts {
  readonly tensors: readonly ParameterTensor[]
  readonly isExpertLayer: (index: number) => boolean
}

function buildLayer(options: BlockOptions, experts: Experts | null, window: number | null): Layer {
  const { fields, family, dimensions } = options
  const { hiddenSize } = dimensions
  const attention = readAttention(options, window)
  const mlp = readMlp(options, experts !== null)
  const norms = readNorms(options)
  const tensors = [
    ...attentionTensors(options, attention),
    ...(experts ? experts.tensors : mlpTensors(options, mlp.width)),
    ...Array.from({ length: norms.count }, (_, index) =>
      norm(`norm${index}`, hiddenSize, family.norm.bias ?? false, norms.affine),
    ),
  ]
  const moe = experts && {
    experts: experts.experts,
    topK: experts.topK,
    expertWidth: experts.expertWidth,
    expertKind: experts.expertKind,
    sharedWidth: experts.sharedWidth,
  }
  return { attention, mlp, moe, norms, parallelResidual: flag(fields, family.parallelResidual), tensors }
}

function flag(fields: ConfigFields, rule: boolean | string | undefined): boolean {
  return typeof rule === 'string' ? fields.boolean(rule) : (rule ?? false)
}

/** `no_bias: true` is how MPT and Megatron say it for every linear. */
function biasOf(fields: ConfigFields, rule: boolean | string): boolean {
  return typeof rule === 'string' || !fields.boolean('no_bias') ? flag(fields, rule) : false
}

function readAttention({ fields, family, dimensions, modelType }: BlockOptions, window: number | null): Attention {
  const { heads, keyValueHeads, headDim } = dimensions
  const latent = readLatent(fields)
  const width = latent ? heads * (latent.nopeDim + latent.ropeDim) : heads * headDim
  const hasQkNorm = family.attention.qkNormWhen === undefined || fields.boolean(family.attention.qkNormWhen)
  const qkNorm =
    hasQkNorm && (family.attention.qkNorm === 'head' || family.attention.qkNorm === 'full')
      ? family.attention.qkNorm
      : 'none'
  return {
    kind: latent ? 'mla' : 'mha',
    heads,
    keyValueHeads: latent ? heads : keyValueHeads,
    headDim: latent ? latent.nopeDim + latent.ropeDim : headDim,
    queryWidth: width,
    keyValueWidth: latent ? width : keyValueHeads * headDim,
    fusedQkv: family.attention.names.length === 1 && !latent,
    qkNorm,
    outputGate: false,
    softcap: fields.number('attn_logit_softcapping') !== null,
    rotary: family.rotary ?? true,
    joinsRotaryParts: latent !== null || (family.attention.joinsRotaryParts ?? false),
    window,
    dropout: fields.number('attention_dropout', 'attn_pdrop', 'attention_probs_dropout_prob', 'attn_dropout') ?? 0,
    causal: !(family.norm.placement === 'post' && family.norm.kind === 'layernorm') && !modelType.includes('bert'),
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

function attentionTensors(
  { fields, family, dimensions, modelType }: BlockOptions,
  attention: Attention,
): readonly ParameterTensor[] {
  const { hiddenSize, headDim, heads, keyValueHeads } = dimensions
  const { module, names, output } = family.attention
  const bias = biasOf(fields, family.attention.bias)
  const outputBias = biasOf(fields, family.attention.outputBias)
  const kind = family.conv1d ? 'conv1d' : 'linear'
  const at = (leaf: string): string => `${module}.${leaf}`
  const make = (leaf: string, inFeatures: number, outFeatures: number, hasBias: boolean): ParameterTensor =>
    linear(at(leaf), 'attention', inFeatures, outFeatures, { bias: hasBias, kind })
  const { latent, queryWidth, keyValueWidth } = attention
  if (latent) {
    const query =
      latent.queryRank === null
        ? [make('q_proj', hiddenSize, queryWidth, false)]
        : [
            make('q_a_proj', hiddenSize, latent.queryRank, bias),
            norm(at('q_a_layernorm'), latent.queryRank),
            make('q_b_proj', latent.queryRank, queryWidth, false),
          ]
    return [
      ...query,
      make('kv_a_proj_with_mqa', hiddenSize, latent.keyValueRank + latent.ropeDim, bias),
      norm(at('kv_a_layernorm'), latent.keyValueRank),
      make('kv_b_proj', latent.keyValueRank, heads * (latent.nopeDim + latent.valueDim), false),
      make('o_proj', heads * latent.valueDim, hiddenSize, bias),
      ...indexerTensors(fields, at, hiddenSize, latent.queryRank),
    ]
  }
  const projections =
    names.length === 1
      ? [make(names[0], hiddenSize, queryWidth + 2 * keyValueWidth, bias)]
      : [
          make(names[0], hiddenSize, queryWidth, bias),
          make(names[1], hiddenSize, keyValueWidth, bias),
          make(names[2], hiddenSize, keyValueWidth, bias),
        ]
  const normed =
    attention.qkNorm === 'head'
      ? [norm(at('q_norm'), headDim), norm(at('k_norm'), headDim)]
      : attention.qkNorm === 'full'
        ? [norm(at('q_norm'), heads * headDim), norm(at('k_norm'), keyValueHeads * headDim)]
        : []
  const sinks = family.attention.sinks ? [parameter(at('sinks'), 'attention', heads)] : []
  const outputPath = modelType.includes('bert') ? 'attention.output.dense' : at(output)
  return [
    ...projections,
    linear(outputPath, 'attention', queryWidth, hiddenSize, { bias: outputBias, kind }),
    ...normed,
    ...sinks,
  ]
}

/** DeepSeek V3.2's sparse-attention indexer. */
function indexerTensors(
  fields: ConfigFields,
  at: (leaf: string) => string,
  hiddenSize: number,
  queryRank: number | null,
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

function readMlp({ fields, family, dimensions }: BlockOptions, isExpert: boolean): Mlp {
  const activation =
    fields.text('hidden_act', 'activation_function', 'hidden_activation') ?? family.mlp.activation ?? 'silu'
  const dense = fields.number('intermediate_size_mlp')
  return { kind: isExpert ? 'none' : family.mlp.kind, width: isExpert ? 0 : (dense ?? dimensions.width), activation }
}

function mlpTensors({ fields, family, dimensions }: BlockOptions, width: number): readonly ParameterTensor[] {
  const { hiddenSize } = dimensions
  const { names, module, kind } = family.mlp
  const bias = biasOf(fields, family.mlp.bias)
  const tensorKind = family.conv1d ? 'conv1d' : 'linear'
  return names.map((leaf, index) => {
    const isDown = index === names.length - 1
    const path = module === '' ? leaf : `${module}.${leaf}`
    const out = isDown ? hiddenSize : kind === 'fused-gated' ? 2 * width : width
    return linear(path, 'mlp', isDown ? width : hiddenSize, out, { bias, kind: tensorKind })
  })
}

function readNorms({ fields, family }: BlockOptions): Norms {
  const { kind, perLayer, placement = 'pre', affine = true, float32Weight = false } = family.norm
  const isNewFalcon = fields.boolean('new_decoder_architecture')
  const isParallel = family.defaults['parallel_attn'] !== undefined && fields.boolean('parallel_attn')
  const stableParallel = family.attention.bias === 'use_qkv_bias' && fields.boolean('use_parallel_residual')
  const count = isNewFalcon
    ? (fields.number('num_ln_in_parallel_attn') ?? 2)
    : isParallel || stableParallel
      ? 1
      : perLayer
  return { kind, count, float32Weight, placement, affine }
}

const DENSE_KEYS = ['first_k_dense_replace', 'moe_layer_start_index'] as const

function readExperts({ fields, family, dimensions, transformersMajor }: BlockOptions): Experts | null {
  const experts = fields.number('num_experts', 'num_local_experts', 'n_routed_experts', 'moe_num_experts') ?? 0
  if (experts < 2) return null
  const { hiddenSize: h } = dimensions
  const rule = family.moe ?? 'qwen'
  const topK = fields.number('num_experts_per_tok', 'num_experts_per_token', 'moe_k', 'moe_topk', 'top_k_experts') ?? 2
  const expertWidth = fields.number('moe_intermediate_size') ?? dimensions.width
  const sharedCount = fields.number('n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts') ?? 0
  const sharedWidth =
    fields.number('shared_expert_intermediate_size', 'shared_intermediate_size') ??
    (rule === 'llama4' ? expertWidth : sharedCount * expertWidth)
  const fused = transformersMajor === 5 || rule === 'gpt-oss' || rule === 'llama4' || rule === 'granite'
  const bias = rule === 'gpt-oss'
  const expert = (leaf: string, inFeatures: number, outFeatures: number): ParameterTensor =>
    linear(`mlp.experts.${leaf}`, 'experts', inFeatures, outFeatures, { bias, kind: 'expert', count: experts, fused })
  const matrices =
    rule === 'gpt-oss' || rule === 'llama4' || rule === 'granite' || fused
      ? [expert('gate_up_proj', h, 2 * expertWidth), expert('down_proj', expertWidth, h)]
      : [
          expert(rule === 'mixtral' || rule === 'phimoe' ? 'w1' : 'gate_proj', h, expertWidth),
          expert(rule === 'mixtral' || rule === 'phimoe' ? 'w3' : 'up_proj', h, expertWidth),
          expert(rule === 'mixtral' || rule === 'phimoe' ? 'w2' : 'down_proj', expertWidth, h),
        ]
  const routerBias = rule === 'gpt-oss'
  const tensors = [
    linear('mlp.gate', 'router', h, experts, { bias: routerBias, kind: 'router' }),
    ...matrices,
    ...sharedTensors(h, sharedWidth, fields.has('shared_expert_intermediate_size')),
    ...(fields.text('model_type') === 'ernie4_5_moe'
      ? [parameter('mlp.e_score_correction_bias', 'router', experts)]
      : []),
  ]
  return {
    experts,
    topK,
    expertWidth,
    expertKind: 'gated',
    sharedWidth,
    tensors,
    isExpertLayer: expertLayers(fields, dimensions.layers),
  }
}

function sharedTensors(h: number, width: number, isGated: boolean): readonly ParameterTensor[] {
  if (width === 0) return []
  const at = (leaf: string): string => `mlp.shared_expert.${leaf}`
  return [
    linear(at('gate_proj'), 'shared-expert', h, width),
    linear(at('up_proj'), 'shared-expert', h, width),
    linear(at('down_proj'), 'shared-expert', width, h),
    ...(isGated ? [linear('mlp.shared_expert_gate', 'router', h, 1)] : []),
  ]
}

function expertLayers(fields: ConfigFields, layers: number): (index: number) => boolean {
  const types = fields.texts('mlp_layer_types')
  if (types.length === layers) return index => types[index] === 'sparse'
  const listed = fields.raw('moe_layers')
  if (Array.isArray(listed)) return index => listed.includes(index)
  const onlyDense = fields.raw('mlp_only_layers')
  const dense = Array.isArray(onlyDense) ? onlyDense : []
  const first = fields.number(...DENSE_KEYS) ?? 0
  const step =
    fields.number('decoder_sparse_step', 'interleave_moe_layer_step', 'moe_layer_freq', 'moe_layer_interval') ?? 1
  const offset = fields.has('moe_layer_freq') ? 0 : 1
  return index => index >= first && !dense.includes(index) && (step <= 1 || (index + offset) % step === 0)
}

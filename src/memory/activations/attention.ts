import type { Layer } from '../../models/architecture.ts'
import { fusedProjections, kernelAdapter } from './adapter-kernels.ts'
import type { BlockContext } from './block-context.ts'
import { dropout, linear } from './linear.ts'
import { norm } from './norm.ts'
import type { Tape, Value } from './tape.ts'

const FLOAT32 = 4

/** Names of q, k and v where each is a matrix of its own. */
const SEPARATE_PROJECTIONS = [
  ['q_proj', 'query', 'query_proj', 'q_lin', 'wq', 'q'],
  ['k_proj', 'key', 'key_proj', 'k_lin', 'wk', 'k'],
  ['v_proj', 'value', 'value_proj', 'v_lin', 'wv', 'v'],
]

/** q, k and v projections, the attention itself and the output projection. */
export function attention(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const { attention: shape } = layer
  const share = 1 / context.tensorParallel
  const queryWidth = shape.queryWidth * share
  const { query, key, value } =
    shape.kind === 'mla' ? latentProjections(tape, input, layer, context) : projections(tape, input, layer, context)
  const mixed = scores(tape, { query, key, value }, layer, context)
  const output = shape.outputGate
    ? tape.record(queryWidth, mixed.element, {
        inputs: [mixed],
        saves: [mixed, { bytes: queryWidth * mixed.element * 2 }],
      })
    : mixed
  const path = pathOf(layer, ['o_proj', 'out_proj', 'dense', 'c_proj', 'wo', 'Wo', 'out_lin', 'o'])
  const adapter = kernelAdapter(context, 'output', [path])
  const [projected] =
    adapter === null ? [] : fusedProjections(tape, output, context, { adapter, widths: [context.hiddenSize] })
  return projected ?? linear(tape, output, context, { path, width: context.hiddenSize })
}

interface Projected {
  readonly query: Value
  readonly key: Value
  readonly value: Value
}

function projections(tape: Tape, input: Value, layer: Layer, context: BlockContext): Projected {
  const { attention: shape } = layer
  const share = 1 / context.tensorParallel
  const [queryWidth, keyValueWidth] = [shape.queryWidth * share, shape.keyValueWidth * share]
  if (shape.fusedQkv || context.rules.fusedQkv) {
    const path = fusedPath(layer, context)
    const product = linear(tape, input, context, { path, width: queryWidth + 2 * keyValueWidth })
    const spread = context.rules.spreadsAdapter ? spreadWidth(layer, context) : 0
    const joined =
      spread === 0
        ? product
        : tape.record(product.width, product.element, {
            inputs: [product],
            saves: [{ bytes: spread * share * product.element }],
            sharesGradient: true,
          })
    const [query, key, value] = tape.split(joined, [queryWidth, keyValueWidth, keyValueWidth])
    if (query === undefined || key === undefined || value === undefined) throw new Error('split returns three views')
    return { query: rotated(tape, query, layer, context), key: rotated(tape, key, layer, context), value }
  }
  const widths = [queryWidth, keyValueWidth, keyValueWidth]
  const paths = SEPARATE_PROJECTIONS.map(leaves => pathOf(layer, leaves))
  const adapter = kernelAdapter(context, 'qkv', paths)
  const [query, key, value] =
    adapter === null
      ? paths.map((path, index) => linear(tape, input, context, { path, width: widths[index] ?? 0 }))
      : fusedProjections(tape, input, context, { adapter, widths })
  if (query === undefined || key === undefined || value === undefined) throw new Error('three projections')
  return { query: rotated(tape, query, layer, context), key: rotated(tape, key, layer, context), value }
}

/** DeepSeek-V2/V3 training path: low-rank q and joint k/v, rotary part shared by the heads and expanded. */
function latentProjections(tape: Tape, input: Value, layer: Layer, context: BlockContext): Projected {
  const { attention: shape } = layer
  const latent = shape.latent
  if (latent === null) return projections(tape, input, layer, context)
  const heads = shape.heads / context.tensorParallel
  const trains = context.trains(pathOf(layer, ['kv_a_layernorm', 'norm']))
  const queryWidth = heads * (latent.nopeDim + latent.ropeDim)
  let queryInput = input
  if (latent.queryRank !== null) {
    const low = linear(tape, input, context, { path: pathOf(layer, ['q_a_proj']), width: latent.queryRank })
    queryInput = norm(tape, low, context, { norms: layer.norms, trains })
  }
  const query = linear(tape, queryInput, context, { path: pathOf(layer, ['q_b_proj', 'q_proj']), width: queryWidth })
  const low = linear(tape, input, context, {
    path: pathOf(layer, ['kv_a_proj_with_mqa']),
    width: latent.keyValueRank + latent.ropeDim,
  })
  const [compressed] = tape.split(low, [latent.keyValueRank, latent.ropeDim])
  if (compressed === undefined) throw new Error('split returns its views')
  const normed = norm(tape, compressed, context, { norms: layer.norms, trains })
  const wide = linear(tape, normed, context, {
    path: pathOf(layer, ['kv_b_proj']),
    width: heads * (latent.nopeDim + latent.valueDim),
  })
  const [keyNope, value] = tape.split(wide, [heads * latent.nopeDim, heads * latent.valueDim])
  if (keyNope === undefined || value === undefined) throw new Error('split returns its views')
  const key = tape.record(queryWidth, keyNope.element, { inputs: [keyNope] })
  const rotatedQuery = tape.record(queryWidth, query.element, { inputs: [query] })
  return { query: rotatedQuery, key, value }
}

/** q/k norm, then the rotary product, whose factors have no gradient: only its result is kept, by the attention. */
function rotated(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const { attention: shape } = layer
  const groups = shape.qkNorm === 'head' ? input.width / shape.headDim : 1
  const trains = context.trains(pathOf(layer, ['q_norm', 'k_norm']))
  const normed = shape.qkNorm === 'none' ? input : norm(tape, input, context, { norms: layer.norms, trains, groups })
  return shape.rotary ? tape.record(normed.width, normed.element, { inputs: [normed] }) : normed
}

function scores(tape: Tape, { query, key, value }: Projected, layer: Layer, context: BlockContext): Value {
  const { attention: shape } = layer
  const heads = shape.heads / context.tensorParallel
  const outputWidth = shape.kind === 'mla' && shape.latent !== null ? heads * shape.latent.valueDim : query.width
  const repeats = context.algorithm !== 'fused' || context.maskBytes > 0 || context.rules.repeatsKeyValue
  const fullKey = repeats ? repeated(tape, key, query.width) : key
  const fullValue = repeats ? repeated(tape, value, outputWidth) : value
  const lowered = (input: Value) => (context.sizes.autocast ? tape.cast(input, context.sizes.compute) : input)
  if (context.algorithm === 'fused') {
    const inputs = [lowered(query), lowered(fullKey), lowered(fullValue)]
    const logSumExp = { bytes: FLOAT32 * heads }
    const mask = { bytes: context.maskBytes * context.sequenceLength }
    const output = tape.record(outputWidth, inputs[0]?.element ?? query.element, {
      inputs,
      saves: [...inputs, logSumExp, mask],
      savesOutput: true,
    })
    return shape.joinsRotaryParts === true ? tape.record(outputWidth, output.element, { inputs: [output] }) : output
  }
  // torch.matmul flattens batch and heads: a strided view is copied then.
  const flattened = (input: Value) =>
    context.sequences > 1 ? tape.record(input.width, input.element, { inputs: [input] }) : input
  const products: [Value, Value, Value] = [
    flattened(lowered(query)),
    flattened(lowered(fullKey)),
    flattened(lowered(fullValue)),
  ]
  return explicitScores(tape, products, { layer, context, heads, outputWidth })
}

function repeated(tape: Tape, input: Value, width: number): Value {
  return input.width >= width ? input : tape.record(width, input.element, { inputs: [input] })
}

interface ScoreOptions {
  readonly layer: Layer
  readonly context: BlockContext
  readonly heads: number
  readonly outputWidth: number
}

/**
 * Scores in memory: heads × length per token. transformers `eager_attention_forward`; `math` is aten's own fallback, softmax in the
 * input's dtype. The softmax's backward multiplies gradient and output into a tensor of its own (aten native/cuda/SoftMax.cu).
 */
function explicitScores(tape: Tape, [query, key, value]: readonly [Value, Value, Value], options: ScoreOptions): Value {
  const { layer, context, heads, outputWidth } = options
  const width = heads * context.sequenceLength
  const raw = tape.record(width, query.element, { inputs: [query, key], saves: [query, key] })
  const scaled = tape.record(width, query.element, { inputs: [raw] })
  const capped = layer.attention.softcap
    ? tape.record(width, query.element, {
        inputs: [tape.record(width, query.element, { inputs: [scaled], savesOutput: true })],
      })
    : scaled
  const upcasts = context.rules.softmax === 'float32' && layer.attention.nativeSoftmax !== true
  const wide = context.algorithm === 'eager' && upcasts ? FLOAT32 : query.element
  const softmax = tape.record(width, wide, { inputs: [capped], savesOutput: true, scratch: width * wide })
  const probabilities = tape.cast(softmax, query.element)
  const kept = context.attentionDropout ? dropout(tape, probabilities) : probabilities
  const mixed = tape.record(outputWidth, query.element, { inputs: [kept, value], saves: [kept, value] })
  return tape.record(outputWidth, query.element, { inputs: [mixed] })
}

/** The layer's own name for a projection: adapters and freezing match by path. */
function pathOf(layer: Layer, leaves: readonly string[]): string {
  for (const leaf of leaves) {
    const found = layer.tensors.find(
      tensor => (tensor.part === 'attention' || tensor.part === 'norm') && leafOf(tensor.path) === leaf,
    )
    if (found !== undefined) return found.path
  }
  return leaves[0] ?? ''
}

/** One projection for q, k and v: its own name, or the first of the three when only the implementation joins them. */
function fusedPath(layer: Layer, context: BlockContext): string {
  const joined = pathOf(layer, ['qkv_proj', 'c_attn', 'query_key_value', 'W_pack', 'Wqkv', 'qkv', 'attn'])
  if (layer.tensors.some(tensor => tensor.path === joined)) return joined
  const parts = ['q_proj', 'k_proj', 'v_proj'].map(leaf => pathOf(layer, [leaf]))
  return parts.find(path => context.adapterOf(path) !== null) ?? parts[0] ?? ''
}

/** Width of the adapted ones of q, k and v when an adapter covers some of them only; 0 otherwise. */
function spreadWidth({ attention: shape, tensors }: Layer, context: BlockContext): number {
  const widths = { q_proj: shape.queryWidth, k_proj: shape.keyValueWidth, v_proj: shape.keyValueWidth }
  const adapted = tensors.filter(tensor => leafOf(tensor.path) in widths && context.adapterOf(tensor.path) !== null)
  const total = adapted.reduce((sum, tensor) => sum + tensor.outFeatures, 0)
  return adapted.length === 3 ? 0 : total
}

function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

import type { Architecture, Layer, ParameterTensor } from '../models/architecture.ts'

/** What one token costs in a model, summed over its layers: counts that no plan changes but, beside a stack of fixed length, the sequence's. */
export interface Work {
  readonly layers: number
  readonly expertLayers: number
  readonly hiddenSize: number
  /** Parameters of the blocks' products outside routed experts. */
  readonly denseParameters: number
  /** Of these every second product of a block, in the order in which it runs. */
  readonly alternateParameters: number
  /** All routed expert parameters, and those one token uses. */
  readonly expertParameters: number
  readonly activeExpertParameters: number
  readonly expertWidth: number
  /** Hidden values of the experts that one token reaches, over all layers. */
  readonly expertHidden: number
  /** The experts' activation multiplies a gate (SwiGLU). */
  readonly expertGated: boolean
  /** The experts' linear layers have biases. */
  readonly expertBias: boolean
  readonly topK: number
  readonly experts: number
  /** Multiply-adds of the head per token, and its outputs; 0 for classification heads. */
  readonly outputs: number
  readonly attention: readonly AttentionWork[]
  /** Bytes per token of one forward outside the products, 16-bit activations: fused kernels and eager Hugging Face code. */
  readonly elementwiseFused: number
  readonly elementwiseEager: number
  /** Inputs + outputs of all linear layers of the blocks per token. */
  readonly linearFeatures: number
  /** Linear modules of the blocks; fused experts count once per projection. */
  readonly linearTensors: number
  /** Key-value width summed over attention layers. */
  readonly keyValueWidth: number
  /** FLOPs per token of one forward in scans of state-space and linear-attention mixers. */
  readonly scanFlops: number
  readonly visionParameters: number
  readonly visionTokens: number
}

export interface AttentionWork {
  readonly layers: number
  readonly heads: number
  /** heads × head size; latent attention: the mean of query-key and value widths. */
  readonly width: number
  readonly window: number | null
  readonly causal: boolean
  /** Keys that every query sees, where their number is fixed. */
  readonly keys?: number
}

const CACHE = new WeakMap<Architecture, Work>()

/** Counts of an architecture; computed once per architecture unless a stack's length is fixed while the text's is not. */
export function workOf(architecture: Architecture, length: number): Work {
  const known = CACHE.get(architecture)
  if (known !== undefined) return known
  const work = count(architecture, length)
  if (architecture.layers.every(({ positions }) => positions === undefined)) CACHE.set(architecture, work)
  return work
}

/**
 * Score products of one query summed over its keys: a causal query sees half the sequence on average, a windowed one
 * w − w²/2s. Returned as the length s' for which a causal layer would cost the same.
 */
export function effectiveLength(length: number, { window, causal, keys }: AttentionWork): number {
  if (!causal) return 2 * (keys ?? length)
  if (window === null || window >= length) return length
  return 2 * window - (window * window) / length
}

function count(architecture: Architecture, length: number): Work {
  const { hiddenSize, head, vision } = architecture
  let layers = 0
  let expertLayers = 0
  let denseParameters = 0
  let alternateParameters = 0
  let expertParameters = 0
  let activeExpertParameters = 0
  let expertWidth = 0
  let expertHidden = 0
  let expertGated = false
  let expertBias = false
  let topK = 0
  let experts = 0
  let elementwiseFused = 0
  let elementwiseEager = 0
  let linearFeatures = 0
  let linearTensors = 0
  let keyValueWidth = 0
  let scanFlops = 0
  const attention: AttentionWork[] = []
  for (const { count: stacked, layer, positions } of architecture.layers) {
    // per token of the text: a fixed stack's tokens are spread over the sequence's
    const n = stacked * ((positions ?? length) / length)
    layers += stacked
    let products = 0
    for (const tensor of layer.tensors) {
      if (isExpert(tensor)) {
        linearTensors += stacked
        expertParameters += n * tensor.parameters
        expertBias ||= tensor.bias
        const active = (layer.moe?.topK ?? 1) / (layer.moe?.experts ?? 1)
        activeExpertParameters += n * tensor.parameters * active
      } else if (isProduct(tensor)) {
        denseParameters += n * tensor.parameters
        const [first, last] = [products, products + tensor.count]
        alternateParameters += (n * tensor.parameters * (Math.floor(last / 2) - Math.floor(first / 2))) / tensor.count
        products = last
        linearFeatures += n * tensor.count * (tensor.inFeatures + tensor.outFeatures)
        linearTensors += stacked * tensor.count
      }
    }
    if (layer.moe !== null) {
      expertLayers += n
      expertWidth = layer.moe.expertWidth
      expertGated ||= layer.moe.expertKind === 'gated'
      expertHidden += n * layer.moe.topK * layer.moe.expertWidth
      topK = layer.moe.topK
      experts = layer.moe.experts
      linearFeatures += n * layer.moe.topK * (2 * hiddenSize + 3 * layer.moe.expertWidth)
    }
    const traffic = elementwise(layer, hiddenSize)
    elementwiseFused += n * traffic.fused
    elementwiseEager += n * traffic.eager
    scanFlops += n * scan(layer)
    if (hasScores(layer)) {
      attention.push({ layers: n, ...attentionWidth(layer), ...(positions === undefined ? {} : { keys: positions }) })
      keyValueWidth += n * layer.attention.keyValueWidth
    }
    if (layer.crossAttention) attention.push({ layers: n, ...crossWidth(layer) })
  }
  return {
    layers,
    expertLayers,
    hiddenSize,
    denseParameters,
    alternateParameters,
    expertParameters,
    activeExpertParameters,
    expertWidth,
    expertHidden,
    expertGated,
    expertBias,
    topK,
    experts,
    outputs: head.kind === 'causal-lm' || head.kind === 'masked-lm' || head.kind === 'seq2seq-lm' ? head.outputs : 0,
    attention,
    elementwiseFused,
    elementwiseEager,
    linearFeatures,
    linearTensors,
    keyValueWidth,
    scanFlops,
    visionParameters: [...(vision?.tensors ?? []), ...(vision?.projector ?? [])].reduce(
      (sum, t) => sum + t.parameters,
      0,
    ),
    visionTokens: vision?.imageTokens ?? 0,
  }
}

function isExpert(tensor: ParameterTensor): boolean {
  return tensor.kind === 'expert' || tensor.part === 'experts'
}

function isProduct({ kind, part }: ParameterTensor): boolean {
  return (kind === 'linear' || kind === 'conv1d' || kind === 'router') && part !== 'embedding' && part !== 'head'
}

function hasScores({ attention }: Layer): boolean {
  return attention.kind === 'mha' || attention.kind === 'mla'
}

function attentionWidth({ attention }: Layer): Omit<AttentionWork, 'layers'> {
  const { heads, headDim, latent, window, causal } = attention
  const width = latent === null ? heads * headDim : (heads * (latent.nopeDim + latent.ropeDim + latent.valueDim)) / 2
  return { heads, width, window, causal }
}

function crossWidth(layer: Layer): Omit<AttentionWork, 'layers'> {
  const keys = layer.crossPositions === undefined ? {} : { keys: layer.crossPositions }
  return { ...attentionWidth(layer), window: null, causal: false, ...keys }
}

/** Values per inner unit: convolution 2, chunk states written, passed on and read 3, scan inputs and output 5, gated norm 3 (mamba_ssm 2.2 kernels). */
const MIXER_VALUES = 13

/**
 * Bytes per token of one forward outside the products, counted kernel by kernel (norms, rotary, activation, residuals,
 * casts; reads and writes of 16-bit tensors, float32 inside eager norms).
 */
function elementwise(layer: Layer, hidden: number): { readonly fused: number; readonly eager: number } {
  const { attention, mlp, moe } = layer
  const widths = attention.queryWidth + attention.keyValueWidth
  const mixer = attention.mixer === null ? 0 : 2 * MIXER_VALUES * attention.mixer.innerSize
  const width = mlp.kind === 'none' ? 0 : mlp.width
  const expertsWidth = moe === null ? 0 : moe.topK * moe.expertWidth + moe.sharedWidth
  const gated = mlp.kind === 'none' ? moe?.expertKind === 'gated' : mlp.kind !== 'plain'
  const f = moe === null ? width : expertsWidth
  return gated
    ? { fused: 2 * (11 * hidden + 2 * widths + 3 * f) + mixer, eager: 72 * hidden + 28 * widths + 10 * f + 2 * mixer }
    : { fused: 20 * hidden + 4 * f + mixer, eager: 30 * hidden + 10 * f + 2 * mixer }
}

/**
 * Chunked scan of a mixer with chunks of 256 (Mamba-2, arXiv 2405.21060 §6; delta rules solve a triangular system of
 * the same order): per token, inner × (2 chunk/2 within chunks + 4 state between them) multiply-adds.
 */
function scan({ attention }: Layer): number {
  const { mixer, kind } = attention
  if (mixer === null || kind === 'convolution') return 0
  return 2 * mixer.innerSize * (256 / 2 + 4 * mixer.stateSize)
}

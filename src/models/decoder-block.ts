import type { Attention, Layer, LayerRun, MixtureOfExperts, Mlp, Norms, ParameterTensor } from './architecture.ts'
import { readAttention } from './attention-block.ts'
import { type BlockDimensions, readDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import { configFlag } from './config-flag.ts'
import { type Experts, readExperts } from './experts.ts'
import type { Family } from './family.ts'
import { type LayerSpec, layerSpecs } from './layer-specs.ts'
import { listedBlocks } from './listed-blocks.ts'
import { MIXERS } from './mixers.ts'
import { linear, norm } from './tensor.ts'

interface BlockOptions {
  readonly fields: ConfigFields
  readonly family: Family
  readonly dimensions: BlockDimensions
  readonly transformersMajor: 4 | 5
}

/** The layers of a decoder as runs of equal ones: dense and expert layers, full and windowed attention, mixers. Order does not change any sum. */
export function buildLayerRuns(options: BlockOptions): readonly LayerRun[] {
  const { fields, family, dimensions } = options
  const listed = listedBlocks(fields, dimensions.hiddenSize, own => {
    const [run] = buildLayerRuns({ ...options, fields: own, dimensions: readDimensions(own, family, '') })
    if (!run) throw new Error('one layer was asked for')
    return run.layer
  })
  if (listed) return listed
  const experts = readExperts(options)
  const specs = layerSpecs(fields, family, dimensions, experts?.isExpertLayer ?? (() => false))
  const runs = new Map<string, { places: number[]; layer: Layer }>()
  for (const [place, spec] of specs.entries()) {
    const key = JSON.stringify(spec)
    const known = runs.get(key)
    if (known) known.places.push(place)
    else {
      const layer = buildLayer(options, spec, spec.feedForward === 'experts' ? experts : null)
      runs.set(key, { places: [place], layer })
    }
  }
  return [...runs.values()].map(({ places, layer }) => ({ count: places.length, places, layer }))
}

function buildLayer(options: BlockOptions, spec: LayerSpec, experts: Experts | null): Layer {
  const { fields, family, dimensions } = options
  const mixing = readMixing(options, spec)
  const mlp = readMlp(options, spec)
  const norms = readNorms(options, spec)
  return {
    attention: mixing.attention,
    mlp,
    moe: experts && withoutTensors(experts),
    norms,
    parallelResidual: configFlag(fields, family.parallelResidual),
    tensors: [
      ...mixing.tensors,
      ...(experts ? experts.tensors : mlpTensors(options, mlp)),
      ...(family.norm.names?.slice(-norms.count) ?? normNames(norms)).map(name =>
        norm(name, dimensions.hiddenSize, family.norm.bias ?? false, norms.affine),
      ),
      ...(family.layerExtras?.({ fields, dimensions, spec }) ?? []),
    ],
  }
}

function withoutTensors({ experts, topK, expertWidth, expertKind, sharedWidth }: Experts): MixtureOfExperts {
  return { experts, topK, expertWidth, expertKind, sharedWidth }
}

interface Mixing {
  readonly attention: Attention
  readonly tensors: readonly ParameterTensor[]
}

/** Attention, a mixer in its place, both on the same input (Falcon-H1), or none. */
function readMixing(options: BlockOptions, spec: LayerSpec): Mixing {
  const { fields, family, dimensions } = options
  const block = readAttention({ fields, family, dimensions, spec })
  if (spec.mixing === 'attention') return block
  if (spec.mixing === 'none' || !family.mixer) return { attention: withoutScores(block.attention, 'none'), tensors: [] }
  const mixer = MIXERS[family.mixer.kind]({ fields, dimensions, module: family.mixer.module })
  if (spec.mixing === 'both')
    return { attention: { ...block.attention, mixer: mixer.shape }, tensors: [...block.tensors, ...mixer.tensors] }
  return {
    attention: { ...withoutScores(block.attention, family.mixer.kind), mixer: mixer.shape },
    tensors: mixer.tensors,
  }
}

function withoutScores(attention: Attention, kind: Attention['kind']): Attention {
  const nothing = { heads: 0, keyValueHeads: 0, queryWidth: 0, keyValueWidth: 0, latent: null, window: null }
  return { ...attention, ...nothing, kind, qkNorm: 'none', outputGate: false, fusedQkv: false, joinsRotaryParts: false }
}

function readMlp({ fields, family, dimensions }: BlockOptions, spec: LayerSpec): Mlp {
  const activation =
    fields.text('hidden_act', 'mlp_hidden_act', 'activation_function', 'hidden_activation', 'activation') ??
    family.mlp.activation ??
    'silu'
  if (spec.feedForward !== 'dense') return { kind: 'none', width: 0, activation }
  const own = family.mlp.widthKey === undefined ? null : fields.number(family.mlp.widthKey)
  const isDouble = spec.sharesKeyValue && fields.boolean('use_double_wide_mlp')
  return { kind: family.mlp.kind, width: (own ?? dimensions.width) * (isDouble ? 2 : 1), activation }
}

function mlpTensors({ fields, family, dimensions }: BlockOptions, { kind, width }: Mlp): readonly ParameterTensor[] {
  if (kind === 'none') return []
  const { hiddenSize } = dimensions
  const { names, module } = family.mlp
  const bias = configFlag(fields, family.mlp.bias)
  const outputBias = configFlag(fields, family.mlp.outputBias ?? family.mlp.bias)
  return names.map((leaf, index) => {
    const isDown = index === names.length - 1
    const out = isDown ? hiddenSize : kind === 'fused-gated' ? 2 * width : width
    return linear(module === '' ? leaf : `${module}.${leaf}`, 'mlp', isDown ? width : hiddenSize, out, {
      bias: isDown ? outputBias : bias,
      kind: family.conv1d ? 'conv1d' : 'linear',
    })
  })
}

function readNorms({ fields, family }: BlockOptions, spec: LayerSpec): Norms {
  const { kind, placement = 'pre', affine = true, float32Weight = false } = family.norm
  const perLayer = (spec.isFirst ? family.norm.inFirstLayer : undefined) ?? family.norm.perLayer
  const isNewFalcon = fields.boolean('new_decoder_architecture')
  const isParallel = family.defaults['parallel_attn'] !== undefined && fields.boolean('parallel_attn')
  const stableParallel = family.attention.bias === 'use_qkv_bias' && fields.boolean('use_parallel_residual')
  const count = isNewFalcon
    ? fields.number('num_ln_in_parallel_attn') === 1
      ? 1
      : 2
    : isParallel || stableParallel || isSingleBlock(family, spec)
      ? 1
      : perLayer
  return { kind, count, float32Weight, placement, affine }
}

/** One norm before the one block that the layer has. */
function isSingleBlock(family: Family, { mixing, feedForward }: LayerSpec): boolean {
  return family.mixer !== undefined && (mixing === 'none' || feedForward === 'none')
}

/** What most blocks call the norms on their residual stream; whoever names them otherwise has as many. */
const NORM_NAMES = [
  'input_layernorm',
  'post_attention_layernorm',
  'pre_feedforward_layernorm',
  'post_feedforward_layernorm',
] as const

function normNames({ count, placement }: Norms): readonly string[] {
  return placement === 'post' && count === 2
    ? ['post_attention_layernorm', 'post_feedforward_layernorm']
    : NORM_NAMES.slice(0, count)
}

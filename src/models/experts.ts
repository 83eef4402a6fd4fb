import type { MixtureOfExperts, ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import type { Family } from './family.ts'
import { linear, norm, parameter } from './tensor.ts'

export interface Experts extends MixtureOfExperts {
  readonly tensors: readonly ParameterTensor[]
  readonly isExpertLayer: (index: number) => boolean
}

export interface ExpertOptions {
  readonly fields: ConfigFields
  readonly family: Family
  readonly dimensions: BlockDimensions
  readonly transformersMajor: 4 | 5
}

/** How a model type names and stores its experts. */
interface ExpertRule {
  /** gate, up, down as separate matrices; plain experts have up and down. */
  readonly names: readonly [string, string, string] | readonly [string, string]
  /** One 3-D parameter per matrix in every version of transformers; else from version 5 on. */
  readonly fused: boolean
  /** gate and up in one parameter once fused. */
  readonly joins: boolean
  readonly bias: boolean
  /** An nn.Linear, which `all-linear` reaches; a parameter of a module of its own otherwise (version 5). */
  readonly router: { readonly name: string; readonly isLinear: boolean; readonly bias: boolean }
  readonly shared: { readonly module: string; readonly names: readonly string[] }
}

const GATED_NAMES = ['gate_proj', 'up_proj', 'down_proj'] as const
const QWEN: ExpertRule = {
  names: GATED_NAMES,
  fused: false,
  joins: true,
  bias: false,
  router: { name: 'mlp.gate', isLinear: false, bias: false },
  shared: { module: 'mlp.shared_expert', names: GATED_NAMES },
}
const GRANITE: ExpertRule = {
  ...QWEN,
  fused: true,
  router: { name: 'block_sparse_moe.router.layer', isLinear: false, bias: false },
  shared: { module: 'shared_mlp', names: ['input_linear', 'output_linear'] },
}

/** transformers 5.18 modelling files. */
const RULES: Readonly<Record<NonNullable<Family['moe']>, ExpertRule>> = {
  qwen: QWEN,
  olmoe: QWEN,
  deepseek: { ...QWEN, shared: { module: 'mlp.shared_experts', names: GATED_NAMES } },
  mixtral: { ...QWEN, names: ['w1', 'w3', 'w2'] },
  phimoe: { ...QWEN, names: ['w1', 'w3', 'w2'], router: { name: 'mlp.router', isLinear: true, bias: false } },
  'gpt-oss': { ...QWEN, fused: true, bias: true, router: { name: 'mlp.router', isLinear: false, bias: true } },
  granite: GRANITE,
  llama4: {
    ...QWEN,
    fused: true,
    router: { name: 'feed_forward.router', isLinear: true, bias: false },
    shared: { module: 'feed_forward.shared_expert', names: GATED_NAMES },
  },
  jamba: { ...QWEN, router: { name: 'feed_forward.router', isLinear: true, bias: false } },
  hunyuan: {
    ...QWEN,
    router: { name: 'mlp.gate.wg', isLinear: true, bias: false },
    shared: { module: 'mlp.shared_mlp', names: GATED_NAMES },
  },
  lfm2: { ...QWEN, names: ['w1', 'w3', 'w2'], router: { name: 'feed_forward.gate', isLinear: false, bias: false } },
  nemotron: {
    ...QWEN,
    names: ['up_proj', 'down_proj'],
    joins: false,
    shared: { module: 'mixer.shared_experts', names: ['up_proj', 'down_proj'] },
  },
  dbrx: {
    ...QWEN,
    names: ['w1', 'v1', 'w2'],
    fused: true,
    joins: false,
    router: { name: 'ffn.router.layer', isLinear: true, bias: false },
  },
  gemma4: {
    ...QWEN,
    fused: true,
    router: { name: 'router.proj', isLinear: true, bias: false },
    shared: { module: 'mlp', names: GATED_NAMES },
  },
}

/** Routed and shared experts of a block; null: a dense model. */
export function readExperts(options: ExpertOptions): Experts | null {
  const { fields, family, dimensions, transformersMajor } = options
  const count = listed(fields, 'num_experts', 'num_local_experts', 'n_routed_experts', 'moe_num_experts') ?? 0
  if (count < 2 || (family.moeWhen !== undefined && !fields.boolean(family.moeWhen))) return null
  const rule = RULES[family.moe ?? 'qwen']
  const { hiddenSize: h } = dimensions
  const width = listed(fields, 'moe_intermediate_size') ?? dimensions.width
  const latent = fields.number('moe_latent_size') ?? h
  const sharedWidth = readSharedWidth(options, width)
  const isFused = rule.fused || transformersMajor === 5
  const expert = (leaf: string, inFeatures: number, outFeatures: number): ParameterTensor =>
    linear(`mlp.experts.${leaf}`, 'experts', inFeatures, outFeatures, {
      bias: rule.bias,
      kind: 'expert',
      count,
      fused: isFused,
    })
  const [first, ...others] = rule.names
  const last = others.at(-1) ?? first
  const matrices =
    rule.joins && isFused
      ? [expert('gate_up_proj', latent, 2 * width), expert('down_proj', width, latent)]
      : [...rule.names.slice(0, -1).map(name => expert(name, latent, width)), expert(last, width, latent)]
  return {
    experts: count,
    topK:
      listed(
        fields,
        'num_experts_per_tok',
        'num_experts_per_token',
        'moe_k',
        'moe_topk',
        'top_k_experts',
        'moe_top_k',
      ) ?? 2,
    expertWidth: width,
    expertKind: rule.names.length === 3 ? 'gated' : 'plain',
    sharedWidth,
    tensors: [
      routerTensor(rule, { h, count, transformersMajor }),
      ...matrices,
      ...sharedTensors(rule, { h, width: sharedWidth, bias: fields.boolean('use_bias') && family.moe === 'deepseek' }),
      ...(family.sharedGate ? [linear('mlp.shared_expert_gate', 'router', h, 1)] : []),
      ...extras(options, { h, count, latent }),
    ],
    isExpertLayer: expertLayers(options),
  }
}

/** A number, or the first of a list of one a layer (Hunyuan). */
function listed(fields: ConfigFields, ...keys: readonly string[]): number | null {
  const value = fields.raw(...keys)
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'number' && Number.isFinite(first) ? first : null
}

/** Width of the always-active experts together. */
function readSharedWidth({ fields, family, dimensions }: ExpertOptions, width: number): number {
  if (family.moe === 'gemma4') return dimensions.width
  const stated = fields.number('shared_expert_intermediate_size', 'shared_intermediate_size')
  if (stated !== null) return stated
  if (family.moe === 'llama4') return width
  if (family.moe === 'hunyuan') return width * (listed(fields, 'num_shared_expert') ?? 1)
  const count = fields.number('n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts') ?? 0
  const own = fields.number('moe_shared_expert_intermediate_size')
  return own === null ? count * width : count > 0 ? own : 0
}

interface RouterOptions {
  readonly h: number
  readonly count: number
  readonly transformersMajor: 4 | 5
}

function routerTensor({ router }: ExpertRule, { h, count, transformersMajor }: RouterOptions): ParameterTensor {
  const isLinear = router.isLinear || transformersMajor === 4
  return linear(router.name, 'router', h, count, { bias: router.bias, kind: 'router', fused: !isLinear })
}

interface SharedOptions {
  readonly h: number
  readonly width: number
  readonly bias: boolean
}

function sharedTensors({ shared }: ExpertRule, { h, width, bias }: SharedOptions): readonly ParameterTensor[] {
  if (width === 0) return []
  const { module, names } = shared
  const isJoined = names[0] === 'input_linear'
  return names.map((leaf, index) =>
    index === names.length - 1
      ? linear(`${module}.${leaf}`, 'shared-expert', width, h, { bias })
      : linear(`${module}.${leaf}`, 'shared-expert', h, isJoined ? 2 * width : width, { bias }),
  )
}

/** Parameters beside the matrices: ERNIE's correction bias, Gemma 4's scales and norms, Nemotron's latent projections. */
function extras(
  { fields, family }: ExpertOptions,
  { h, count, latent }: { readonly h: number; readonly count: number; readonly latent: number },
): readonly ParameterTensor[] {
  if (fields.text('model_type') === 'ernie4_5_moe') return [parameter('mlp.e_score_correction_bias', 'router', count)]
  if (family.moe === 'gemma4')
    return [
      parameter('router.scale', 'router', h),
      parameter('router.per_expert_scale', 'router', count),
      ...['post_feedforward_layernorm_1', 'post_feedforward_layernorm_2', 'pre_feedforward_layernorm_2'].map(name =>
        norm(name, h),
      ),
    ]
  return latent === h
    ? []
    : [
        linear('mixer.fc1_latent_proj', 'shared-expert', h, latent),
        linear('mixer.fc2_latent_proj', 'shared-expert', latent, h),
      ]
}

/** Which layers hold experts, by whichever rule the config states. */
function expertLayers({ fields, dimensions }: ExpertOptions): (index: number) => boolean {
  const { layers } = dimensions
  const types = fields.texts('mlp_layer_types')
  if (types.length === layers) return index => types[index] === 'sparse'
  const chosen = fields.raw('moe_layers')
  if (Array.isArray(chosen)) return index => chosen.includes(index)
  const period = fields.number('expert_layer_period')
  if (period) return index => index % period === (fields.number('expert_layer_offset') ?? 0)
  const onlyDense = fields.raw('mlp_only_layers')
  const dense = Array.isArray(onlyDense) ? onlyDense : []
  const first = listed(fields, 'first_k_dense_replace', 'num_dense_layers', 'moe_layer_start_index') ?? 0
  const end = listed(fields, 'moe_layer_end_index') ?? -1
  const last = end < 0 ? layers - 1 : end
  const step =
    fields.number('decoder_sparse_step', 'interleave_moe_layer_step', 'moe_layer_freq', 'moe_layer_interval') ?? 1
  const offset = fields.has('moe_layer_freq') ? 0 : 1
  return index =>
    index >= first && index <= last && !dense.includes(index) && (step <= 1 || (index + offset) % step === 0)
}

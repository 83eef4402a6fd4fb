import type { Attention, Mixer, ParameterTensor } from './architecture.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import { linear, norm, parameter } from './tensor.ts'

export type MixerKind = Exclude<Attention['kind'], 'mha' | 'mla' | 'none'>

export interface MixerBlock {
  readonly shape: Mixer
  readonly tensors: readonly ParameterTensor[]
}

export interface MixerOptions {
  readonly fields: ConfigFields
  readonly dimensions: BlockDimensions
  readonly module: string
}

type MixerRule = (options: MixerOptions) => MixerBlock

/** Shapes and tensors of the mixers without a score matrix (transformers 5.18 modelling files, named at each rule). */
export const MIXERS: Readonly<Record<MixerKind, MixerRule>> = {
  mamba1,
  mamba2,
  'gated-deltanet': gatedDeltaNet,
  kda: kimiDeltaAttention,
  convolution,
  lightning,
}

/** models/mamba, models/falcon_mamba, models/jamba: in_proj → convolution → x_proj, dt_proj → scan → out_proj. */
function mamba1({ fields, dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h } = dimensions
  const inner = (fields.number('mamba_expand', 'expand') ?? 2) * h
  const state = fields.number('mamba_d_state', 'state_size') ?? 16
  const kernel = fields.number('mamba_d_conv', 'conv_kernel') ?? 4
  const rank = fields.number('mamba_dt_rank', 'time_step_rank') ?? Math.ceil(h / 16)
  const hasConvolutionBias = fields.boolean('mamba_conv_bias', fields.boolean('use_conv_bias', true))
  const bias = fields.boolean('mamba_proj_bias', fields.boolean('use_bias'))
  const at = (leaf: string): string => `${module}.${leaf}`
  const isNormed = fields.has('attn_layer_period') || fields.text('model_type') === 'jamba'
  return {
    shape: {
      innerSize: inner,
      stateSize: state,
      heads: 1,
      groups: 1,
      convolutionSize: kernel,
      convolutionChannels: inner,
    },
    tensors: [
      linear(at('in_proj'), 'mixer', h, 2 * inner, { bias }),
      parameter(at('conv1d'), 'mixer', inner * kernel + (hasConvolutionBias ? inner : 0), 'convolution'),
      linear(at('x_proj'), 'mixer', inner, rank + 2 * state),
      linear(at('dt_proj'), 'mixer', rank, inner, { bias: true }),
      parameter(at('A_log'), 'mixer', inner * state),
      parameter(at('D'), 'mixer', inner),
      linear(at('out_proj'), 'mixer', inner, h, { bias }),
      ...(isNormed
        ? [norm(at('dt_layernorm'), rank), norm(at('b_layernorm'), state), norm(at('c_layernorm'), state)]
        : []),
    ],
  }
}

/** models/mamba2, bamba, granitemoehybrid, falcon_h1, nemotron_h: one projection for gate, convolved channels and time steps. */
function mamba2({ fields, dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h } = dimensions
  const heads = fields.number('mamba_num_heads', 'mamba_n_heads', 'n_mamba_heads', 'num_heads') ?? 1
  const named = fields.number('mamba_num_heads') === null ? null : heads * (fields.number('mamba_head_dim') ?? 64)
  const inner = named ?? fields.number('mamba_d_ssm') ?? (fields.number('mamba_expand', 'expand') ?? 2) * h
  const groups = fields.number('mamba_n_groups', 'mamba_ngroups', 'n_groups') ?? 1
  const state = fields.number('ssm_state_size', 'mamba_d_state', 'state_size') ?? 128
  const kernel = fields.number('mamba_d_conv', 'conv_kernel') ?? 4
  const channels = inner + 2 * groups * state
  const bias = fields.boolean('mamba_proj_bias', fields.boolean('use_bias'))
  const hasConvolutionBias = fields.boolean('mamba_conv_bias', fields.boolean('use_conv_bias', true))
  const at = (leaf: string): string => `${module}.${leaf}`
  return {
    shape: {
      innerSize: inner,
      stateSize: state,
      heads,
      groups,
      convolutionSize: kernel,
      convolutionChannels: channels,
    },
    tensors: [
      linear(at('in_proj'), 'mixer', h, inner + channels + heads, { bias }),
      parameter(at('conv1d'), 'mixer', channels * kernel + (hasConvolutionBias ? channels : 0), 'convolution'),
      parameter(at('dt_bias'), 'mixer', heads),
      parameter(at('A_log'), 'mixer', heads),
      parameter(at('D'), 'mixer', heads),
      ...(fields.boolean('mamba_rms_norm', true) ? [norm(at('norm'), inner)] : []),
      linear(at('out_proj'), 'mixer', inner, h, { bias: fields.boolean('projectors_bias', bias) }),
    ],
  }
}

/** models/qwen3_next (joined projections), models/qwen3_5 (four of them), models/olmo_hybrid (one each). */
function gatedDeltaNet({ fields, dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h } = dimensions
  const keyHeads = fields.number('linear_num_key_heads') ?? 16
  const valueHeads = fields.number('linear_num_value_heads') ?? 32
  const keyDim = fields.number('linear_key_head_dim') ?? 128
  const valueDim = fields.number('linear_value_head_dim') ?? 128
  const kernel = fields.number('linear_conv_kernel_dim') ?? 4
  const [keys, values] = [keyHeads * keyDim, valueHeads * valueDim]
  const channels = 2 * keys + values
  const at = (leaf: string): string => `${module}.${leaf}`
  const project = (leaf: string, width: number): ParameterTensor => linear(at(leaf), 'mixer', h, width)
  const [output, gateNorm] = isOlmo(fields) ? (['o_proj', 'o_norm'] as const) : (['out_proj', 'norm'] as const)
  const projections = isOlmo(fields)
    ? [
        ...[project('q_proj', keys), project('k_proj', keys), project('v_proj', values)],
        ...[project('a_proj', valueHeads), project('b_proj', valueHeads), project('g_proj', values)],
      ]
    : (fields.text('model_type') ?? '').startsWith('qwen3_5')
      ? [
          ...[project('in_proj_qkv', channels), project('in_proj_z', values)],
          ...[project('in_proj_b', valueHeads), project('in_proj_a', valueHeads)],
        ]
      : [project('in_proj_qkvz', channels + values), project('in_proj_ba', 2 * valueHeads)]
  return {
    shape: {
      innerSize: values,
      stateSize: keyDim,
      heads: valueHeads,
      groups: keyHeads,
      convolutionSize: kernel,
      convolutionChannels: channels,
    },
    tensors: [
      ...projections,
      parameter(at('conv1d'), 'mixer', channels * kernel, 'convolution'),
      parameter(at('dt_bias'), 'mixer', valueHeads),
      parameter(at('A_log'), 'mixer', valueHeads),
      norm(at(gateNorm), valueDim),
      linear(at(output), 'mixer', values, h),
    ],
  }
}

function isOlmo(fields: ConfigFields): boolean {
  return fields.text('model_type') === 'olmo_hybrid'
}

/** models/kimi_linear KimiLinearDeltaAttention. */
function kimiDeltaAttention({ fields, dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h } = dimensions
  const own = fields.nested('linear_attn_config')
  const heads = own?.number('num_heads') ?? fields.number('linear_num_heads') ?? dimensions.heads
  const dim = own?.number('head_dim') ?? fields.number('linear_head_dim') ?? 128
  const kernel = own?.number('short_conv_kernel_size') ?? fields.number('linear_conv_kernel_dim') ?? 4
  const width = heads * dim
  const at = (leaf: string): string => `${module}.${leaf}`
  const shape = { innerSize: width, stateSize: dim, heads, groups: heads, convolutionSize: kernel }
  return {
    shape: { ...shape, convolutionChannels: 3 * width },
    tensors: [
      ...['q_proj', 'k_proj', 'v_proj'].map(leaf => linear(at(leaf), 'mixer', h, width)),
      parameter(at('conv1d'), 'mixer', 3 * width * kernel, 'convolution'),
      parameter(at('A_log'), 'mixer', heads),
      parameter(at('dt_bias'), 'mixer', width),
      linear(at('forget_gate.f_a_proj'), 'mixer', h, dim),
      linear(at('forget_gate.f_b_proj'), 'mixer', dim, width),
      linear(at('b_proj'), 'mixer', h, heads),
      linear(at('g_a_proj'), 'mixer', h, dim),
      linear(at('g_b_proj'), 'mixer', dim, width),
      norm(at('o_norm'), dim),
      linear(at('o_proj'), 'mixer', width, h),
    ],
  }
}

/** models/lfm2 Lfm2ShortConv: a gated depth-wise convolution. */
function convolution({ fields, dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h } = dimensions
  const kernel = fields.number('conv_L_cache') ?? 3
  const bias = fields.boolean('conv_bias')
  const at = (leaf: string): string => `${module}.${leaf}`
  return {
    shape: { innerSize: h, stateSize: 0, heads: 1, groups: 1, convolutionSize: kernel, convolutionChannels: 2 * h },
    tensors: [
      linear(at('in_proj'), 'mixer', h, 3 * h, { bias }),
      parameter(at('conv'), 'mixer', h * kernel + (bias ? h : 0), 'convolution'),
      linear(at('out_proj'), 'mixer', h, h, { bias }),
    ],
  }
}

/** models/minimax MiniMaxLightningAttention. */
function lightning({ dimensions, module }: MixerOptions): MixerBlock {
  const { hiddenSize: h, heads, headDim } = dimensions
  const width = heads * headDim
  const at = (leaf: string): string => `${module}.${leaf}`
  const shape = { innerSize: width, stateSize: headDim, heads, groups: heads, convolutionSize: 0 }
  return {
    shape: { ...shape, convolutionChannels: 3 * width },
    tensors: [
      linear(at('qkv_proj'), 'mixer', h, 3 * width),
      norm(at('norm'), width),
      linear(at('output_gate'), 'mixer', h, width),
      linear(at('out_proj'), 'mixer', width, h),
    ],
  }
}

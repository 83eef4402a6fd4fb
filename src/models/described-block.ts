import type { ConfigFields } from './config-fields.ts'
import type { Family } from './family.ts'

/** `model_type` of a shape that a trainer's own config spells out: no published class, every choice of the block is a field. */
export const DESCRIBED_BLOCK = 'described'

/** The fields of such a shape, in the terms of a Hugging Face config.json where it has them. Absent: not there, or as noted. */
export interface BlockDescription {
  readonly model_type: typeof DESCRIBED_BLOCK
  readonly id: string
  readonly num_hidden_layers: number
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly head_dim: number
  readonly vocab_size: number
  readonly max_position_embeddings?: number
  readonly tie_word_embeddings: boolean
  readonly normalization: 'rms' | 'layernorm'
  readonly norm_affine?: boolean
  readonly norm_bias: boolean
  /** `post`: the branch's output is normed, not its input. */
  readonly norm_placement?: 'pre' | 'post'
  /** One norm feeds attention and MLP. */
  readonly single_norm?: boolean
  readonly gated_mlp: boolean
  /** q, k, v as one projection and gate, up as one. */
  readonly fused_projections: boolean
  readonly qkv_bias: boolean
  readonly attention_output_bias: boolean
  readonly mlp_bias: boolean
  readonly head_bias?: boolean
  readonly qk_norm?: 'head' | 'full'
  readonly position_embeddings: 'learned' | 'rotary' | 'none'
  readonly embedding_norm?: boolean
  readonly parallel_residual?: boolean
  readonly hidden_act: string
  readonly hidden_dropout?: number
  readonly embedding_dropout?: number
  readonly attention_dropout?: number
  readonly sliding_window?: number
  readonly num_experts?: number
  readonly num_experts_per_tok?: number
  readonly moe_intermediate_size?: number
  readonly shared_expert_intermediate_size?: number
  readonly first_k_dense_replace?: number
}

/** The family rule of a described block; module names are Megatron's where projections are fused, llama's elsewhere. */
export function describedFamily(fields: ConfigFields): Family {
  const isFused = fields.boolean('fused_projections')
  const isGated = fields.boolean('gated_mlp')
  const qkNorm = fields.text('qk_norm')
  const normalization = { affine: fields.boolean('norm_affine', true), bias: fields.boolean('norm_bias') } as const
  const attention = { bias: 'qkv_bias', outputBias: 'attention_output_bias' } as const
  return {
    attention: {
      ...(isFused
        ? { names: ['linear_qkv'], output: 'linear_proj', module: 'self_attention' }
        : { names: ['q_proj', 'k_proj', 'v_proj'], output: 'o_proj', module: 'self_attn' }),
      ...attention,
      ...(qkNorm === 'head' || qkNorm === 'full' ? { qkNorm } : {}),
    },
    mlp: { ...mlpNames(isFused, isGated), module: 'mlp', bias: 'mlp_bias' },
    norm: {
      kind: fields.text('normalization') === 'rms' ? 'rms' : 'layernorm',
      perLayer: fields.boolean('single_norm') ? 1 : 2,
      ...normalization,
      placement: fields.text('norm_placement') === 'post' ? 'post' : 'pre',
    },
    parallelResidual: 'parallel_residual',
    rotary: fields.text('position_embeddings') === 'rotary',
    ...(fields.text('position_embeddings') === 'learned' ? { positions: { keys: ['max_position_embeddings'] } } : {}),
    embeddingNorm: fields.boolean('embedding_norm'),
    headBias: 'head_bias',
    moe: 'mixtral',
    defaults: {},
  }
}

function mlpNames(isFused: boolean, isGated: boolean): Pick<Family['mlp'], 'kind' | 'names'> {
  if (isFused) return { kind: isGated ? 'fused-gated' : 'plain', names: ['linear_fc1', 'linear_fc2'] }
  return isGated
    ? { kind: 'gated', names: ['gate_proj', 'up_proj', 'down_proj'] }
    : { kind: 'plain', names: ['up_proj', 'down_proj'] }
}

import { DESCRIBED_BLOCK } from '../models/described-block.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { MutablePlanDraft } from '../plan/plan-draft.ts'
import type { Fields } from './fields.ts'
import { isMegatronDeepSpeed } from './megatron-lm/forks.ts'

const HYBRID = [
  'hybrid_layer_pattern',
  'hybrid_override_pattern',
  'is_hybrid_model',
  'spec',
  'linear_attention_type',
  'linear_attention_freq',
  'experimental_attention_variant',
]
/** The GPT-2 tokenizer, which most examples name through files that are not in the repository. */
const GPT2_TOKENS = 50_257

/** Shapes from Megatron-LM's arguments (core 0.20 megatron/training/arguments.py, transformer_config.py). */
export function megatronShapes(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const layers = fields.integer('num_layers', { min: 1 })
  const hidden = fields.integer('hidden_size', { min: 1 })?.value
  const heads = fields.integer('num_attention_heads', { min: 1 })?.value
  const place = { path: fields.node.path, line: fields.node.line }
  if (!layers || !hidden || !heads) {
    const message =
      'Megatron arguments without num-layers, hidden-size and num-attention-heads; the checkpoint gives them.'
    findings.push(finding('unknown-model', { ...place, message }))
    return {}
  }
  const odd = HYBRID.find(key => fields.isSet(key) && fields.raw(key)?.scalar !== false)
  if (odd) {
    const message = `Shapes with \`${odd}\` are not read from arguments.`
    findings.push(finding('unknown-model', { ...place, message }))
    return {}
  }
  const fork = fields.string('glu_activation')?.value
  const isGated = isOn(fields, 'swiglu') || isOn(fields, 'quick_geglu') || fork !== undefined
  const hasBias = !isOn(fields, 'disable_bias_linear')
  const isRms = fields.string('normalization')?.value.toLowerCase() === 'rmsnorm'
  const width =
    fields.integer('ffn_hidden_size', { min: 1 })?.value ??
    (isGated && fork === undefined ? Math.floor((4 * hidden * 2) / 3 / 64) * 64 : 4 * hidden)
  const groups = keyValueHeads(fields, heads)
  const dropout = (key: string): number => fields.number(key, { min: 0, max: 1 })?.value ?? 0.1
  const config = {
    model_type: DESCRIBED_BLOCK,
    id: `Megatron GPT, ${layers.value} layers of ${hidden}`,
    num_hidden_layers: layers.value,
    hidden_size: hidden,
    intermediate_size: width,
    num_attention_heads: heads,
    num_key_value_heads: groups,
    head_dim: fields.integer('kv_channels', { min: 1 })?.value ?? Math.floor(hidden / heads),
    vocab_size: vocabulary(fields, findings),
    max_position_embeddings: fields.integer('max_position_embeddings', { min: 1 })?.value ?? 2048,
    tie_word_embeddings: !isOn(fields, 'untie_embeddings_and_output_weights'),
    normalization: isRms ? 'rms' : 'layernorm',
    norm_bias: !isRms,
    gated_mlp: isGated,
    fused_projections: true,
    qkv_bias: hasBias || isOn(fields, 'add_qkv_bias'),
    attention_output_bias: hasBias,
    mlp_bias: hasBias,
    ...(isOn(fields, 'qk_layernorm') ? { qk_norm: 'head' } : {}),
    position_embeddings: positions(fields),
    hidden_act: isGated ? 'silu' : isOn(fields, 'squared_relu') ? 'relu2' : 'gelu',
    hidden_dropout: dropout('hidden_dropout'),
    embedding_dropout: dropout('hidden_dropout'),
    attention_dropout: dropout('attention_dropout'),
    ...latent(fields),
    ...experts(fields, { width, isGated, layers: layers.value, findings }),
  }
  return { model: { ...layers, value: { kind: 'inline', config } } }
}

/** Groups of core; all in one of BigCode's fork, a number of Microsoft's. */
function keyValueHeads(fields: Fields, heads: number): number {
  if (isOn(fields, 'group_query_attention')) return fields.integer('num_query_groups', { min: 1 })?.value ?? 1
  if (fields.string('attention_head_type')?.value === 'multiquery') return 1
  return fields.integer('num_key_value_heads', { min: 1 })?.value ?? heads
}

function isOn(fields: Fields, key: string): boolean {
  return fields.isSet(key) && fields.boolean(key)?.value === true
}

function positions(fields: Fields): 'learned' | 'rotary' | 'none' {
  const type = fields.string('position_embedding_type')?.value ?? 'learned_absolute'
  if (isOn(fields, 'use_rotary_position_embeddings') || /^(?:m?rope|yarn|rotary)$/.test(type)) return 'rotary'
  // before core the learned table was called absolute
  return type === 'learned_absolute' || (type === 'absolute' && !isOn(fields, 'no_position_embedding'))
    ? 'learned'
    : 'none'
}

function vocabulary(fields: Fields, findings: Finding[]): number {
  const multiple = fields.integer('make_vocab_size_divisible_by', { min: 1 })?.value ?? 128
  const tensor = fields.integer('tensor_model_parallel_size', { min: 1 })?.value ?? 1
  const own = ['pad_vocab_size_to', 'padded_vocab_size', 'vocab_size']
    .map(key => fields.integer(key, { min: 1 })?.value)
    .find(size => size !== undefined)
  if (own === undefined) {
    const message =
      'The vocabulary comes from the tokenizer; 50,257 tokens are assumed without `padded_vocab_size` or `vocab_size`.'
    findings.push(finding('assumed-default', { path: fields.node.path, line: fields.node.line, message }))
  }
  return Math.ceil((own ?? GPT2_TOKENS) / (multiple * tensor)) * multiple * tensor
}

/** Multi-latent attention (MLATransformerConfig) in the terms of DeepSeek's config.json. */
function latent(fields: Fields): Readonly<Record<string, number>> {
  if (!isOn(fields, 'multi_latent_attention')) return {}
  const number = (key: string): number | undefined => fields.integer(key, { min: 1 })?.value
  const query = number('q_lora_rank')
  return {
    ...(query === undefined ? {} : { q_lora_rank: query }),
    kv_lora_rank: number('kv_lora_rank') ?? 32,
    qk_nope_head_dim: number('qk_head_dim') ?? 128,
    qk_rope_head_dim: number('qk_pos_emb_head_dim') ?? 64,
    v_head_dim: number('v_head_dim') ?? 128,
  }
}

interface ExpertOptions {
  readonly width: number
  readonly isGated: boolean
  readonly layers: number
  readonly findings: Finding[]
}

function experts(
  fields: Fields,
  { width, isGated, layers, findings }: ExpertOptions,
): Readonly<Record<string, unknown>> {
  const count = fields.integer('num_experts', { min: 1 })
  // one expert is none (Megatron-DeepSpeed's default)
  if (!count || count.value === 1) return {}
  // Megatron-DeepSpeed: top 1, in every second layer
  const deepSpeed = isMegatronDeepSpeed(fields)
  const number = (key: string): number | undefined => fields.integer(key, { min: 1 })?.value
  const own = fields.integer('moe_ffn_hidden_size', { min: 1 })?.value ?? width
  if (!isGated) {
    const message = 'Experts without a gated activation are counted as gated ones of two thirds of the width.'
    findings.push(finding('assumed-default', { path: fields.node.path, line: count.line ?? null, message }))
  }
  const shared = fields.integer('moe_shared_expert_intermediate_size', { min: 1 })?.value
  return {
    num_experts: count.value,
    num_experts_per_tok: (deepSpeed ? number('topk') : number('moe_router_topk')) ?? (deepSpeed ? 1 : 2),
    moe_intermediate_size: isGated ? own : Math.floor((own * 2) / 3),
    ...(shared === undefined ? {} : { shared_intermediate_size: shared }),
    ...(deepSpeed ? { moe_layer_freq: number('expert_interval') ?? 2 } : expertLayers(fields, layers)),
  }
}

/** `--moe-layer-freq N`, or a sum of lists such as `([0]*3+[1]*58)`: 1 marks a layer of experts. */
function expertLayers(fields: Fields, layers: number): Readonly<Record<string, unknown>> {
  const written = fields.string('moe_layer_freq')?.value.replace(/\s/g, '')
  if (written === undefined) return {}
  if (/^\d+$/.test(written)) return { moe_layer_freq: Number(written) }
  const body = /^\(?((?:\[[01](?:,[01])*\](?:\*\d{1,4})?\+?)+)\)?$/.exec(written)?.[1]
  const marks = [...(body ?? '').matchAll(/\[([01](?:,[01])*)\](?:\*(\d{1,4}))?/g)].flatMap(
    ([, list = '', times = '1']) => Array.from({ length: Number(times) }, () => list.split(',')).flat(),
  )
  return marks.length === layers ? { mlp_layer_types: marks.map(mark => (mark === '1' ? 'sparse' : 'dense')) } : {}
}

import { DESCRIBED_BLOCK } from '../../models/described-block.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { ModelReference } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { Fields } from '../fields.ts'
import { section } from '../section.ts'

/** MPT shapes with the defaults of MPTConfig (LLM Foundry @8c8dd48 models/mpt/configuration_mpt.py). */
export function mptShapes(model: Fields, findings: Finding[]): Sourced<ModelReference> | undefined {
  const attention = section(model.node, 'attn_config', findings)
  const feedForward = section(model.node, 'ffn_config', findings)
  const number = (key: string, fallback: number): number => model.integer(key, { min: 1 })?.value ?? fallback
  const hidden = number('d_model', 2048)
  const heads = number('n_heads', 16)
  const layers = number('n_layers', 24)
  const type = feedForward.string('ffn_type')?.value ?? 'mptmlp'
  if (!Object.hasOwn(FEED_FORWARDS, type) || model.isSet('block_overrides')) {
    const key = model.isSet('block_overrides') ? 'block_overrides' : 'ffn_config.ffn_type'
    const message = `MPT shapes with \`model.${key}\` are not read; layers differ from one another or hold experts.`
    findings.push(finding('unknown-model', { path: model.node.path, line: model.node.line, message }))
    return undefined
  }
  const hasBias = !(model.boolean('no_bias')?.value ?? false)
  const norm = model.string('norm_type')?.value ?? 'low_precision_layernorm'
  const attentionType = attention.string('attn_type')?.value ?? 'multihead_attention'
  const keyValueHeads =
    attentionType === 'multiquery_attention'
      ? 1
      : attentionType === 'grouped_query_attention'
        ? (attention.integer('kv_n_heads', { min: 1 })?.value ?? heads)
        : heads
  const isPlaced = attention.boolean('rope')?.value === true
  const isSloped = attention.boolean('alibi')?.value === true
  const isLearned = !isPlaced && !isSloped && (model.boolean('learned_pos_emb')?.value ?? true)
  const isGated = rowOf(FEED_FORWARDS, type) === 'gated'
  const window = attention.integer('sliding_window_size')?.value ?? -1
  const drop = (fields: Fields, key: string): number => fields.number(key, { min: 0, max: 1 })?.value ?? 0
  const config = {
    model_type: DESCRIBED_BLOCK,
    id: `MPT, ${layers} layers of ${hidden}`,
    num_hidden_layers: layers,
    hidden_size: hidden,
    intermediate_size:
      feedForward.integer('ffn_hidden_size', { min: 1 })?.value ??
      Math.floor(hidden * (model.number('expansion_ratio', { min: 0 })?.value ?? 4)),
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    head_dim: model.integer('head_dim', { min: 1 })?.value ?? Math.floor(hidden / heads),
    vocab_size: number('vocab_size', 50_368),
    max_position_embeddings: number('max_seq_len', 2048),
    tie_word_embeddings: model.boolean('tie_word_embeddings')?.value ?? true,
    normalization: norm.includes('rms') ? 'rms' : 'layernorm',
    norm_bias: hasBias && !norm.includes('rms'),
    gated_mlp: isGated,
    fused_projections: attention.boolean('fused_qkv')?.value ?? true,
    qkv_bias: model.boolean('attention_bias')?.value ?? hasBias,
    attention_output_bias: hasBias,
    mlp_bias: hasBias,
    ...(attention.boolean('qk_ln')?.value ? { qk_norm: 'full' } : {}),
    position_embeddings: isPlaced ? 'rotary' : isLearned ? 'learned' : 'none',
    hidden_act: section(feedForward.node, 'ffn_act_fn', findings).string('name')?.value ?? 'gelu',
    hidden_dropout: drop(model, 'resid_pdrop'),
    embedding_dropout: drop(model, 'emb_pdrop'),
    attention_dropout: drop(attention, 'attn_pdrop'),
    ...(window > 0 ? { sliding_window: window } : {}),
  }
  return model.sourced('name', { kind: 'inline', config })
}

/** Layers of models/layers/ffn.py; those of megablocks hold experts. */
const FEED_FORWARDS: Readonly<Record<string, 'plain' | 'gated'>> = {
  mptmlp: 'plain',
  mptglu: 'gated',
  te_ln_mlp: 'plain',
}

/** Linear layers of TransformerEngine, the only ones that `amp_fp8` reaches. */
export function usesTransformerEngine(model: Fields, findings: Finding[]): boolean {
  const kind = model.raw('fc_type')
  const name = kind?.kind === 'mapping' ? kind.entries.get('name')?.scalar : kind?.scalar
  return name === 'te' || section(model.node, 'ffn_config', findings).string('ffn_type')?.value === 'te_ln_mlp'
}

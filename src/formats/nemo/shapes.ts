import { DESCRIBED_BLOCK } from '../../models/described-block.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Fields } from '../fields.ts'
import { section } from '../section.ts'

const GATED = /^(?:fast-)?(?:geglu|swiglu|reglu)$/
const GPT2_TOKENS = 50_257

/** GPT shapes with the defaults of megatron_gpt_model.py; a fine-tuning config leaves them to its .nemo file. */
export function nemoShapes(model: Fields, findings: Finding[]): MutablePlanDraft {
  const layers = model.integer('num_layers', { min: 1 })
  const hidden = model.integer('hidden_size', { min: 1 })?.value
  const heads = model.integer('num_attention_heads', { min: 1 })?.value
  if (!layers || !hidden || !heads) return restored(model, findings)
  const activation = model.string('activation')?.value ?? 'gelu'
  const isGated = GATED.test(activation)
  const norm = model.string('normalization')?.value ?? 'layernorm'
  const hasBias = model.boolean('bias')?.value ?? true
  const positions = model.string('position_embedding_type')?.value ?? 'learned_absolute'
  const special = section(model.node, 'mcore_customization_config', findings)
  const experts = model.integer('num_moe_experts', { min: 2 })
  const expertTop = model.integer('moe_router_topk', { min: 1 })?.value ?? 2
  const drop = (key: string): number => model.number(key, { min: 0, max: 1 })?.value ?? 0.1
  const config = {
    model_type: DESCRIBED_BLOCK,
    id: `NeMo GPT, ${layers.value} layers of ${hidden}`,
    num_hidden_layers: layers.value,
    hidden_size: hidden,
    intermediate_size: model.integer('ffn_hidden_size', { min: 1 })?.value ?? 4 * hidden,
    num_attention_heads: heads,
    num_key_value_heads: model.integer('num_query_groups', { min: 1 })?.value ?? heads,
    head_dim: model.integer('kv_channels', { min: 1 })?.value ?? Math.floor(hidden / heads),
    vocab_size: vocabulary(model, findings),
    max_position_embeddings: model.integer('max_position_embeddings', { min: 1 })?.value ?? 512,
    tie_word_embeddings: model.boolean('share_embeddings_and_output_weights')?.value ?? true,
    normalization: /rms/i.test(norm) ? 'rms' : 'layernorm',
    norm_bias: !/rms/i.test(norm),
    gated_mlp: isGated,
    fused_projections: true,
    qkv_bias: hasBias || (model.boolean('qkv_bias')?.value ?? false),
    attention_output_bias: hasBias,
    mlp_bias: hasBias,
    position_embeddings: positions === 'rope' ? 'rotary' : positions === 'learned_absolute' ? 'learned' : 'none',
    parallel_residual: special.boolean('parallel_attention')?.value ?? false,
    hidden_act: isGated ? 'silu' : activation,
    hidden_dropout: drop('hidden_dropout'),
    embedding_dropout: drop('hidden_dropout'),
    attention_dropout: drop('attention_dropout'),
    ...(experts && isGated ? { num_experts: experts.value, num_experts_per_tok: expertTop } : {}),
  }
  if (experts && !isGated) {
    const message = 'Experts without a gated activation are not read from NeMo configs.'
    findings.push(finding('unknown-model', { path: model.node.path, line: experts.line ?? null, message }))
    return {}
  }
  return { model: { ...layers, value: { kind: 'inline', config } } }
}

function restored(model: Fields, findings: Finding[]): MutablePlanDraft {
  const name = model.string('restore_from_path') ?? model.string('language_model_path')
  const isGiven = name !== undefined && name.value !== '???'
  if (isGiven) return { model: { ...name, value: { kind: 'path', path: name.value } } }
  const message = 'The shapes are those of the checkpoint in `model.restore_from_path`, which is set only at launch.'
  const hint = 'Write the path, and name it under `models:` in the policy with the shapes of the model.'
  findings.push(finding('unknown-model', { path: model.node.path, line: name?.line ?? model.node.line, message, hint }))
  return {}
}

function vocabulary(model: Fields, findings: Finding[]): number {
  const own = model.integer('override_vocab_size', { min: 1 })?.value
  const tokenizer = section(model.node, 'tokenizer', findings)
  const type = tokenizer.string('type')
  if (own === undefined && !/GPT2BPE/.test(type?.value ?? '')) {
    const message = 'The vocabulary comes from the tokenizer; 50,257 tokens are assumed without `override_vocab_size`.'
    findings.push(finding('assumed-default', { path: model.node.path, line: tokenizer.node.line, message }))
  }
  const multiple =
    (model.integer('make_vocab_size_divisible_by', { min: 1 })?.value ?? 128) *
    (model.integer('tensor_model_parallel_size', { min: 1 })?.value ?? 1)
  return own ?? Math.ceil(GPT2_TOKENS / multiple) * multiple
}

import { DESCRIBED_BLOCK } from '../../models/described-block.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { ConfigNode } from '../config-document.ts'
import type { Fields } from '../fields.ts'

/** GPT-NeoX @ea7aefd megatron/model/activations.py: two projections and a product. */
const GATED = new Set(['geglu', 'reglu', 'swiglu', 'bilinear', 'glu'])
const OTHER_BLOCKS = new Set(['mamba', 'rwkv', 'gmlp', 'amlp'])
/** megatron/tokenizer: GPT2BPETokenizer, the default tokenizer_type, has 50,257 tokens. */
const GPT2_TOKENS = 50_257

/** Shapes with the defaults of neox_args.py; nothing when a layer is no attention block. */
export function neoxShapes(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const layers = fields.integer('num_layers', { min: 1 })
  const hidden = fields.integer('hidden_size', { min: 1 })?.value
  const heads = fields.integer('num_attention_heads', { min: 1 })?.value
  const kinds = attentionKinds(fields)
  const place = { path: fields.node.path, line: layers?.line ?? fields.node.line }
  if (!layers || !hidden || !heads) {
    const message = '`num_layers`, `hidden_size` and `num_attention_heads` are needed; another file may hold them.'
    findings.push(finding('unknown-model', { ...place, message }))
    return {}
  }
  const other = kinds.find(kind => OTHER_BLOCKS.has(kind))
  const experts = fields.integer('moe_num_experts')?.value ?? 1
  if (other !== undefined || experts > 1) {
    const message = `Layers of ${other === undefined ? 'experts (`moe_num_experts`)' : `\`${other}\``} are not read from GPT-NeoX configs.`
    findings.push(finding('unknown-model', { ...place, message }))
    return {}
  }
  const activation = fields.string('activation')?.value ?? 'gelu'
  const norm = fields.string('norm')?.value ?? 'layernorm'
  const positions = fields.string('pos_emb')?.value ?? 'learned'
  const isOn = (key: string, fallback: boolean): boolean => fields.boolean(key)?.value ?? fallback
  const attentionBias = isOn('use_bias_in_attn_linear', true)
  const window = fields.integer('sliding_window_width', { min: 1 })?.value
  const config = {
    model_type: DESCRIBED_BLOCK,
    id: `GPT-NeoX, ${layers.value} layers of ${hidden}`,
    num_hidden_layers: layers.value,
    hidden_size: hidden,
    intermediate_size: feedForwardWidth(fields, hidden, GATED.has(activation)),
    num_attention_heads: heads,
    num_key_value_heads: fields.integer('num_kv_heads', { min: 1 })?.value ?? heads,
    head_dim: Math.floor(hidden / heads),
    vocab_size: vocabulary(fields, findings),
    max_position_embeddings: fields.integer('max_position_embeddings', { min: 1 })?.value ?? 2048,
    tie_word_embeddings: !isOn('no_weight_tying', false),
    normalization: norm.includes('rms') || norm === 'scalenorm' ? 'rms' : 'layernorm',
    norm_affine: norm !== 'non_parametric_layernorm',
    norm_bias: norm === 'layernorm' || norm === 'te_layernorm',
    gated_mlp: GATED.has(activation),
    fused_projections: true,
    qkv_bias: attentionBias,
    attention_output_bias: attentionBias,
    mlp_bias: isOn('use_bias_in_mlp', true),
    ...(isOn('use_qk_layernorm', false) ? { qk_norm: 'head' } : {}),
    position_embeddings: positions === 'rotary' ? 'rotary' : positions === 'learned' ? 'learned' : 'none',
    parallel_residual: isOn('gpt_j_residual', false),
    hidden_act: GATED.has(activation) ? 'silu' : activation,
    hidden_dropout: fields.number('hidden_dropout', { min: 0, max: 1 })?.value ?? 0,
    embedding_dropout: fields.number('hidden_dropout', { min: 0, max: 1 })?.value ?? 0,
    attention_dropout: fields.number('attention_dropout', { min: 0, max: 1 })?.value ?? 0,
    ...(window === undefined ? {} : { sliding_window: window }),
  }
  return { model: { ...layers, value: { kind: 'inline', config } } }
}

/** megatron/model/transformer.py ParallelMLP: a gated width is two thirds of the written one, halved, rounded up. */
function feedForwardWidth(fields: Fields, hidden: number, isGated: boolean): number {
  const factor = fields.number('expansion_factor', { min: 0 })?.value
  const written =
    fields.integer('intermediate_size', { min: 1 })?.value ??
    (factor === undefined ? 4 * hidden : Math.trunc(factor * hidden))
  const multiple = fields.integer('mlp_multiple_of', { min: 1 })?.value ?? 1
  const width = isGated ? Math.floor(Math.trunc((written * 2) / 3) / 2) : written
  return Math.ceil(width / multiple) * multiple
}

function vocabulary(fields: Fields, findings: Finding[]): number {
  const padded = fields.integer('padded_vocab_size', { min: 1 })?.value
  if (padded !== undefined) return padded
  const tokenizer = fields.string('tokenizer_type')
  if (tokenizer && !/^(?:HF)?GPT2(?:BPE)?Tokenizer$/i.test(tokenizer.value)) {
    const { path = null, line = null, column = null } = tokenizer
    const message = `The vocabulary of ${tokenizer.value} stands in \`vocab_file\`; 50,257 tokens are assumed without \`padded_vocab_size\`.`
    findings.push(finding('assumed-default', { path, line, column, message }))
  }
  const multiple =
    (fields.integer('make_vocab_size_divisible_by', { min: 1 })?.value ?? 128) *
    (fields.integer('model_parallel_size', { min: 1 })?.value ?? 1)
  return Math.ceil(GPT2_TOKENS / multiple) * multiple
}

/** The kinds of attention named in `attention_config`; absent: global in every layer. */
export function attentionKinds(fields: Fields): readonly string[] {
  const node = fields.isSet('attention_config') ? fields.raw('attention_config') : undefined
  const kinds = node === undefined ? [] : textsIn(node).filter(text => text !== 'all')
  return kinds.length === 0 ? ['global'] : kinds
}

function textsIn(node: ConfigNode): readonly string[] {
  if (node.kind === 'sequence') return node.items.flatMap(textsIn)
  return typeof node.scalar === 'string' ? [node.scalar] : []
}

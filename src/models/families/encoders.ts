import type { Family } from '../family.ts'
import { embedding, norm } from '../tensor.ts'
import { LAYER_NORM } from './shared-blocks.ts'

const BERT: Family = {
  attention: {
    nativeSoftmax: true,
    names: ['self.query', 'self.key', 'self.value'],
    output: 'output.dense',
    module: 'attention',
    bias: true,
    outputBias: true,
  },
  mlp: { kind: 'plain', names: ['intermediate.dense', 'output.dense'], module: '', bias: true },
  norm: {
    ...LAYER_NORM,
    placement: 'post',
    names: ['attention.output.LayerNorm', 'output.LayerNorm'],
    embeddingName: 'embeddings.LayerNorm',
  },
  encoder: true,
  rotary: false,
  positions: { keys: ['max_position_embeddings'] },
  embeddingNorm: true,
  finalNorm: false,
  headStyle: 'bert',
  defaults: {
    tie_word_embeddings: true,
    hidden_act: 'gelu',
    hidden_dropout_prob: 0.1,
    attention_probs_dropout_prob: 0.1,
    max_position_embeddings: 512,
    type_vocab_size: 2,
  },
}
const ROBERTA: Family = { ...BERT, headStyle: 'roberta' }
/** Disentangled attention shares its projections with the relative positions (`share_att_key`). */
const DEBERTA_V2: Family = {
  ...BERT,
  attention: { ...BERT.attention, names: ['self.query_proj', 'self.key_proj', 'self.value_proj'] },
  positions: { keys: ['max_position_embeddings'], when: 'position_biased_input' },
  headStyle: 'deberta',
  embeddingExtras: (fields, { hiddenSize }) => {
    if (!fields.boolean('relative_attention')) return []
    const buckets = fields.number('position_buckets') ?? -1
    const stated = fields.number('max_relative_positions') ?? -1
    const positions = stated < 1 ? (fields.number('max_position_embeddings') ?? 512) : stated
    const isNormed = (fields.text('norm_rel_ebd') ?? '').includes('layer_norm')
    return [
      embedding('rel_embeddings', 2 * (buckets > 0 ? buckets : positions), hiddenSize),
      ...(isNormed ? [norm('encoder.LayerNorm', hiddenSize, true)] : []),
    ]
  },
}
/** The first layer reads the embedding norm's output without a norm of its own. */
const MODERNBERT: Family = {
  attention: { names: ['Wqkv'], output: 'Wo', module: 'attn', bias: 'attention_bias', outputBias: 'attention_bias' },
  mlp: { kind: 'fused-gated', names: ['Wi', 'Wo'], module: 'mlp', bias: 'mlp_bias' },
  norm: { kind: 'layernorm', perLayer: 2, inFirstLayer: 1, names: ['attn_norm', 'mlp_norm'] },
  encoder: true,
  embeddingNorm: true,
  headStyle: 'modernbert',
  defaults: { tie_word_embeddings: true, hidden_act: 'gelu' },
}
const DISTILBERT: Family = {
  ...BERT,
  attention: {
    nativeSoftmax: true,
    names: ['q_lin', 'k_lin', 'v_lin'],
    output: 'out_lin',
    module: 'attention',
    bias: true,
    outputBias: true,
  },
  mlp: { kind: 'plain', names: ['lin1', 'lin2'], module: 'ffn', bias: true },
  norm: { ...BERT.norm, names: ['sa_layer_norm', 'output_layer_norm'] },
  headStyle: 'distilbert',
  defaults: { ...BERT.defaults, type_vocab_size: 0, hidden_act: 'gelu' },
}

/** One table of relative positions for all layers, beside the learned ones. */
const MPNET: Family = {
  ...BERT,
  attention: { ...BERT.attention, names: ['attn.q', 'attn.k', 'attn.v'], output: 'attn.o' },
  norm: { ...BERT.norm, names: ['attention.LayerNorm', 'output.LayerNorm'] },
  headStyle: 'roberta',
  embeddingExtras: (fields, { heads }) => [
    embedding('encoder.relative_attention_bias', fields.number('relative_attention_num_buckets') ?? 32, heads),
  ],
  defaults: { ...BERT.defaults, type_vocab_size: 0 },
}

/** Encoders. */
export const ENCODERS_FAMILIES: Readonly<Record<string, Family>> = {
  bert: BERT,
  roberta: ROBERTA,
  'xlm-roberta': ROBERTA,
  camembert: ROBERTA,
  electra: { ...ROBERTA, embeddingNorm: true },
  'deberta-v2': DEBERTA_V2,
  modernbert: MODERNBERT,
  distilbert: DISTILBERT,
  mpnet: MPNET,
}

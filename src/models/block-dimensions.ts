import type { ConfigFields } from './config-fields.ts'
import type { Family } from './family.ts'
import { layerWords } from './layer-specs.ts'

export interface BlockDimensions {
  readonly hiddenSize: number
  readonly heads: number
  readonly keyValueHeads: number
  readonly headDim: number
  readonly width: number
  readonly layers: number
  readonly vocabSize: number
}

/** The sizes of a decoder block under any of their spellings; 0 where the config says nothing. */
export function readDimensions(fields: ConfigFields, family: Family, modelType: string): BlockDimensions {
  const hiddenSize = fields.number('hidden_size', 'n_embd', 'd_model', 'n_embed', 'dim') ?? 0
  const heads =
    fields.number('num_attention_heads', 'n_head', 'num_heads', 'n_heads', 'attention_heads') ??
    Math.max(1, Math.round(hiddenSize / 128))
  const headDim = fields.number('head_dim', 'kv_channels', 'd_kv') ?? Math.floor(hiddenSize / heads)
  const stated = fields.number('num_kv_heads', 'n_head_kv', 'num_key_value_heads', 'kv_n_heads') ?? heads
  const grouped = fields.boolean('multi_query_attention', fields.has('multi_query_group_num'))
    ? fields.number('multi_query_group_num')
    : null
  const usesSingleHead = fields.boolean('multi_query') && !fields.boolean('new_decoder_architecture')
  const hasQueryRule = family.defaults['multi_query'] !== undefined || fields.has('multi_query')
  const ruled = usesSingleHead ? 1 : fields.boolean('new_decoder_architecture') ? stated : heads
  return {
    hiddenSize,
    heads,
    keyValueHeads: grouped ?? (hasQueryRule ? ruled : stated),
    headDim,
    width: readWidth(fields, family, { hiddenSize, modelType }),
    layers:
      fields.number('num_hidden_layers', 'n_layer', 'num_layers', 'n_layers') ??
      (family.mixer ? layerWords(fields).length : 0),
    vocabSize: fields.number('padded_vocab_size', 'vocab_size') ?? 0,
  }
}

function readWidth(
  fields: ConfigFields,
  family: Family,
  { hiddenSize, modelType }: { readonly hiddenSize: number; readonly modelType: string },
): number {
  const listed = fields.raw('intermediate_size')
  const written = Array.isArray(listed)
    ? Math.max(0, ...listed.filter(item => typeof item === 'number'))
    : fields.number(
        'block_ff_dim',
        'intermediate_size',
        'n_inner',
        'ffn_dim',
        'ffn_hidden_size',
        'd_ff',
        'hidden_dim',
        'mlp_hidden_size',
      )
  const expansion = fields.number('expansion_ratio')
  const fallback =
    expansion !== null
      ? expansion * hiddenSize
      : family.mlp.kind === 'plain'
        ? 4 * hiddenSize
        : Math.ceil((hiddenSize * 8) / 3 / 256) * 256
  if (modelType === 'qwen' && written !== null) return written / 2
  if (written === null || !fields.boolean('block_auto_adjust_ff_dim')) return written ?? fallback
  return adjusted(fields, written)
}

/** transformers 5.18 models/lfm2/modeling_lfm2.py Lfm2MLP: two thirds, times a factor, rounded up to a multiple. */
function adjusted(fields: ConfigFields, width: number): number {
  const scaled = Math.trunc(Math.trunc((2 * width) / 3) * (fields.number('block_ffn_dim_multiplier') ?? 1))
  const multiple = fields.number('block_multiple_of') ?? 256
  return multiple > 0 ? multiple * Math.ceil(scaled / multiple) : scaled
}

/** Bounds that no model exceeds; beyond them the fields are wrong. */
const MAXIMA: Readonly<Record<keyof BlockDimensions, number>> = {
  hiddenSize: 1 << 20,
  heads: 1 << 14,
  keyValueHeads: 1 << 14,
  headDim: 1 << 14,
  width: 1 << 24,
  layers: 1 << 14,
  vocabSize: 1 << 26,
}

const DIMENSION_NAMES: ReadonlyMap<string, string> = new Map([
  ['hiddenSize', 'hidden size'],
  ['heads', 'number of heads'],
  ['keyValueHeads', 'number of key-value heads'],
  ['headDim', 'head size'],
  ['width', 'width of the MLP'],
  ['layers', 'number of layers'],
  ['vocabSize', 'vocabulary size'],
])

/** What is impossible about the sizes, as a sentence; null: nothing. */
export function dimensionProblem(dimensions: BlockDimensions): string | null {
  const optional = new Set(['width', 'vocabSize'])
  for (const [key, maximum] of Object.entries(MAXIMA)) {
    const value = Object.entries(dimensions).find(([name]) => name === key)?.[1] ?? 0
    if (!Number.isInteger(value) || value > maximum || value < (optional.has(key) ? 0 : 1))
      return `The model’s ${DIMENSION_NAMES.get(key) ?? key} is ${value}; expected a whole number from 1 to ${maximum.toLocaleString('en-US')}.`
  }
  return null
}

import { rowOf } from '../plan/row-of.ts'
import type { BlockDimensions } from './block-dimensions.ts'
import type { ConfigFields } from './config-fields.ts'
import type { Family } from './family.ts'

/** What one layer of a stack is made of. */
export interface LayerSpec {
  /** What mixes tokens: attention, the family's own mixer, both side by side, or nothing. */
  readonly mixing: 'attention' | 'mixer' | 'both' | 'none'
  readonly feedForward: 'dense' | 'experts' | 'none'
  /** Tokens a query sees; null: all before it. */
  readonly window: number | null
  /** The one full-attention kind beside windowed layers: Gemma 4 gives it a head size of its own. */
  readonly isGlobal: boolean
  /** k and v come from an earlier layer (Gemma 3n and 4: the tail of the stack). */
  readonly sharesKeyValue: boolean
  /** The first layer, where the family gives it other norms. */
  readonly isFirst: boolean
  /** Attention reads the images instead of the text (Llama 3.2 Vision). */
  readonly readsImages: boolean
  /** Sparse attention picks its own keys instead of those of an earlier layer (GLM-5.2). */
  readonly hasIndexer: boolean
}

/** Words of `layer_types`, `layers_block_type` and of the letters of `hybrid_override_pattern`. */
const MIXING: Readonly<Record<string, LayerSpec['mixing']>> = {
  mamba: 'mixer',
  mamba2: 'mixer',
  linear_attention: 'mixer',
  conv: 'mixer',
  M: 'mixer',
  attention: 'attention',
  full_attention: 'attention',
  sliding_attention: 'attention',
  chunked_attention: 'attention',
  '*': 'attention',
  hybrid: 'both',
  mlp: 'none',
  moe: 'none',
  '-': 'none',
  E: 'none',
}

/** Kinds of all layers of a stack, first to last. */
export function layerSpecs(
  fields: ConfigFields,
  family: Family,
  dimensions: BlockDimensions,
  isExpertLayer: (index: number) => boolean,
): readonly LayerSpec[] {
  const { layers } = dimensions
  const words = layerWords(fields)
  const mixingOf = mixingRule(fields, family, words)
  const windows = windowPattern(fields, words, layers)
  const indexers = fields.texts('indexer_types')
  const listed = fields.raw('cross_attention_layers')
  const cross = new Set(Array.isArray(listed) ? listed : [])
  const shared = layers - (fields.number('num_kv_shared_layers') ?? 0)
  return Array.from({ length: layers }, (_, index): LayerSpec => {
    const mixing = mixingOf(index)
    const window = mixing === 'attention' || mixing === 'both' ? windows(index) : null
    return {
      mixing,
      feedForward: feedForwardOf({ family, word: words[index], isExpert: isExpertLayer(index) }),
      window,
      isGlobal: window === null,
      sharesKeyValue: index >= shared && shared > 0,
      hasIndexer: indexers[index] !== 'shared',
      readsImages: cross.has(index),
      isFirst: index === 0 && family.norm.inFirstLayer !== undefined,
    }
  })
}

/** Number of layers that a list of kinds states, when the config has no count of its own (Nemotron 3 Ultra). */
export function layerWords(fields: ConfigFields): readonly string[] {
  const pattern = fields.text('hybrid_override_pattern')
  if (pattern !== null) return [...pattern.replaceAll('|', '')]
  for (const key of ['layers_block_type', 'layer_types']) {
    const words = fields.texts(key)
    if (words.length > 0) return words
  }
  return []
}

function mixingRule(
  fields: ConfigFields,
  family: Family,
  words: readonly string[],
): (index: number) => LayerSpec['mixing'] {
  if (!family.mixer) return () => 'attention'
  if (family.mixer.beside) return () => 'both'
  if (words.length > 0) return index => MIXING[words[index] ?? ''] ?? 'attention'
  const listed = attentionLayers(fields)
  if (listed) return index => (listed.has(index) ? 'attention' : 'mixer')
  const period = fields.number('attn_layer_period')
  if (period) return index => (index % period === (fields.number('attn_layer_offset') ?? 0) ? 'attention' : 'mixer')
  const interval = fields.number('full_attention_interval')
  if (interval && family.mixer.kind === 'kda')
    return index => (index > 0 && index % interval === 0 ? 'attention' : 'mixer')
  if (interval) return index => ((index + 1) % interval === 0 ? 'attention' : 'mixer')
  return () => 'mixer'
}

/** Indices of attention layers: Bamba, LFM2, Kimi Linear (counted from 1) and MiniMax (1 in a list of kinds). */
function attentionLayers(fields: ConfigFields): ReadonlySet<number> | null {
  const numbers = (value: unknown): readonly number[] | null =>
    Array.isArray(value) ? value.filter(item => typeof item === 'number') : null
  const listed = numbers(fields.raw('attn_layer_indices')) ?? numbers(fields.raw('full_attn_idxs'))
  if (listed) return new Set(listed)
  const kimi = numbers(fields.nested('linear_attn_config')?.raw('full_attn_layers'))
  if (kimi) return new Set(kimi.map(layer => layer - 1))
  const kinds = numbers(fields.raw('attn_type_list'))
  return kinds && new Set(kinds.flatMap((kind, index) => (kind === 1 ? [index] : [])))
}

interface FeedForwardOptions {
  readonly family: Family
  readonly word: string | undefined
  readonly isExpert: boolean
}

/** Nemotron-H has one block a layer; Mamba models have no feed-forward at all. */
function feedForwardOf({ family, word, isExpert }: FeedForwardOptions): LayerSpec['feedForward'] {
  if (family.mlp.kind === 'none') return 'none'
  if (family.singleBlock)
    return word === 'moe' || word === 'E' ? 'experts' : word === 'mlp' || word === '-' ? 'dense' : 'none'
  return isExpert ? 'experts' : 'dense'
}

function windowPattern(
  fields: ConfigFields,
  words: readonly string[],
  layers: number,
): (index: number) => number | null {
  const window = fields.raw('use_sliding_window') === false ? null : fields.number('sliding_window')
  if (window === null) return () => null
  if (words.length >= layers) return index => (words[index] === 'sliding_attention' ? window : null)
  const type = fields.text('model_type') ?? ''
  const pattern = fields.number('sliding_window_pattern') ?? rowOf(PATTERNS, type) ?? 1
  if (type.startsWith('gemma4') && pattern > 1)
    return index => ((index + 1) % pattern === 0 || index === layers - 1 ? null : window)
  if (pattern > 1) return index => ((index + 1) % pattern === 0 ? null : window)
  return () => window
}

/** Every n-th layer sees all tokens (transformers 5.18 configuration files, where `layer_types` is absent). */
const PATTERNS: Readonly<Record<string, number>> = {
  gemma2: 2,
  gemma3: 6,
  gemma3_text: 6,
  gemma3n_text: 5,
  gemma4_text: 6,
  gpt_oss: 2,
  cohere2: 4,
  olmo3: 4,
  exaone4: 4,
}

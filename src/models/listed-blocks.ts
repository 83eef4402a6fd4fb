import type { Layer, LayerRun, ParameterTensor } from './architecture.ts'
import { ConfigFields } from './config-fields.ts'
import { linear } from './tensor.ts'

/** One entry of `block_configs`: what stands in a layer's two places. */
interface Place {
  readonly isDropped: boolean
  /** One square matrix in its stead. */
  readonly isLinear: boolean
}

/**
 * Layers found by architecture search, each described on its own (nvidia Llama-3_3-Nemotron-Super, block_config.py and
 * modeling_decilm.py beside its weights): another number of key-value heads, another width, or nothing at all.
 */
export function listedBlocks(
  fields: ConfigFields,
  hiddenSize: number,
  build: (own: ConfigFields) => Layer,
): readonly LayerRun[] | null {
  const blocks = fields.raw('block_configs')
  if (!Array.isArray(blocks)) return null
  const runs = new Map<string, { places: number[]; layer: Layer }>()
  for (const [place, block] of blocks.entries()) {
    const key = JSON.stringify(block)
    const known = runs.get(key)
    if (known) known.places.push(place)
    else runs.set(key, { places: [place], layer: readBlock(fields, hiddenSize, { block, build }) })
  }
  return [...runs.values()].map(({ places, layer }) => ({ count: places.length, places, layer }))
}

function readBlock(
  fields: ConfigFields,
  hiddenSize: number,
  { block, build }: { readonly block: unknown; readonly build: (own: ConfigFields) => Layer },
): Layer {
  const entry = new ConfigFields(block)
  const attention = entry.nested('attention') ?? new ConfigFields({})
  const feedForward = entry.nested('ffn') ?? new ConfigFields({})
  const heads = fields.number('num_attention_heads') ?? 1
  const layer = build(
    new ConfigFields(
      {
        ...fields.plain(),
        block_configs: null,
        num_hidden_layers: 1,
        num_key_value_heads: heads / (attention.number('n_heads_in_group') ?? 1),
        intermediate_size: width(feedForward.number('ffn_mult') ?? 0, hiddenSize),
      },
      { tie_word_embeddings: false },
    ),
  )
  return without(layer, hiddenSize, { attention: placeOf(attention), feedForward: placeOf(feedForward) })
}

function placeOf(entry: ConfigFields): Place {
  const isLinear = entry.boolean('replace_with_linear')
  return { isDropped: entry.boolean('no_op') || isLinear, isLinear }
}

/** Two thirds of the factor times the width, cut, then up to a multiple of 256. */
function width(factor: number, hiddenSize: number): number {
  return Math.ceil(Math.trunc((2 * factor * hiddenSize) / 3) / 256) * 256
}

function without(
  layer: Layer,
  hiddenSize: number,
  { attention, feedForward }: { readonly attention: Place; readonly feedForward: Place },
): Layer {
  const gone: ReadonlySet<string> = new Set([
    ...(attention.isDropped ? ['attention'] : []),
    ...(feedForward.isDropped ? ['mlp'] : []),
  ])
  const norms = [
    ...(attention.isDropped && !attention.isLinear ? ['input_layernorm'] : []),
    ...(feedForward.isDropped && !feedForward.isLinear ? ['post_attention_layernorm'] : []),
  ]
  const square = (path: string, part: ParameterTensor['part']): ParameterTensor =>
    linear(path, part, hiddenSize, hiddenSize)
  const none = { heads: 0, keyValueHeads: 0, queryWidth: 0, keyValueWidth: 0 }
  return {
    ...layer,
    attention: attention.isDropped ? { ...layer.attention, ...none, kind: 'none' } : layer.attention,
    mlp: feedForward.isDropped ? { ...layer.mlp, kind: 'none', width: 0 } : layer.mlp,
    norms: { ...layer.norms, count: layer.norms.count - norms.length },
    tensors: [
      ...layer.tensors.filter(({ path, part }) => !gone.has(part) && !norms.includes(path)),
      ...(attention.isLinear ? [square('self_attn.linear_attn', 'attention')] : []),
      ...(feedForward.isLinear ? [square('mlp.linear_mlp', 'mlp')] : []),
    ],
  }
}

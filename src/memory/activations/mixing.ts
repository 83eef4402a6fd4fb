import type { Layer } from '../../models/architecture.ts'
import { attention } from './attention.ts'
import type { BlockContext } from './block-context.ts'
import { mixer } from './mixer.ts'
import type { Tape, Value } from './tape.ts'

/** Attention, a mixer in its place, or both on the same input with their outputs added (Falcon-H1). */
export function mixing(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const hasScores = layer.attention.kind === 'mha' || layer.attention.kind === 'mla'
  if (layer.attention.mixer === null) return attention(tape, input, layer, context)
  const mixed = mixer(tape, input, layer, context)
  return hasScores ? tape.add(attention(tape, input, layer, context), mixed) : mixed
}

/** A layer without attention and without a mixer is a feed-forward alone (Nemotron-H). */
export function mixesTokens(layer: Layer): boolean {
  return layer.attention.kind !== 'none'
}

/**
 * The second attention of an encoder-decoder's decoder: its keys and values are projected from the encoder's output,
 * which all layers share, so only the projections themselves add to what is kept.
 */
export function crossAttention(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const length = layer.crossPositions ?? context.sequenceLength
  const keyValueWidth = layer.attention.keyValueWidth * (length / context.sequenceLength)
  const crossed = { ...layer, attention: { ...layer.attention, causal: false, keyValueWidth } }
  return attention(tape, input, crossed, { ...context, sequenceLength: length })
}

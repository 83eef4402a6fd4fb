import type { Layer } from '../../models/architecture.ts'
import type { BlockContext } from './block-context.ts'
import { dropout } from './linear.ts'
import { crossAttention, mixesTokens, mixing } from './mixing.ts'
import { mixture } from './mixture.ts'
import { mlp } from './mlp.ts'
import { norm } from './norm.ts'
import { Tape, type TapeMeasure, type Value } from './tape.ts'

export interface LayerTape extends TapeMeasure {
  /** Share of `saved` that is the layer's own input: the checkpoint already holds it. */
  readonly inputSaved: number
}

/** Bytes per token that one layer keeps for backward, and the most that coexists while it runs backward. */
export function measureLayer(layer: Layer, context: BlockContext): LayerTape {
  const tape = new Tape()
  const input = tape.input(context.hiddenSize, context.sizes.residual)
  if (layer.norms.placement === 'post') postNorm(tape, input, layer, context)
  else if (layer.parallelResidual) parallel(tape, input, layer, context)
  else sequential(tape, input, layer, context)
  return { ...tape.measure(), inputSaved: tape.saves(input) ? input.width * input.element : 0 }
}

function sequential(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const sandwich = layer.norms.placement === 'sandwich'
  const close = (branch: Value) => (sandwich ? residualNorm(tape, branch, layer, context) : branch)
  const middle = mixesTokens(layer)
    ? residual(tape, input, close(mix(tape, residualNorm(tape, input, layer, context), layer, context)), context)
    : input
  if (!hasFeedForward(layer)) return middle
  return residual(
    tape,
    middle,
    close(feedForward(tape, residualNorm(tape, middle, layer, context), layer, context)),
    context,
  )
}

/** GPT-NeoX has a norm per branch, phi and Falcon share one. */
function parallel(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const first = residualNorm(tape, input, layer, context)
  const second = layer.norms.count > 1 ? residualNorm(tape, input, layer, context) : first
  const mixed = mix(tape, first, layer, context)
  const fed = feedForward(tape, second, layer, context)
  return tape.add(tape.add(mixed, fed), input)
}

/** BERT: the norm follows the addition. */
function postNorm(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const middle = residualNorm(tape, residual(tape, input, mix(tape, input, layer, context), context), layer, context)
  return residualNorm(tape, residual(tape, middle, feedForward(tape, middle, layer, context), context), layer, context)
}

/** Self-attention or mixer, and in a decoder that reads an encoder the attention over its output. */
function mix(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const mixed = mixing(tape, input, layer, context)
  if (layer.crossAttention !== true) return mixed
  const crossed = crossAttention(tape, residualNorm(tape, mixed, layer, context), layer, context)
  return tape.add(mixed, crossed)
}

function feedForward(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  return layer.moe === null ? mlp(tape, input, layer, context) : mixture(tape, input, layer, context)
}

function hasFeedForward(layer: Layer): boolean {
  return layer.moe !== null || layer.mlp.kind !== 'none'
}

function residual(tape: Tape, stream: Value, branch: Value, context: BlockContext): Value {
  const dropped = context.hiddenDropout ? dropout(tape, branch) : branch
  return tape.add(stream, tape.cast(dropped, Math.max(dropped.element, stream.element)))
}

function residualNorm(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const path = layer.tensors.find(tensor => tensor.part === 'norm')?.path ?? 'norm'
  return norm(tape, input, context, { norms: layer.norms, trains: context.trains(path) })
}

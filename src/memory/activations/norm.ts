import type { Norms } from '../../models/architecture.ts'
import type { BlockContext } from './block-context.ts'
import type { Tape, Value } from './tape.ts'

const FLOAT32 = 4

/** A norm over `groups` rows per token (1; heads for q/k norms). Output keeps the input's dtype unless float32 weights lift it. */
export function norm(
  tape: Tape,
  input: Value,
  context: BlockContext,
  options: { readonly norms: Norms; readonly trains: boolean; readonly groups?: number },
): Value {
  const groups = options.groups ?? 1
  if (options.norms.kind === 'layernorm') return layerNorm(tape, input, context, groups)
  if (context.rules.norm === 'fused') return fusedRms(tape, input, context, groups)
  return options.norms.float32Weight
    ? float32WeightRms(tape, input, { trains: options.trains, groups })
    : eagerRms(tape, input, context, { trains: options.trains, groups })
}

/** aten native_layer_norm saves its input and float32 mean and inverse deviation; autocast runs it in float32. */
function layerNorm(tape: Tape, input: Value, context: BlockContext, groups: number): Value {
  const read = context.sizes.autocast ? tape.cast(input, FLOAT32) : input
  const statistics = { bytes: 2 * read.element * groups }
  return tape.record(input.width, read.element, { inputs: [read], saves: [read, statistics] })
}

function fusedRms(tape: Tape, input: Value, context: BlockContext, groups: number): Value {
  const statistics = { bytes: FLOAT32 * groups }
  const output = context.sizes.autocast ? input.element : Math.max(input.element, context.sizes.parameters)
  return tape.record(input.width, output, { inputs: [input], saves: [input, statistics] })
}

/** transformers modeling_llama.py LlamaRMSNorm: `weight * (x32 * rsqrt(mean(x32²) + eps)).to(dtype)`. */
function eagerRms(
  tape: Tape,
  input: Value,
  context: BlockContext,
  { trains, groups }: { readonly trains: boolean; readonly groups: number },
): Value {
  const wide = tape.cast(input, FLOAT32)
  const deviation = { bytes: FLOAT32 * groups }
  const normed32 = tape.record(wide.width, FLOAT32, { inputs: [wide], saves: [wide, deviation] })
  const normed = tape.cast(normed32, input.element)
  return tape.record(input.width, Math.max(input.element, context.sizes.parameters), {
    inputs: [normed],
    saves: trains ? [normed] : [],
  })
}

/** transformers modeling_gemma2.py Gemma2RMSNorm: the product with (1 + weight) stays in float32 until the end. */
function float32WeightRms(
  tape: Tape,
  input: Value,
  { trains, groups }: { readonly trains: boolean; readonly groups: number },
): Value {
  const wide = tape.cast(input, FLOAT32)
  const deviation = { bytes: FLOAT32 * groups }
  const normed = tape.record(wide.width, FLOAT32, { inputs: [wide], saves: [wide, deviation] })
  const scaled = tape.record(wide.width, FLOAT32, { inputs: [normed], saves: trains ? [normed, normed] : [] })
  return tape.cast(scaled, input.element)
}

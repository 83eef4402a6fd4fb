import type { BlockContext, LinearAdapter } from './block-context.ts'
import type { Storage, Tape, Value } from './tape.ts'

export interface LinearOptions {
  /** Path inside the layer; null: a product that nothing adapts and that trains with `trains`. */
  readonly path: string
  readonly width: number
  /** Multiplies the saved widths of adapters: how many matrices read this input (experts keep 1). */
  readonly scratch?: number
}

/** A projection with its adapter: a frozen weight saves nothing, a trained one saves its input, an adapter saves what it reads. */
export function linear(tape: Tape, input: Value, context: BlockContext, options: LinearOptions): Value {
  const { sizes } = context
  const adapter = context.adapterOf(options.path)
  const trains = context.trains(options.path)
  const keeps = trains || (context.quantized && context.quantizedKeepsInput)
  const product = sizes.autocast ? sizes.compute : input.element
  const read = sizes.autocast ? tape.cast(input, sizes.compute) : input
  const saved = context.quantized && context.quantizedKeepsInput && !trains && read.element > sizes.compute
  const kept = saved ? { bytes: read.width * sizes.compute } : quantisedInput(read, sizes.keptInput)
  const base = tape.record(options.width, product, {
    inputs: [read],
    saves: keeps ? [kept] : [],
    scratch: options.scratch ?? 0,
  })
  return adapter === null ? base : adapted(tape, { input, base, adapter, context })
}

/** Products of one input share its quantised copy. */
const QUANTISED = new WeakMap<Storage, Storage>()

function quantisedInput(input: Value, bytes: number | null): Value | Storage {
  if (bytes === null) return input
  const known = QUANTISED.get(input.storage)
  if (known !== undefined) return known
  const copy = { bytes: input.width * bytes }
  QUANTISED.set(input.storage, copy)
  return copy
}

interface Adapted {
  readonly input: Value
  readonly base: Value
  readonly adapter: LinearAdapter
  readonly context: BlockContext
}

/** peft 0.21 tuners/lora/layer.py Linear.forward: `result + lora_B(lora_A(dropout(x.to(A.dtype)))) * scaling`, then back to the result's dtype. */
function adapted(tape: Tape, { input, base, adapter, context }: Adapted): Value {
  const { sizes } = context
  if (adapter.kind === 'scale') return tape.record(base.width, base.element, { inputs: [base], saves: [base] })
  if (adapter.kind === 'input-scale') {
    const typed = tape.cast(input, sizes.adapter)
    return tape.record(base.width, base.element, { inputs: [base, typed], saves: [typed] })
  }
  const product = sizes.autocast ? sizes.compute : sizes.adapter
  const typed = tape.cast(input, sizes.adapter)
  if (adapter.kind === 'reduced') {
    const down = tape.record(adapter.rank, product, { inputs: [typed] })
    const up = tape.record(base.width, product, { inputs: [down], saves: [down] })
    return tape.cast(tape.add(base, up), base.element)
  }
  const dropped = adapter.dropout ? dropout(tape, typed) : typed
  const read = sizes.autocast ? tape.cast(dropped, sizes.compute) : dropped
  const down = tape.record(adapter.rank, product, { inputs: [read], saves: [read] })
  const up = tape.record(base.width, product, { inputs: [down], saves: [down] })
  const scaled = tape.record(base.width, product, { inputs: [up], saves: adapter.kind === 'dora' ? [up] : [] })
  return tape.cast(tape.add(base, scaled), base.element)
}

/** CUDA keeps a one-byte mask (aten native_dropout). */
export function dropout(tape: Tape, input: Value): Value {
  return tape.record(input.width, input.element, { inputs: [input], saves: [{ bytes: input.width }] })
}

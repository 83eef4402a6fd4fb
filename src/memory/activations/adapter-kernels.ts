import type { AdapterKernel } from '../../plan/vocabulary.ts'
import type { BlockContext, LinearAdapter } from './block-context.ts'
import { dropout } from './linear.ts'
import type { Tape, Value } from './tape.ts'

/** The adapter of projections that run as one function, when every one of them has one; null otherwise. */
export function kernelAdapter(
  context: BlockContext,
  kernel: AdapterKernel,
  paths: readonly string[],
): LinearAdapter | null {
  if (!context.adapterKernels.has(kernel)) return null
  const adapters = paths.map(path => context.adapterOf(path))
  return adapters.every(adapter => adapter?.kind === 'lora') ? (adapters[0] ?? null) : null
}

/**
 * Projections of one input with their adapters as one function: it keeps the input, and its dropped copy where there is dropout
 * (axolotl 0.18 kernels/lora.py LoRA_QKV, LoRA_O; Unsloth kernels/fast_lora.py LoRA_QKV, LoRA_W).
 */
export function fusedProjections(
  tape: Tape,
  input: Value,
  context: BlockContext,
  { adapter, widths }: { readonly adapter: LinearAdapter; readonly widths: readonly number[] },
): readonly Value[] {
  const read = readBy(tape, input, adapter)
  return tape.recordSeveral(widths, productElement(context, input), { inputs: read, saves: read })
}

/**
 * Gated MLP with its adapters as one function: it keeps input, gate and up. The gradient of the product turns into the product
 * itself and those of gate and up take their places (axolotl 0.18 kernels/{lora,swiglu}.py LoRA_MLP; Unsloth kernels/fast_lora.py).
 */
export function fusedMlp(
  tape: Tape,
  input: Value,
  context: BlockContext,
  { adapter, width }: { readonly adapter: LinearAdapter; readonly width: number },
): Value {
  const element = productElement(context, input)
  const read = readBy(tape, input, adapter)
  const wide = { bytes: width * element }
  return tape.record(context.hiddenSize, element, {
    inputs: read,
    saves: [...read, { ...wide }, { ...wide }],
    scratch: wide.bytes,
  })
}

function readBy(tape: Tape, input: Value, adapter: LinearAdapter): readonly Value[] {
  return adapter.dropout ? [input, dropout(tape, input)] : [input]
}

function productElement({ sizes }: BlockContext, input: Value): number {
  return sizes.autocast ? sizes.compute : input.element
}

import type { Layer, ParameterTensor } from '../../models/architecture.ts'
import type { BlockContext } from './block-context.ts'
import { gateProduct } from './mlp.ts'
import type { Tape, Value } from './tape.ts'

const FLOAT32 = 4
/** Index and weight lists of the dispatch, bytes per routed copy of a token (measured with PyTorch 2.13 on CPU, transformers 5.18 grouped experts). */
const DISPATCH_BYTES = 42

/** Routed experts with the whole batch on this rank, and the shared expert. */
export function mixture(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const { moe } = layer
  if (moe === null) return input
  const path = partPath(layer, 'experts')
  // an adapter reads what its experts read, on its own or as part of `W + B·A`
  const trains = context.trains(path) || context.adapterOf(path) !== null
  const dispatch = { bytes: DISPATCH_BYTES * moe.topK }
  const routed = context.trains(partPath(layer, 'router')) ? [input, dispatch] : [dispatch]
  const scores = tape.record(moe.experts, FLOAT32, { inputs: [input], saves: routed, savesOutput: true })
  const passes = runsOneByOne(layer) ? moe.experts : 1
  const options = { context, scores, moe, trains, share: 1 / passes }
  let combined = routedPass(tape, input, options)
  for (let pass = 1; pass < passes; pass++) combined = tape.add(combined, routedPass(tape, input, options))
  return moe.sharedWidth === 0 ? combined : tape.add(combined, sharedExpert(tape, input, layer, context))
}

/** transformers 4 calls its expert modules one after the other: their gradients never coexist. Stacked experts run as grouped products. */
function runsOneByOne(layer: Layer): boolean {
  return layer.tensors.some(({ kind, fused }) => kind === 'expert' && !fused)
}

interface PassOptions {
  readonly context: BlockContext
  readonly scores: Value
  readonly moe: NonNullable<Layer['moe']>
  readonly trains: boolean
  /** Of the routed copies of tokens: those of one expert, or all. */
  readonly share: number
}

function routedPass(tape: Tape, input: Value, { context, scores, moe, trains, share }: PassOptions): Value {
  const width = (moe.topK * moe.expertWidth * share) / context.tensorParallel
  const copies = tape.record(moe.topK * context.hiddenSize * share, input.element, { inputs: [input] })
  const keeps = trains ? [copies] : []
  const product =
    moe.expertKind === 'gated'
      ? gatedExperts(tape, copies, { context, width, keeps })
      : plainExperts(tape, copies, { width, keeps })
  const outputs = tape.record(copies.width, copies.element, { inputs: [product], saves: trains ? [product] : [] })
  const weighted = tape.record(copies.width, copies.element, { inputs: [outputs, scores], saves: [outputs] })
  return tape.record(context.hiddenSize, input.element, { inputs: [weighted] })
}

interface ExpertOptions {
  readonly width: number
  readonly keeps: readonly Value[]
}

function gatedExperts(tape: Tape, copies: Value, options: ExpertOptions & { readonly context: BlockContext }): Value {
  const joined = tape.record(2 * options.width, copies.element, { inputs: [copies], saves: options.keeps })
  const [gate, up] = tape.split(joined, [options.width, options.width])
  if (gate === undefined || up === undefined) throw new Error('split returns two views')
  return gateProduct(tape, gate, up, options.context)
}

function plainExperts(tape: Tape, copies: Value, { width, keeps }: ExpertOptions): Value {
  const wide = tape.record(width, copies.element, { inputs: [copies], saves: keeps })
  return tape.record(width, wide.element, { inputs: [wide], saves: [wide] })
}

function sharedExpert(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const width = (layer.moe?.sharedWidth ?? 0) / context.tensorParallel
  const trains = context.trains(partPath(layer, 'shared-expert'))
  const keeps = trains ? [input] : []
  const gate = tape.record(width, input.element, { inputs: [input], saves: keeps })
  const up = tape.record(width, input.element, { inputs: [input], saves: keeps })
  const product = gateProduct(tape, gate, up, context)
  const output = tape.record(context.hiddenSize, input.element, { inputs: [product], saves: trains ? [product] : [] })
  const gated = layer.tensors.some(tensor => tensor.path.endsWith('shared_expert_gate'))
  if (!gated) return output
  const sigmoid = { bytes: input.element }
  return tape.record(context.hiddenSize, input.element, { inputs: [output], saves: [output, sigmoid] })
}

function partPath(layer: Layer, part: ParameterTensor['part']): string {
  return layer.tensors.find(tensor => tensor.part === part)?.path ?? ''
}

import type { Layer } from '../../models/architecture.ts'
import { fusedMlp, kernelAdapter } from './adapter-kernels.ts'
import type { BlockContext } from './block-context.ts'
import { linear } from './linear.ts'
import type { Tape, Value } from './tape.ts'

/** Activation functions that Python code spells out in several kernels (transformers activations.py NewGELUActivation). */
const SPELT_OUT_GELU = new Set(['gelu_new', 'gelu_python', 'gelu_fast'])

const GATE = ['gate_proj', 'w1', 'wi_0']
const UP = ['up_proj', 'w3', 'w2', 'wi_1']

export function mlp(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const width = layer.mlp.width / context.tensorParallel
  const down = pathOf(layer, [
    'down_proj',
    'fc2',
    'dense_4h_to_h',
    'c_proj',
    'w2',
    'fc_out',
    'output.dense',
    'wo',
    'Wo',
    'lin2',
    'output_linear',
  ])
  const gateUpDown = [pathOf(layer, GATE), pathOf(layer, UP), down]
  const adapter = layer.mlp.kind === 'gated' ? kernelAdapter(context, 'mlp', gateUpDown) : null
  if (adapter !== null) return fusedMlp(tape, input, context, { adapter, width })
  const product =
    layer.mlp.kind === 'plain'
      ? plain(tape, input, layer, { context, width })
      : gated(tape, input, layer, { context, width })
  return linear(tape, product, context, { path: down, width: context.hiddenSize })
}

interface MlpOptions {
  readonly context: BlockContext
  readonly width: number
}

function gated(tape: Tape, input: Value, layer: Layer, { context, width }: MlpOptions): Value {
  const [gate, up] = gateAndUp(tape, input, layer, { context, width })
  return gateProduct(tape, gate, up, context)
}

/** `act(gate) * up`: eager keeps gate, act(gate) and up; a fused kernel re-computes the activation. */
export function gateProduct(tape: Tape, gate: Value, up: Value, context: BlockContext): Value {
  if (context.rules.gate === 'fused') {
    return tape.record(gate.width, gate.element, { inputs: [gate, up], saves: [gate, up] })
  }
  const activated = tape.record(gate.width, gate.element, { inputs: [gate], saves: [gate] })
  return tape.record(gate.width, gate.element, { inputs: [activated, up], saves: [activated, up] })
}

function gateAndUp(tape: Tape, input: Value, layer: Layer, { context, width }: MlpOptions): readonly [Value, Value] {
  if (layer.mlp.kind === 'fused-gated') {
    const path = pathOf(layer, ['gate_up_proj', 'dense_h_to_4h', 'fc1', 'linear_fc1', 'Wi', 'input_linear'])
    const joined = linear(tape, input, context, { path, width: 2 * width })
    const [gate, up] = tape.split(joined, [width, width])
    if (gate === undefined || up === undefined) throw new Error('split returns two views')
    return [gate, up]
  }
  const gate = linear(tape, input, context, { path: pathOf(layer, GATE), width })
  const up = linear(tape, input, context, { path: pathOf(layer, UP), width })
  return [gate, up]
}

function plain(tape: Tape, input: Value, layer: Layer, { context, width }: MlpOptions): Value {
  const path = pathOf(layer, [
    'fc1',
    'up_proj',
    'dense_h_to_4h',
    'c_fc',
    'fc_in',
    'w1',
    'intermediate.dense',
    'wi',
    'lin1',
  ])
  const wide = linear(tape, input, context, { path, width })
  if (SPELT_OUT_GELU.has(layer.mlp.activation) && !context.rules.fusedGelu) return speltOutGelu(tape, wide)
  return tape.record(width, wide.element, { inputs: [wide], saves: [wide] })
}

/** `0.5·x · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`: keeps x, 0.5·x, the tanh and 1 + tanh. */
function speltOutGelu(tape: Tape, input: Value): Value {
  const same = (inputs: readonly Value[], saves: readonly Value[] = [], savesOutput = false) =>
    tape.record(input.width, input.element, { inputs, saves, savesOutput })
  const half = same([input])
  const cube = same([input], [input])
  const inner = same([input, cube])
  const tanh = same([inner], [], true)
  const shifted = same([tanh])
  return same([half, shifted], [half, shifted])
}

function pathOf(layer: Layer, leaves: readonly string[]): string {
  for (const leaf of leaves) {
    const found = layer.tensors.find(tensor => tensor.part === 'mlp' && tensor.path.endsWith(leaf))
    if (found !== undefined) return found.path
  }
  return leaves[0] ?? ''
}

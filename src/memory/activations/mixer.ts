import type { Layer } from '../../models/architecture.ts'
import type { BlockContext } from './block-context.ts'
import type { Tape, Value } from './tape.ts'

/**
 * State-space and linear-attention mixers with their fused kernels: the input projection's output, the convolved channels,
 * the gated output and one state per chunk are kept (mamba_ssm ops/triton/ssd_combined.py, flash-linear-attention ops/gated_delta_rule).
 */
export function mixer(tape: Tape, input: Value, layer: Layer, context: BlockContext): Value {
  const shape = layer.attention.mixer
  if (shape === null) return input
  const inner = shape.innerSize / context.tensorParallel
  const channels = Math.max(shape.convolutionChannels / context.tensorParallel, inner)
  const trains = context.trains(layer.tensors.find(tensor => tensor.part === 'mixer')?.path ?? '')
  const projected = tape.record(inner + channels, input.element, { inputs: [input], saves: trains ? [input] : [] })
  const convolved = tape.record(channels, input.element, { inputs: [projected], saves: [projected] })
  const states = { bytes: (inner * shape.stateSize * FLOAT32) / CHUNK }
  const scanned = tape.record(inner, input.element, {
    inputs: [convolved],
    saves: [convolved, states],
    savesOutput: true,
  })
  const gated = tape.record(inner, input.element, { inputs: [scanned, projected], saves: [scanned, projected] })
  return tape.record(context.hiddenSize, input.element, { inputs: [gated], saves: trains ? [gated] : [] })
}

const FLOAT32 = 4
/** Tokens per chunk: mamba_ssm modules/mamba2.py chunk_size=256; states are kept once per chunk. */
const CHUNK = 256

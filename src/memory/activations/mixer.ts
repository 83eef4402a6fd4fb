import type { Layer } from '../../models/architecture.ts'
import type { BlockContext } from './block-context.ts'
import { linear } from './linear.ts'
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
  const matrices = layer.tensors.filter(({ part, kind }) => part === 'mixer' && kind === 'linear')
  const last = matrices.findLast(({ outFeatures }) => outFeatures === context.hiddenSize)
  const first = matrices.filter(tensor => tensor !== last && tensor.inFeatures === context.hiddenSize)
  const projected =
    first.length > 0
      ? first.map(({ path, outFeatures }) =>
          linear(tape, input, context, { path, width: outFeatures / context.tensorParallel }),
        )
      : [linear(tape, input, context, { path: 'in_proj', width: inner + channels })]
  const convolved = tape.record(channels, input.element, { inputs: projected, saves: projected })
  const states = { bytes: (inner * shape.stateSize * FLOAT32) / CHUNK }
  const scanned = tape.record(inner, input.element, {
    inputs: [convolved],
    saves: [convolved, states],
    savesOutput: true,
  })
  const gated = tape.record(inner, input.element, { inputs: [scanned, ...projected], saves: [scanned, ...projected] })
  return linear(tape, gated, context, { path: last?.path ?? 'out_proj', width: context.hiddenSize })
}

const FLOAT32 = 4
/** Tokens per chunk: mamba_ssm modules/mamba2.py chunk_size=256; states are kept once per chunk. */
const CHUNK = 256

import type { Seconds } from '../plan/units.ts'
import type { StepContext } from './step-context.ts'
import { effectiveLength } from './work.ts'

/**
 * The fastest a step could be: the products it really does at the dense datasheet peak, or its weights read once per pass
 * at the datasheet bandwidth, whichever is longer. No efficiency, no communication, no traffic of activations.
 */
export function floorStepSeconds(c: StepContext): Seconds {
  const { plan, work, tensor, pipeline, trains, recompute, recomputeAttention, tokens } = c
  const length = (tokens * c.context) / c.sequences
  let scores = 0
  for (const attention of work.attention) {
    scores += 2 * effectiveLength(length, attention) * attention.width * attention.layers
  }
  const flowing = 1 + trains.backward * (1 + recompute)
  const flops =
    (flowing + trains.weights) * 2 * (work.denseParameters + work.activeExpertParameters) * tokens +
    (1 + trains.backward * (2 + recomputeAttention)) * scores * tokens +
    (2 + trains.head) * 2 * work.outputs * work.hiddenSize * tokens
  const compute = flops / (tensor * pipeline * peakFlops(c))
  return plan.gradientAccumulationSteps * compute
}

/** Dense datasheet peak at the plan's compute precision; what the GPU lacks runs at the next wider one it has. */
export function peakFlops({ gpu, plan }: StepContext): number {
  const { peak } = gpu
  const bits16 = peak.bf16 ?? peak.fp16 ?? peak.fp32 ?? 1e12
  switch (plan.precision.compute) {
    case 'nvfp4':
      return peak.fp4 ?? peak.fp8 ?? bits16
    case 'float8':
    case 'mxfp8':
      return peak.fp8 ?? bits16
    default:
      return bits16
  }
}

import type { Flops } from '../plan/units.ts'
import type { StepContext } from './step-context.ts'
import { effectiveLength } from './work.ts'

/** Model FLOPs of one step over all GPUs: forward and the backward that the plan needs, without recomputation (PaLM, appendix B). */
export function modelFlopsPerStep({ plan, work, trains, length, sequences, dataRanks }: StepContext): Flops {
  const tokens = sequences * length.computed * plan.gradientAccumulationSteps * dataRanks
  let scores = 0
  for (const attention of work.attention) {
    scores += 2 * effectiveLength(length.computed, attention) * attention.width * attention.layers
  }
  const products = 2 * (work.denseParameters + work.activeExpertParameters)
  return (
    tokens *
    (products * (1 + trains.backward + trains.weights) +
      scores * (1 + 2 * trains.backward) +
      2 * work.outputs * work.hiddenSize * (2 + trains.head))
  )
}

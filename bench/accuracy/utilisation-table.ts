import { workOf } from '../../src/time/work.ts'
import type { SpeedRow } from './speed-rows.ts'

/**
 * What most people do: 6 FLOPs (4 with an adapter) per active matmul parameter and real token, 6 × layers × width ×
 * length per token for causal attention, over 40 % of the dense 16-bit peak.
 */
export function utilisationStepSeconds({ run }: SpeedRow): number {
  const { plan, architecture, gpu } = run
  const length = plan.packing ? plan.sequenceLength : (plan.meanSequenceLength ?? plan.sequenceLength)
  const work = workOf(architecture, length)
  const { tensor, pipeline, context } = plan.parallelism
  const replicas = plan.gpus / (tensor * pipeline * context)
  const tokens = plan.microBatchSize * plan.gradientAccumulationSteps * replicas * length
  const parameters = work.denseParameters + work.activeExpertParameters + work.outputs * work.hiddenSize
  const scores = work.attention.reduce((sum, { layers, width }) => sum + layers * width, 0) * length
  const flops = tokens * ((plan.adapter === null ? 6 : 4) * parameters + 6 * scores)
  return flops / (plan.gpus * 0.4 * (gpu.peak.bf16 ?? gpu.peak.fp16 ?? 1))
}

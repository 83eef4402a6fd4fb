import type { Architecture } from '../../models/architecture.ts'
import { placesOfRuns } from '../../models/counted-tensors.ts'
import type { ParallelismPlan } from '../../plan/training-plan.ts'
import type { PipelineStage } from './rank-parameters.ts'

/**
 * How many layers of each run a pipeline rank holds. Stages are contiguous pieces, or with interleaving several pieces,
 * one of each model chunk; where layers do not divide, both ends count as full.
 */
export function stageLayers(
  architecture: Architecture,
  { pipeline, pipelineInterleave }: ParallelismPlan,
  stage: PipelineStage,
): readonly number[] {
  if (stage === 'only' || pipeline === 1) return architecture.layers.map(({ count }) => count)
  const all = architecture.layers.reduce((sum, { count }) => sum + count, 0)
  const chunks = all % (pipeline * pipelineInterleave) === 0 ? pipelineInterleave : 1
  const piece = Math.ceil(all / (pipeline * chunks))
  const chunk = all / chunks
  const isHere = (place: number) => (stage === 'first' ? place % chunk < piece : place % chunk >= chunk - piece)
  return placesOfRuns(architecture).map(places => places.filter(isHere).length)
}

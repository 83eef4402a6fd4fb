import type { TrainingPlan } from '../../plan/training-plan.ts'
import { OPTIMIZER_ROWS } from '../states/optimizer-states.ts'
import type { RankParameters } from './rank-parameters.ts'

/** Block-wise optimizers train one decoder layer at a time: embeddings and head stay frozen (BAdam badam/block_optim.py include_embedding=False). */
export function activeParameters(plan: TrainingPlan, parameters: RankParameters): RankParameters {
  if (OPTIMIZER_ROWS[plan.optimizer].byBlock !== true || plan.adapter !== null) return parameters
  const active = Math.min(parameters.trainable, parameters.largestLayer)
  return { ...parameters, trainableBase: active, trainable: active, trainableEmbedding: 0, trainableExperts: 0 }
}

import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'

const RECIPES = 'torchtune @bd2a0fc recipes/*.py'

/** Once an epoch unless `save_every_n_steps`; what is saved before the end holds the optimizer. */
export function readTorchtuneCheckpoints(top: Fields): Sourced<CheckpointPlan | null> {
  const every = top.integer('save_every_n_steps', { min: 1 })
  const epochs = top.integer('epochs', { min: 1 })
  const source: Sourced<unknown> = every ?? epochs ?? byDefault(null, `${RECIPES}: once an epoch`)
  const value = { everySteps: every?.value ?? null, timesTotal: every ? null : (epochs?.value ?? 1) }
  return { ...source, value: { ...value, includesOptimizer: (epochs?.value ?? 1) > 1 || every !== undefined } }
}

export function readTorchtuneEvaluation(top: Fields): Sourced<EvaluationPlan | null> {
  const every = top.integer('run_val_every_n_steps', { min: 1 })
  if (!every) return byDefault(null, `${RECIPES}: run_val_every_n_steps None`)
  const batch = top.integer('batch_size_val', { min: 1 }) ?? top.integer('batch_size', { min: 1 })
  const value = {
    everySteps: every.value,
    timesTotal: null,
    microBatchSize: batch?.value ?? 1,
    samples: null,
    share: 0,
  }
  return { ...every, value }
}

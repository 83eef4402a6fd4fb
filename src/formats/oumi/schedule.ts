import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'
import { positive } from '../key-rows.ts'
import { TRAINING } from './trainers.ts'

/** Evaluation by `eval_strategy`; `no` is PyYAML's false. */
export function readOumiEvaluation(training: Fields): Sourced<EvaluationPlan | null> {
  const written = training.isSet('eval_strategy') && training.raw('eval_strategy')?.scalar !== false
  const strategy = written ? training.string('eval_strategy') : undefined
  if (!strategy || strategy.value === 'no') return byDefault(null, `${TRAINING}: eval_strategy no`)
  const isByEpoch = strategy.value === 'epoch'
  const steps = positive(training, 'eval_steps')?.value ?? 500
  return {
    ...strategy,
    value: {
      everySteps: isByEpoch ? null : steps,
      timesTotal: isByEpoch ? epochsOf(training) : null,
      microBatchSize: positive(training, 'per_device_eval_batch_size')?.value ?? 8,
      samples: null,
      share: 0,
    },
  }
}

/** `save_steps` above 0 wins over `save_epoch` (training_params.py to_hf). */
export function readOumiCheckpoints(training: Fields): Sourced<CheckpointPlan | null> {
  const steps = training.integer('save_steps') ?? byDefault(500, `${TRAINING}: save_steps 500`)
  if (steps.value > 0)
    return { ...steps, value: { everySteps: steps.value, timesTotal: null, includesOptimizer: true } }
  const each = training.boolean('save_epoch')
  return each?.value
    ? { ...each, value: { everySteps: null, timesTotal: epochsOf(training), includesOptimizer: true } }
    : { ...steps, value: null }
}

function epochsOf(training: Fields): number {
  return positive(training, 'num_train_epochs')?.value ?? 3
}

import { byDefault, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'
import { positive, setKey } from '../key-rows.ts'
import { TRAINING_SCHEMA } from './schema-files.ts'

/** Evaluation by val_set_size or test_datasets, once more at the start. */
export function readEvaluationPlan(fields: Fields, base: PlanDraft): Sourced<EvaluationPlan | null> {
  const held = fields.isSet('val_set_size') ? fields.number('val_set_size', { min: 0 }) : undefined
  const tested = fields.isSet('test_datasets')
  if (!tested && (!held || held.value === 0)) return byDefault(null, 'axolotl 0.18: val_set_size 0, no evaluation')
  const source: Sourced<unknown> = held ?? fields.sourced('test_datasets', true)
  const micro = base.microBatchSize
  const batch = fields.isSet('eval_batch_size') ? positive(fields, 'eval_batch_size')?.value : undefined
  const epochs = fields.isSet('num_epochs') ? (fields.number('num_epochs')?.value ?? 1) : 1
  const perEpoch = fields.isSet('evals_per_epoch') ? fields.number('evals_per_epoch', { min: 0 })?.value : undefined
  const steps = fields.isSet('eval_steps') ? fields.number('eval_steps', { min: 0 })?.value : undefined
  const wanted = fields.isSet('eval_strategy') ? fields.raw('eval_strategy')?.scalar : undefined
  if (wanted === 'no' || wanted === false) return { ...source, value: null }
  if (!steps && (perEpoch ?? 0) * epochs <= 1 && wanted !== 'steps' && wanted !== 'epoch') {
    const note =
      'axolotl 0.18 core/builders/base.py: a validation set alone, or one evaluation in all, evaluates nothing'
    return { ...source, value: null, note }
  }
  const share = held && held.value < 1 ? held.value : 0
  const samples = held && held.value >= 1 ? Math.round(held.value) : null
  const fraction = steps !== undefined && steps > 0 && steps < 1
  const times = fraction ? Math.round(1 / steps) : Math.ceil((perEpoch ?? 1) * epochs)
  const value: EvaluationPlan = {
    everySteps: steps !== undefined && steps >= 1 ? Math.round(steps) : null,
    timesTotal: steps !== undefined && steps >= 1 ? null : times + 1,
    microBatchSize: batch ?? (typeof micro === 'function' ? 1 : (micro?.value ?? 1)),
    samples,
    share,
  }
  return { ...source, value, note: 'axolotl 0.18 also evaluates at the start (eval_on_start)' }
}

/** Checkpoints, by default once an epoch. */
export function readCheckpointPlan(fields: Fields): Sourced<CheckpointPlan | null> {
  const key = setKey(fields, ['save_strategy', 'saves_per_epoch', 'save_steps'])
  const strategy = fields.raw('save_strategy')?.scalar
  const source: Sourced<unknown> = key
    ? fields.sourced(key, true)
    : byDefault(true, `${TRAINING_SCHEMA}: once per epoch`)
  if (strategy === 'no' || strategy === false) return { ...source, value: null }
  const epochs = fields.isSet('num_epochs') ? (fields.number('num_epochs')?.value ?? 1) : 1
  const steps = fields.isSet('save_steps') ? fields.number('save_steps', { min: 0 })?.value : undefined
  const perEpoch = fields.isSet('saves_per_epoch') ? fields.number('saves_per_epoch', { min: 0 })?.value : undefined
  const only = fields.isSet('save_only_model') && fields.boolean('save_only_model')?.value === true
  if (steps !== undefined && steps >= 1)
    return { ...source, value: { everySteps: Math.round(steps), timesTotal: null, includesOptimizer: !only } }
  // 0 saves an epoch is read as none given
  const times = steps ? Math.round(1 / steps) : Math.max(1, Math.ceil((perEpoch || 1) * epochs))
  return { ...source, value: { everySteps: null, timesTotal: times, includesOptimizer: !only } }
}

import type { Finding } from '../../plan/finding.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan } from '../../plan/training-plan.ts'
import type { Fields } from '../fields.ts'
import { keyTable, mapped, orDefault, section } from '../section.ts'

const BASE = 'NeMo @8cfedd7 nemo/collections/nlp/models/language_modeling/megatron_base_model.py'
const MANAGER = 'NeMo @8cfedd7 nemo/utils/exp_manager.py'

/** Keys of the events, for the reader's table. */
export const NEMO_EVENT_KEYS = [
  ...keyTable(BASE, [
    ['trainer.val_check_interval, trainer.limit_val_batches', 'evaluation', '1.0, 1.0'],
    ['model.data.splits_string, model.data.validation_ds', 'evaluation', 'no validation set'],
  ]),
  ...keyTable(MANAGER, [
    ['exp_manager.create_checkpoint_callback', 'checkpoints', 'True'],
    ['exp_manager.checkpoint_callback_params', 'checkpoints', 'every_n_epochs 1: at each validation'],
  ]),
]

interface EventOptions {
  readonly trainer: Fields
  readonly model: Fields
  /** null: no `exp_manager`, which makes the checkpoints. */
  readonly manager: Fields | null
  readonly isTuned: boolean
  readonly findings: Finding[]
}

interface Interval {
  readonly everySteps: number | null
  readonly timesTotal: number | null
}

/** Validations and checkpoints: Lightning saves at each validation unless `every_n_train_steps` says otherwise. */
export function nemoEvents(options: EventOptions): MutablePlanDraft {
  const check = orDefault(options.trainer.number('val_check_interval', { min: 0 }), 1, 'Lightning Trainer: 1.0')
  const epochs = epochsOf(options.trainer)
  const interval = intervalOf(check.value, epochs)
  const set = validationSet(options)
  return {
    evaluation:
      set === null ? byDefault(null, `${BASE}: no validation set`) : mapped(check, () => ({ ...interval, ...set })),
    checkpoints: checkpoints(options.manager, set === null ? intervalOf(1, epochs) : interval, options.findings),
  }
}

/** Training up to `max_steps` is one epoch: the data set is built that long. */
function epochsOf(trainer: Fields): number {
  if ((trainer.integer('max_steps')?.value ?? -1) > 0) return 1
  return Math.max(1, trainer.integer('max_epochs')?.value ?? 1)
}

/** Above 1 steps, else a fraction of an epoch. */
function intervalOf(check: number, epochs: number): Interval {
  return check > 1
    ? { everySteps: Math.round(check), timesTotal: null }
    : { everySteps: null, timesTotal: Math.max(1, Math.round(epochs / (check || 1))) }
}

/** A part of the pretraining data, of which `limit_val_batches` global batches are taken, or files of its own. */
function validationSet({
  trainer,
  model,
  isTuned,
  findings,
}: EventOptions): Omit<EvaluationPlan, keyof Interval> | null {
  const batches = trainer.number('limit_val_batches', { min: 0 })?.value ?? 1
  const tuned = section(model.node, 'data.validation_ds', findings)
  const [, validation] = section(model.node, 'data', findings).string('splits_string')?.value.split(',') ?? []
  if (batches === 0 || (isTuned ? tuned.node.entries.size === 0 : !(Number(validation) > 0))) return null
  const micro =
    (isTuned ? tuned.integer('micro_batch_size', { min: 1 }) : undefined) ?? model.integer('micro_batch_size')
  const whole = model.integer('global_batch_size', { min: 1 })?.value
  const samples = isTuned || batches <= 1 || whole === undefined ? null : batches * whole
  return { microBatchSize: micro?.value ?? 1, samples, share: 0 }
}

function checkpoints(
  manager: Fields | null,
  validations: Interval,
  findings: Finding[],
): Sourced<CheckpointPlan | null> {
  const made = manager?.boolean('create_checkpoint_callback')
  if (manager === null || made?.value === false) return byDefault(null, `${MANAGER}: no checkpoint callback`)
  const params = section(manager.node, 'checkpoint_callback_params', findings)
  const includesOptimizer = params.boolean('save_weights_only')?.value !== true
  const steps = params.isSet('every_n_train_steps') ? params.integer('every_n_train_steps') : undefined
  if (steps && steps.value > 0)
    return mapped(steps, everySteps => ({ everySteps, timesTotal: null, includesOptimizer }))
  const value = { ...validations, includesOptimizer }
  return made ? mapped(made, () => value) : byDefault(value, `${MANAGER}: at each validation`)
}

import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { CheckpointPlan, EvaluationPlan } from '../../plan/training-plan.ts'
import { type ConfigNode, nodeAt } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault, section } from '../section.ts'

const CONFIG = 'LLM Foundry @8c8dd48 llmfoundry/utils/config_utils.py'

/** Composer's time strings: a number of epochs, batches, samples or tokens; a bare number is epochs. */
type Unit = 'ep' | 'ba' | 'sp' | 'tok' | 'dur'

interface Duration {
  readonly amount: number
  readonly unit: Unit
}

function duration(read: Sourced<string> | undefined): Duration | null {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*(ep|ba|sp|tok|dur)?\s*$/.exec(read?.value ?? '') ?? []
  const amount = Number(number)
  return number === undefined || !Number.isFinite(amount) ? null : { amount, unit: unitOf(unit) }
}

function unitOf(text: string | undefined): Unit {
  return text === 'ba' || text === 'sp' || text === 'tok' || text === 'dur' ? text : 'ep'
}

/** How long the run is, how often it evaluates and saves. */
export function foundrySchedule(root: ConfigNode, top: Fields): MutablePlanDraft {
  const read = top.string('max_duration')
  const length = duration(read)
  if (read && length === null) top.invalid('max_duration', 'a time like 2ep, 1000ba, 5e9tok')
  const total = read && length ? sized(read, length) : {}
  return {
    ...total,
    evaluation: evaluation(root, top),
    checkpoints: checkpoints(root, top),
  }
}

function sized(read: Sourced<string>, { amount, unit }: Duration): MutablePlanDraft {
  const value = { ...read, value: Math.max(1, Math.round(amount)) }
  if (unit === 'ba') return { 'dataset.maxSteps': value }
  if (unit === 'tok') return { 'dataset.tokens': value }
  if (unit === 'sp') return { 'dataset.samples': value, 'dataset.epochs': mapped(value, () => 1) }
  return { 'dataset.epochs': value }
}

function evaluation(root: ConfigNode, top: Fields): Sourced<EvaluationPlan | null> {
  const loader = root.entries.get('eval_loader')
  const every = orDefault(top.string('eval_interval'), '1', `${CONFIG}: 1 epoch`)
  const interval = duration(every)
  if (loader === undefined || loader.kind === 'scalar' || interval === null || interval.amount === 0)
    return byDefault(null, `${CONFIG}: no eval_loader`)
  const batch = top.integer('device_eval_batch_size', { min: 1 })?.value ?? 1
  const subset = top.integer('eval_subset_num_batches')?.value ?? -1
  return mapped(every, () => ({
    ...eventsOf(interval, top),
    microBatchSize: batch,
    samples: subset > 0 ? subset * batch : null,
    share: 0,
  }))
}

/** `1dur` is the whole run; of other units as many as the run has, when it is counted in the same. */
function eventsOf(interval: Duration, top: Fields): Pick<CheckpointPlan, 'everySteps' | 'timesTotal'> {
  if (interval.unit === 'ba') return { everySteps: Math.round(interval.amount), timesTotal: null }
  const length = duration(top.string('max_duration'))
  const whole = interval.unit === 'dur' ? 1 : length?.unit === interval.unit ? length.amount : null
  return { everySteps: null, timesTotal: whole === null ? null : Math.max(1, Math.round(whole / interval.amount)) }
}

/** Composer’s own checkpoints, else those of the callback that writes Hugging Face weights. */
function checkpoints(root: ConfigNode, top: Fields): Sourced<CheckpointPlan | null> {
  const callback = nodeAt(root, 'callbacks.hf_checkpointer')
  const own = top.isSet('save_folder')
  if (!own && callback?.kind !== 'mapping') return byDefault(null, `${CONFIG}: save_folder None`)
  const every = own
    ? orDefault(top.string('save_interval'), '1000ba', `${CONFIG}: 1000ba`)
    : section(root, 'callbacks.hf_checkpointer', []).string('save_interval')
  const interval = duration(every)
  if (!every || interval === null || interval.amount === 0) return byDefault(null, 'the interval is not a time')
  const includesOptimizer = own && top.boolean('save_weights_only')?.value !== true
  return mapped(every, () => ({ ...eventsOf(interval, top), includesOptimizer }))
}

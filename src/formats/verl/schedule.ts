import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { DottedFields } from '../dotted-fields.ts'

const RL = 'verl 0.8 trainer/config/_generated_ppo_trainer.yaml'
const ACTOR = 'actor_rollout_ref.actor'

/** torch.optim without `fused` is foreach on CUDA; Megatron brings its own. */
export function readVerlOptimizer(fields: DottedFields, path: string, megatron: boolean): MutablePlanDraft {
  const named = fields.string(`${path}.optimizer`) ?? byDefault('AdamW', `${RL}: AdamW`)
  const family = /adam/i.test(named.value)
    ? 'adamw'
    : /^sgd$/i.test(named.value)
      ? 'sgd'
      : /muon/i.test(named.value)
        ? 'muon'
        : 'other'
  const eight = /8bit/i.test(named.value)
  return {
    optimizer: { ...named, value: family },
    optimizerImplementation: megatron
      ? byDefault('fused', 'Megatron core 0.20 FusedAdam')
      : byDefault('foreach', 'torch.optim: foreach on CUDA'),
    ...(eight ? { 'precision.optimizerStates': { ...named, value: 'int8' as const } } : {}),
  }
}

/** A trainer step updates once for every mini batch of its prompts; saving and testing count trainer steps. */
export function readVerlSchedule(fields: DottedFields): MutablePlanDraft {
  const prompts = fields.positive('data.train_batch_size')?.value ?? 1024
  const mini = fields.positive(`${ACTOR}.ppo_mini_batch_size`)?.value ?? 256
  const epochs = fields.positive(`${ACTOR}.ppo_epochs`)?.value ?? 1
  const updates = Math.max(1, Math.floor(prompts / mini)) * epochs
  const total = fields.positive('trainer.total_training_steps')
  const save = fields.positive('trainer.save_freq')
  const test = fields.positive('trainer.test_freq')
  const note = `${updates} update(s) a trainer step`
  return {
    'dataset.maxSteps': total ? { ...total, value: total.value * updates, note } : byDefault(null, `${RL}: null`),
    checkpoints: save
      ? { ...save, value: { everySteps: save.value * updates, timesTotal: null, includesOptimizer: true }, note }
      : byDefault(null, `${RL}: save_freq -1`),
    evaluation: test
      ? {
          ...test,
          value: { everySteps: test.value * updates, timesTotal: null, microBatchSize: 1, samples: null, share: 0 },
          note,
        }
      : byDefault(null, `${RL}: test_freq -1`),
  }
}

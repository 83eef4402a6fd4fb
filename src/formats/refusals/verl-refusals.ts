import type { Refusal } from './refusal.ts'
import { isNoMultiple, type Settings } from './settings.ts'

const ACTOR = 'actor_rollout_ref.actor'
const CONFIG = 'verl 0.8 workers/config/actor.py ActorConfig.validate'

/** Absent values are those of trainer/config/_generated_ppo_trainer.yaml; undefined: known only at start. */
function prompts(settings: Settings): number | undefined {
  return settings.numberOr('data.train_batch_size', 1024)
}

function miniBatch(settings: Settings): number | undefined {
  return settings.numberOr(`${ACTOR}.ppo_mini_batch_size`, 256)
}

function gpus(settings: Settings): number | undefined {
  const [perNode, nodes] = [settings.numberOr('trainer.n_gpus_per_node', 8), settings.numberOr('trainer.nnodes', 1)]
  return perNode === undefined || nodes === undefined ? undefined : perNode * nodes
}

/** Dynamic batches are checked for nothing; a variable may be one. */
function isFixed(settings: Settings): boolean {
  return settings.isOff(`${ACTOR}.use_dynamic_bsz`)
}

function isFsdp(settings: Settings): boolean {
  return /^fsdp2?$/.test(settings.wordOr(`${ACTOR}.strategy`, 'fsdp') ?? '')
}

/** What `main_ppo` stops at. */
export const VERL_REFUSALS: readonly Refusal[] = [
  {
    keys: [`${ACTOR}.ppo_micro_batch_size`, `${ACTOR}.ppo_micro_batch_size_per_gpu`],
    isRefused: settings =>
      isFixed(settings) &&
      settings.isWritten(`${ACTOR}.ppo_micro_batch_size`) &&
      settings.isWritten(`${ACTOR}.ppo_micro_batch_size_per_gpu`),
    rule: 'the micro-batch is given for all GPUs or for one, not both',
    hint: 'Keep `ppo_micro_batch_size_per_gpu`.',
    source: 'verl 0.8 workers/config/actor.py ActorConfig.__post_init__',
  },
  {
    keys: ['data.train_batch_size', `${ACTOR}.ppo_mini_batch_size`],
    isRefused: settings => isFixed(settings) && (prompts(settings) ?? Infinity) < (miniBatch(settings) ?? 0),
    rule: 'a mini-batch (256 when absent) is a part of the prompts of a step (1024 when absent)',
    hint: 'Make `ppo_mini_batch_size` at most `train_batch_size`.',
    source: CONFIG,
  },
  {
    keys: [`${ACTOR}.ppo_mini_batch_size`, `${ACTOR}.ppo_micro_batch_size`],
    isRefused: settings =>
      isFixed(settings) && isNoMultiple(miniBatch(settings), settings.number(`${ACTOR}.ppo_micro_batch_size`)),
    rule: 'a mini-batch (256 when absent) is cut into whole micro-batches',
    hint: 'Make the mini-batch a multiple of the micro-batch.',
    source: CONFIG,
  },
  {
    keys: ['data.train_batch_size', 'actor_rollout_ref.rollout.n', 'trainer.n_gpus_per_node', 'trainer.nnodes'],
    isRefused: settings => {
      const answers = settings.numberOr('actor_rollout_ref.rollout.n', 1)
      const asked = prompts(settings)
      if (!isFixed(settings) || !isFsdp(settings) || answers === undefined || asked === undefined) return false
      return isNoMultiple(asked * answers, gpus(settings))
    },
    rule: 'prompts × answers (1024 × 1 when absent) are shared evenly by all GPUs (8 × 1 when absent)',
    hint: 'Make `train_batch_size` × `rollout.n` a multiple of the number of GPUs.',
    source: 'verl 0.8 utils/config.py validate_config',
  },
  {
    keys: [`${ACTOR}.ulysses_sequence_parallel_size`, 'actor_rollout_ref.model.use_remove_padding'],
    isRefused: settings =>
      isFsdp(settings) &&
      (settings.number(`${ACTOR}.ulysses_sequence_parallel_size`) ?? 1) > 1 &&
      settings.isFalse('actor_rollout_ref.model.use_remove_padding'),
    rule: 'Ulysses cuts sequences without padding',
    hint: 'Set `use_remove_padding: True`.',
    source: CONFIG,
  },
]

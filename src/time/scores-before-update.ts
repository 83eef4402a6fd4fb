import { olderThan } from '../plan/library-version.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'

/**
 * verl @b178a3c trainer/ppo/ray_trainer.py _compute_old_log_prob, OpenRLHF 0.11 trainer/ppo_utils/experience_maker.py, NeMo RL @7ea279a
 * algorithms/grpo.py get_logprobs, torchtune @bd2a0fc recipes/dev/grpo_full_finetune_distributed.py generate_trajectory, trl 0.9 PPOTrainer.step.
 */
const ALWAYS = new Set(['verl', 'openrlhf', 'nemo-rl', 'torchtune', 'llama-factory'])
/** trl's GRPOTrainer and those built on it (trl 1.13 trainer/grpo_trainer.py _generate_and_score_completions). */
const WHEN_STALE = new Set(['trl', 'axolotl', 'open-r1', 'alignment-handbook', 'transformers', 'ms-swift', 'unsloth'])
/** ms-swift and Unsloth leave the correction for the engine's own log-probabilities off. */
const CORRECTS_ENGINE = new Set(['trl', 'axolotl', 'open-r1', 'alignment-handbook', 'transformers'])
const CORRECTION = { library: 'trl', version: [0, 23] } as const

/** The policy scores its own completions once before the updates that learn from them. */
export function scoresBeforeUpdate({ framework, libraries, reinforcement }: TrainingPlan): boolean {
  if (reinforcement === null || reinforcement.generation === 'none') return false
  if (ALWAYS.has(framework)) return true
  if (WHEN_STALE.has(framework) && reinforcement.iterations > 1) return true
  const corrects = CORRECTS_ENGINE.has(framework) && !olderThan(libraries, CORRECTION)
  return corrects && reinforcement.generation !== 'transformers'
}

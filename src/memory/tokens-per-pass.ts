import { promptTokens } from '../plan/prompt-tokens.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { Stage } from '../plan/vocabulary.ts'

/** Sequences that one sample brings to a forward pass: preference stages run chosen and rejected together (trl 1.13 dpo_trainer.py concatenated_forward). */
const SEQUENCES_PER_SAMPLE: Record<Stage, number> = {
  pretrain: 1,
  sft: 1,
  dpo: 2,
  kto: 1,
  orpo: 2,
  simpo: 2,
  reward: 2,
  ppo: 1,
  grpo: 1,
}

/** Tokens of one forward and backward pass on one rank: of completions with their prompts, or of as many as a packed row holds. */
export function tokensPerPass(plan: TrainingPlan): number {
  const length =
    plan.reinforcement !== null && (plan.stage === 'grpo' || plan.stage === 'ppo') && !plan.packing
      ? Math.max(1, plan.reinforcement.promptLength + plan.reinforcement.completionLength)
      : plan.sequenceLength
  return (
    (plan.microBatchSize * SEQUENCES_PER_SAMPLE[plan.stage] * (length + promptTokens(plan))) / plan.parallelism.context
  )
}

/**
 * Trainers whose head runs over the prompt too: verl @b178a3c workers/actor/dp_actor.py, OpenRLHF 0.11 models/actor.py, NeMo RL @7ea279a
 * models/automodel/train.py, torchtune @bd2a0fc recipes/dev/grpo_full_finetune_distributed.py, open-instruct @e6c3044 grpo_fast.py.
 */
const HEADS_OVER_PROMPTS = new Set(['verl', 'openrlhf', 'nemo-rl', 'torchtune', 'open-instruct', 'megatron'])

/** Tokens whose logits are computed: trl's reinforcement stages ask for the completion only (trl 1.13 grpo_trainer.py `logits_to_keep`). */
export function logitTokensPerPass(plan: TrainingPlan): number {
  const completion = plan.reinforcement?.completionLength ?? 0
  const reinforced = (plan.stage === 'grpo' || plan.stage === 'ppo') && !HEADS_OVER_PROMPTS.has(plan.framework)
  return reinforced && completion > 0
    ? (plan.microBatchSize * completion) / plan.parallelism.context
    : tokensPerPass(plan)
}

import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { DottedFields } from '../dotted-fields.ts'
import type { ShippedBase } from './shipped-bases.ts'

/**
 * The reference policy is kept on the host and swapped in before training (workers/dtensor_policy_worker_v2.py
 * use_reference_model), so that it takes no memory in the update. A colocated engine sleeps during the update, and the
 * policy is on the host while it runs (offload_after_refit): the two never share a GPU. Logits are made for the whole
 * sequence, which therefore counts as completion.
 */
export function nemoRlReinforcement(
  fields: DottedFields,
  stage: Stage,
  base: ShippedBase,
): Sourced<ReinforcementPlan | null> {
  if (stage === 'sft' || stage === 'reward') return byDefault(null, 'no preference or reinforcement section')
  const isPreference = stage === 'dpo'
  const kl =
    isPreference || (fields.number('loss_fn.reference_policy_kl_penalty', { min: 0 })?.value ?? base.klPenalty) > 0
  const backend = fields.string('policy.generation.backend')?.value ?? 'vllm'
  const isApart = fields.boolean('policy.generation.colocated.enabled')?.value === false
  const isEngine = backend !== 'megatron'
  const generations =
    fields.positive(`${stage}.num_generations_per_prompt`)?.value ?? (isPreference ? 1 : base.generationsPerPrompt)
  return byDefault(
    {
      referenceModel: kl ? 'precomputed' : 'none',
      generations,
      promptLength: 0,
      completionLength: isPreference
        ? 0
        : (fields.positive('policy.max_total_sequence_length')?.value ?? base.sequenceLength),
      iterations: 1,
      generation: isPreference ? 'none' : isApart ? 'vllm_server' : isEngine ? 'vllm_colocate' : 'transformers',
      colocatedMemoryShare: 0,
      sleepMode: true,
      rewardModel: false,
      valueModel: stage === 'ppo',
    },
    'NeMo RL: generation and reference policy of the config',
  )
}

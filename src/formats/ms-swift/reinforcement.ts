import type { PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { positive, setKey } from '../key-rows.ts'

/** The first that is set counts (arguments/rlhf_args.py _init_max_completion_length). */
export const COMPLETION_KEYS = ['response_length', 'max_new_tokens', 'max_completion_length'] as const

/** Reference model and generation of `swift rlhf`. */
export function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const isOn = (key: string): boolean => fields.isSet(key) && fields.boolean(key)?.value === true
  const count = (key: string): number | undefined => (fields.isSet(key) ? positive(fields, key)?.value : undefined)
  const online = stage.value === 'grpo' || stage.value === 'ppo'
  const beta = fields.isSet('beta') ? fields.number('beta')?.value : undefined
  const free = ['orpo', 'simpo', 'reward'].includes(stage.value) || (stage.value === 'grpo' && beta === 0)
  const separate = full || fields.isSet('ref_model')
  const vllm = online && isOn('use_vllm')
  const mode = fields.isSet('vllm_mode') ? fields.string('vllm_mode')?.value : undefined
  const rollout = fields.raw('rollout')?.kind === 'mapping' ? fields.mapping('rollout') : undefined
  const colocated = vllm && mode !== 'server' && !generatesApart(fields, rollout)
  const share = [rollout, fields]
    .find(section => section?.isSet('vllm_gpu_memory_utilization'))
    ?.number('vllm_gpu_memory_utilization', { min: 0, max: 1 })?.value
  const completionKey = setKey(fields, COMPLETION_KEYS)
  const sleep = fields.isSet('sleep_level') ? (fields.integer('sleep_level', { min: 0 })?.value ?? 0) : 0
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : separate ? 'separate' : 'shared',
      generations: stage.value === 'grpo' ? (count('num_generations') ?? 8) : 1,
      promptLength: count('max_prompt_length') ?? count('max_length') ?? 512,
      completionLength: completionKey === undefined ? 512 : (count(completionKey) ?? 512),
      iterations: (stage.value === 'ppo' ? (count('num_ppo_epochs') ?? 4) : count('num_iterations')) ?? 1,
      generation: !online ? 'none' : vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers',
      colocatedMemoryShare: colocated ? (share ?? 0.9) : 0,
      ...(fields.isSet('ds3_gather_for_generation') ? { gathersForGeneration: isOn('ds3_gather_for_generation') } : {}),
      sleepMode: sleep > 0,
      rewardModel: fields.isSet('reward_model'),
      valueModel: stage.value === 'ppo',
    },
    note: 'ms-swift 4.6 arguments/rlhf_args.py',
  }
}

/** Under Ray the groups `train` and `rollout` have GPUs of their own unless `colocate_groups` joins them (ms-swift 4.6 examples/ray). */
function generatesApart(fields: Fields, rollout: Fields | undefined): boolean {
  const groups = fields.raw('colocate_groups')?.items ?? []
  const joined = groups.some(group => group.items.some(({ scalar }) => scalar === 'rollout'))
  return rollout?.isSet('gpus') === true && !joined
}

import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import type { PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'

/** Reference model and generation of the preference and GRPO trainers. */
export function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
  libraries: Libraries,
): Sourced<ReinforcementPlan> {
  const trl = fields.raw('trl')?.kind === 'mapping' ? fields.mapping('trl') : undefined
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const copies = fields.isSet('rl_adapter_ref_model') && fields.boolean('rl_adapter_ref_model')?.value === true
  const precomputed = fields.isSet('precompute_ref_log_probs') && fields.boolean('precompute_ref_log_probs')?.value
  const beta = trl?.number('beta') ?? versionDefault('trl.grpo_beta', libraries)
  const free =
    stage.value === 'orpo' ||
    stage.value === 'simpo' ||
    stage.value === 'reward' ||
    (stage.value === 'grpo' && beta.value === 0)
  const online = stage.value === 'grpo'
  const vllm = trl?.boolean('use_vllm')?.value === true
  const mode = trl?.string('vllm_mode')?.value ?? versionDefault('trl.vllm_mode', libraries).value
  const colocated = online && vllm && mode === 'colocate'
  const completion = trl?.integer('max_completion_length', { min: 1 })?.value
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : precomputed ? 'precomputed' : full || copies ? 'separate' : 'shared',
      generations: online ? (trl?.integer('num_generations', { min: 1 })?.value ?? 8) : 1,
      promptLength: 512,
      completionLength: completion ?? versionDefault('trl.grpo_completion_length', libraries).value,
      iterations: trl?.integer('num_iterations', { min: 1 })?.value ?? 1,
      generation: online ? (vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers') : 'none',
      colocatedMemoryShare: colocated ? (trl?.number('vllm_gpu_memory_utilization')?.value ?? 0.3) : 0,
      sleepMode: trl?.boolean('vllm_enable_sleep_mode')?.value === true,
      rewardModel: false,
      valueModel: false,
    },
  }
}

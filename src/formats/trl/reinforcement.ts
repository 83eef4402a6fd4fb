import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { positive } from '../key-rows.ts'
import { generationLengths } from './lengths.ts'

interface OnlineDefaults {
  readonly beta: Sourced<number>
  readonly generations: number
  readonly libraries: Libraries
}

/** RLOO keeps a reference model and generates two answers; GRPO neither (trl 1.13 trainer/rloo_config.py, grpo_config.py). */
export function onlineDefaults(path: string, libraries: Libraries): OnlineDefaults {
  if (/(^|[^a-z])rloo([^a-z]|$)/i.test(path))
    return { beta: byDefault(0.05, 'trl 1.13 trainer/rloo_config.py: 0.05'), generations: 2, libraries }
  return { beta: versionDefault('trl.grpo_beta', libraries), generations: 8, libraries }
}

const OTHER_GENERATION = 'completions are generated for other micro-batches than those of one update'

/** Left out of the estimate; `steps_per_generation` is that of an update by default. */
export function onlineUnmodelled(fields: Fields): Readonly<Record<string, string>> {
  const steps = fields.isSet('steps_per_generation') ? positive(fields, 'steps_per_generation')?.value : undefined
  const accumulation = positive(fields, 'gradient_accumulation_steps')?.value ?? 1
  return {
    cast_lm_head_to_fp32: 'the head and its logits in float32',
    generation_batch_size: OTHER_GENERATION,
    ...(steps === accumulation ? {} : { steps_per_generation: OTHER_GENERATION }),
  }
}

/** Reference model and generation. */
export function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
  { beta: defaultBeta, generations: defaultGenerations, libraries }: OnlineDefaults,
): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const online = stage.value === 'grpo'
  const isOn = (key: string): boolean => fields.isSet(key) && fields.boolean(key)?.value === true
  const beta = (fields.isSet('beta') ? fields.number('beta') : undefined) ?? defaultBeta
  const free = ['orpo', 'simpo', 'reward'].includes(stage.value) || (online && beta.value === 0)
  const reference = free ? 'none' : isOn('precompute_ref_log_probs') ? 'precomputed' : full ? 'separate' : 'shared'
  const { prompt, completion } = generationLengths(fields, libraries)
  const vllm = online && isOn('use_vllm')
  const mode =
    (fields.isSet('vllm_mode') ? fields.string('vllm_mode')?.value : undefined) ??
    versionDefault('trl.vllm_mode', libraries).value
  const colocated = vllm && mode === 'colocate'
  const share = fields.isSet('vllm_gpu_memory_utilization')
    ? fields.number('vllm_gpu_memory_utilization', { min: 0, max: 1 })?.value
    : undefined
  const generations = fields.isSet('num_generations') ? positive(fields, 'num_generations')?.value : undefined
  const iterations = fields.isSet('num_iterations') ? positive(fields, 'num_iterations')?.value : undefined
  return {
    ...stage,
    value: {
      referenceModel: reference,
      generations: online ? (generations ?? defaultGenerations) : 1,
      promptLength: prompt.value,
      completionLength: completion.value,
      iterations: iterations ?? 1,
      generation: !online ? 'none' : vllm ? (colocated ? 'vllm_colocate' : 'vllm_server') : 'transformers',
      colocatedMemoryShare: colocated ? (share ?? versionDefault('trl.vllm_memory_share', libraries).value) : 0,
      ...(fields.isSet('ds3_gather_for_generation') ? { gathersForGeneration: isOn('ds3_gather_for_generation') } : {}),
      sleepMode: isOn('vllm_enable_sleep_mode'),
      rewardModel: false,
      valueModel: false,
    },
    note: `reference model: ${reference}`,
  }
}

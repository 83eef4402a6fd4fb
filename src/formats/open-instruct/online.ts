import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import { type ConfigNode, hasAnyKey } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { setKey } from '../key-rows.ts'
import { mapped, orDefault } from '../section.ts'
import { mixtureDraft } from './mixture.ts'

const GRPO = 'open-instruct @e6c3044 open_instruct/grpo_utils.py'
const DATA = 'open-instruct @e6c3044 open_instruct/data_loader.py'
const TRAINER = 'open-instruct @e6c3044 open_instruct/grpo_fast.py'

export function isOnlineTraining(root: ConfigNode): boolean {
  return hasAnyKey(
    root,
    'num_unique_prompts_rollout',
    'num_samples_per_prompt_rollout',
    'num_learners_per_node',
    'deepspeed_stage',
  )
}

/** GRPO on learners of their own, vLLM engines on further GPUs unless `single_gpu_mode`. */
export function readOnlineTraining(fields: Fields): MutablePlanDraft {
  const number = (key: string, fallback: number, source: string): Sourced<number> =>
    orDefault(fields.integer(key, { min: 0 }), fallback, `${source}: ${fallback}`)
  const length = number('pack_length', 512, DATA)
  const prompt = number('max_prompt_token_length', 256, DATA)
  const response = number('response_length', 256, DATA)
  const prompts = number('num_unique_prompts_rollout', 16, DATA)
  const samples = number('num_samples_per_prompt_rollout', 4, DATA)
  const rollouts = prompts.value * samples.value
  const rows = Math.max(1, Math.ceil((rollouts * (prompt.value + response.value)) / Math.max(1, length.value)))
  const updates =
    Math.max(1, number('num_mini_batches', 1, GRPO).value) * Math.max(1, number('num_epochs', 1, GRPO).value)
  const episodes = number('total_episodes', 100_000, GRPO)
  const steps =
    fields.integer('num_training_steps', { min: 1 }) ??
    mapped(episodes, total => Math.max(1, Math.floor(total / rollouts)))
  const single = orDefault(fields.boolean('single_gpu_mode'), false, `${GRPO}: False`)
  const stage = number('deepspeed_stage', 0, GRPO)
  const keepsReference = orDefault(fields.boolean('load_ref_policy'), true, `${GRPO}: True`)
  const share = fields.number('vllm_gpu_memory_utilization', { min: 0, max: 1 })?.value ?? 0.9
  return {
    stage: byDefault('grpo', 'grpo_fast.py'),
    sequenceLength: length,
    packing: byDefault(true, `${DATA}: rows of pack_length tokens`),
    variableLength: byDefault(true, 'rows differ in what they hold'),
    'dataset.padding': byDefault('none', `${DATA}: packed`),
    ...mixtureDraft(fields),
    'dataset.maxSteps': mapped(steps, count => count * updates),
    globalBatchSize: mapped(prompts, () =>
      Math.max(1, Math.ceil(rows / Math.max(1, number('num_mini_batches', 1, GRPO).value))),
    ),
    gradientAccumulationSteps: byDefault('auto', `${TRAINER}: rows of a mini-batch ÷ micro-batch ÷ learners`),
    gpus: learners(fields, single),
    gradientCheckpointing: byDefault('full', `${TRAINER}: gradient_checkpointing_enable()`),
    'parallelism.data': mapped(stage, value => (['ddp', 'zero1', 'zero2', 'zero3'] as const)[value] ?? 'ddp'),
    'precision.weights': byDefault('bfloat16', `${TRAINER}: dtype bfloat16`),
    'precision.gradients': byDefault(
      'float32',
      'open-instruct @e6c3044 open_instruct/utils.py get_train_ds_config: grad_accum_dtype fp32',
    ),
    'precision.masterWeights': byDefault(true, 'DeepSpeed: float32 master copy of what trains'),
    'parallelism.offload': fields.boolean('deepspeed_offload_param')?.value
      ? byDefault('parameters_and_optimizer', 'deepspeed_offload_param')
      : fields.boolean('deepspeed_offload_optimizer')?.value
        ? byDefault('optimizer', 'deepspeed_offload_optimizer')
        : byDefault('none', `${GRPO}: False`),
    reinforcement: mapped(keepsReference, on => ({
      referenceModel: on ? 'separate' : 'none',
      generations: samples.value,
      promptLength: Math.max(0, length.value - response.value),
      completionLength: Math.min(response.value, length.value),
      iterations: 1,
      generation: single.value ? 'vllm_colocate' : 'vllm_server',
      colocatedMemoryShare: single.value ? share : 0,
      sleepMode: false,
      rewardModel: false,
      valueModel: false,
    })),
  }
}

function learners(fields: Fields, single: Sourced<boolean>): Sourced<number> {
  if (single.value) return mapped(single, () => 1)
  const key = setKey(fields, ['num_learners_per_node', 'actor_num_gpus_per_node'])
  const listed = key ? fields.strings(key) : undefined
  if (!listed) return byDefault(1, `${GRPO}: [1]`)
  const total = listed.value.reduce((sum, text) => sum + (Number(text) || 0), 0)
  return mapped(listed, () => Math.max(1, total))
}

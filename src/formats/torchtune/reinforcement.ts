import { NO_GENERATION } from '../../plan/no-generation.ts'
import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { section } from '../section.ts'

const PPO = 'torchtune @bd2a0fc recipes/ppo_full_finetune_single_device.py'
const GRPO = 'torchtune @bd2a0fc recipes/dev/grpo_full_finetune_distributed.py'
const DPO = 'torchtune @bd2a0fc recipes/full_dpo_distributed.py, lora_dpo_distributed.py'

/** What preference and reinforcement recipes hold beside the model, and how they batch. */
export function readTorchtuneReinforcement(
  top: Fields,
  {
    stage,
    lora,
    promptLength,
  }: { readonly stage: Sourced<Stage>; readonly lora: boolean; readonly promptLength: Sourced<number> | undefined },
): MutablePlanDraft {
  if (stage.value === 'dpo')
    return {
      reinforcement: { ...stage, value: { ...NO_GENERATION, referenceModel: lora ? 'shared' : 'separate' }, note: DPO },
    }
  if (stage.value !== 'ppo' && stage.value !== 'grpo') return {}
  const count = (key: string) => top.integer(key, { min: 1 })
  const inference = section(top.node, 'inference', [])
  const completion = count('max_generated_tokens') ?? inference.integer('max_generated_tokens', { min: 1 })
  const prompt = promptLength?.value ?? 512
  const samples = (count('grpo_samples') ?? inference.integer('group_size', { min: 1 }))?.value ?? 1
  const online: ReinforcementPlan = {
    ...NO_GENERATION,
    referenceModel: 'separate',
    generations: stage.value === 'grpo' ? samples : 1,
    promptLength: prompt,
    completionLength: completion?.value ?? 0,
    iterations: count('ppo_epochs')?.value ?? 1,
    generation: 'transformers',
    rewardModel: stage.value === 'ppo',
    valueModel: stage.value === 'ppo',
  }
  const source = stage.value === 'ppo' ? PPO : GRPO
  const draft: MutablePlanDraft = { reinforcement: { ...stage, value: online, note: source } }
  if (completion) {
    const note = `prompt ${prompt} + max_generated_tokens ${completion.value}`
    draft.sequenceLength = { ...completion, value: prompt + completion.value, note }
  }
  return { ...draft, ...(stage.value === 'ppo' ? readPpoBatch(top) : readGrpoBatch(top, samples)) }
}

/** `batch_size` trajectories a step, `ppo_batch_size` of them an update, in accumulated parts. */
function readPpoBatch(top: Fields): MutablePlanDraft {
  const update = top.integer('ppo_batch_size', { min: 1 })
  const batch = top.integer('batch_size', { min: 1 })
  const trajectories = top.integer('num_steps', { min: 1 })
  const accumulation = top.integer('gradient_accumulation_steps', { min: 1 })?.value ?? 1
  const epochs = top.integer('ppo_epochs', { min: 1 })?.value ?? 1
  if (!update || !batch) return {}
  const micro = { ...update, value: Math.max(1, Math.floor(update.value / accumulation)) }
  if (!trajectories) return { microBatchSize: micro }
  const updates = Math.floor(trajectories.value / batch.value) * epochs * Math.floor(batch.value / update.value)
  const note = `num_steps ÷ batch_size × ppo_epochs × batch_size ÷ ppo_batch_size`
  return { microBatchSize: micro, 'dataset.maxSteps': { ...trajectories, value: Math.max(1, updates), note } }
}

/** Every prompt of a forward batch gives `grpo_samples` sequences. */
function readGrpoBatch(top: Fields, samples: number): MutablePlanDraft {
  const forward = top.integer('forward_batch_size', { min: 1 }) ?? top.integer('batch_size', { min: 1 })
  const apart = section(top.node, 'orchestration', []).integer('num_steps', { min: 1 })
  const steps = top.integer('num_steps', { min: 1 }) ?? apart
  // its workers take batch_size finished sequences from the replay buffer
  if (apart) return { 'dataset.maxSteps': apart }
  return {
    ...(forward
      ? { microBatchSize: { ...forward, value: forward.value * samples, note: `${samples} samples a prompt` } }
      : {}),
    ...(steps ? { 'dataset.maxSteps': steps } : {}),
  }
}

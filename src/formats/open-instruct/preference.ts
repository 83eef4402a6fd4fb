import { NO_GENERATION } from '../../plan/no-generation.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { type ConfigNode, hasAnyKey } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault } from '../section.ts'
import { isOnlineTraining } from './online.ts'

export type TrainerKind = 'sft' | 'dpo' | 'reward' | 'grpo'

/** The script tells the stage; a config names none, so its keys or, last, the words of its path do. */
export function trainerKind(root: ConfigNode, path: string): TrainerKind {
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (isOnlineTraining(root) || /^grpo(?:_fast)?\.py /.test(name)) return 'grpo'
  if (/^reward_modeling\.py /.test(name)) return 'reward'
  if (/^finetune\.py /.test(name)) return 'sft'
  const isPaired = hasAnyKey(root, 'loss_type', 'gamma_beta_ratio', 'concatenated_forward', 'dpo_use_paged_optimizer')
  return isPaired || /^dpo\w*\.py /.test(name) || hasAnyKey(root, 'beta') || /(?:^|[/_.-])dpo(?=[/_.-])/i.test(path)
    ? 'dpo'
    : 'sft'
}

/** Reference log-probabilities are computed before training and cached (dpo_tune_cache.py build_reference_logprobs_cache). */
export function readPreference(fields: Fields, kind: TrainerKind): MutablePlanDraft {
  if (kind !== 'dpo') return { stage: byDefault(kind === 'reward' ? 'reward' : 'sft', 'open_instruct/finetune.py') }
  const loss = orDefault(fields.string('loss_type'), 'dpo_norm', 'open-instruct @e6c3044 dpo_utils.py: dpo_norm')
  const isFree = loss.value === 'simpo'
  return {
    stage: mapped(loss, () => (isFree ? 'simpo' : 'dpo')),
    reinforcement: mapped(loss, () => ({
      ...NO_GENERATION,
      referenceModel: isFree ? 'none' : 'precomputed',
    })),
  }
}

import type { PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ReinforcementPlan } from '../../plan/training-plan.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { positive } from '../key-rows.ts'

/** Reference, reward and value models of the preference stages. */
export function readReinforcement(
  fields: Fields,
  adapter: PlanDraft,
  stage: Sourced<Stage>,
): Sourced<ReinforcementPlan> {
  const type = adapter['adapter.type']
  const lora = typeof type !== 'function' && (type?.value === 'lora' || type?.value === 'dora')
  const free = stage.value === 'orpo' || stage.value === 'simpo' || stage.value === 'reward'
  const named = fields.isSet('ref_model')
  const online = stage.value === 'ppo'
  return {
    ...stage,
    value: {
      referenceModel: free ? 'none' : lora && !named ? 'shared' : 'separate',
      generations: 1,
      promptLength: 512,
      completionLength: 512,
      iterations: online ? (fields.isSet('ppo_epochs') ? (positive(fields, 'ppo_epochs')?.value ?? 4) : 4) : 1,
      generation: online ? 'transformers' : 'none',
      colocatedMemoryShare: 0,
      sleepMode: false,
      rewardModel: online && fields.isSet('reward_model'),
      valueModel: false,
    },
    note: 'LLaMA-Factory train/*/workflow.py: a reference model unless LoRA, ORPO or SimPO',
  }
}

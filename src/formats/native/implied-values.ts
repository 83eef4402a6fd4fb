import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { NO_GENERATION } from '../../plan/no-generation.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'
import { ALPACA_SHARE, LITGPT_EVALUATION, litgptEvaluation } from '../litgpt-evaluation.ts'

/**
 * DPO and KTO compare with a reference unless the plan says otherwise: the base without its adapter, or else a frozen second copy
 * (trl 1.13 dpo_trainer.py, kto_trainer.py). What generates in PPO and GRPO, and how much, only the plan can say.
 */
export function implyReinforcement(draft: MutablePlanDraft, fields: Fields, findings: Finding[]): void {
  const { stage, 'adapter.type': adapter } = draft
  const name = typeof stage === 'object' ? stage.value : null
  if (name === 'dpo' || name === 'kto') {
    const referenceModel = typeof adapter === 'object' && adapter.value !== null ? 'shared' : 'separate'
    draft.reinforcement = byDefault({ ...NO_GENERATION, referenceModel }, `trl 1.13: ${name} with a reference model`)
  }
  if (name === 'ppo' || name === 'grpo')
    findings.push(
      finding('assumed-default', {
        path: fields.node.path,
        line: fields.raw('stage')?.line ?? fields.node.line,
        message: `\`reinforcement\` is missing: generation and other models of ${name} are not in the figures.`,
        hint: 'Give `reinforcement` with `generation`, `generations`, `completion_length` and `reference_model`.',
      }),
    )
}

/** LitGPT validates whatever the plan says. */
export function implyEvaluation(draft: MutablePlanDraft): void {
  const stated = <T>(read: Sourced<T> | ((...facts: never) => unknown) | undefined): T | null =>
    typeof read === 'object' ? read.value : null
  if (stated(draft.framework) !== 'litgpt') return
  const pretrain = stated(draft.stage) === 'pretrain'
  const lora = stated(draft['adapter.type']) !== null
  const microBatchSize = stated(draft.microBatchSize) ?? 1
  draft.evaluation = ({ gpus }) =>
    byDefault(litgptEvaluation({ pretrain, lora, microBatchSize, gpus, share: ALPACA_SHARE }), LITGPT_EVALUATION)
}

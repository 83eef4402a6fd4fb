import { type PlanDraft, statedValue } from './plan-draft.ts'

/** The run writes its own answers: a record of its data is a prompt, not a sequence that it trains on. */
function generates({ reinforcement, stage }: PlanDraft): boolean {
  const stated = statedValue(reinforcement)
  if (stated) return stated.generation !== 'none'
  const name = statedValue(stage)
  return name === 'ppo' || name === 'grpo'
}

/** Mean tokens of a trained sequence by those of a record; null: they do not tell. */
export function sequenceTokensOf(draft: PlanDraft, recordTokens: number): number | null {
  if (!generates(draft)) return recordTokens
  const completion = statedValue(draft['reinforcement.meanCompletionLength'])
  return completion == null ? null : recordTokens + completion
}

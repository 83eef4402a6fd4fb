import type { TrainingPlan } from './training-plan.ts'
import type { AdapterType } from './vocabulary.ts'

/** Virtual tokens that stand before every sequence; those of prefix tuning are keys and values only (peft 0.21 peft_model.py PeftModelForCausalLM.forward). */
const PREPENDED: ReadonlySet<AdapterType> = new Set<AdapterType>(['prompt', 'p_tuning'])

/** Tokens that an adapter adds to each sequence. */
export function promptTokens({ adapter }: TrainingPlan): number {
  return adapter !== null && PREPENDED.has(adapter.type) ? adapter.virtualTokens : 0
}

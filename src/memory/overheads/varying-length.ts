import type { TrainingPlan } from '../../plan/training-plan.ts'

/** Trainers whose collator pads each batch to its own longest sample (transformers 5.18 data/data_collator.py; ms-swift template/base.py). */
const PADS_TO_LONGEST = new Set(['transformers', 'trl', 'ms-swift', 'llama-factory', 'axolotl', 'unsloth'])

/** Do the shapes of batches change from step to step? */
export function variesInLength(plan: TrainingPlan): boolean {
  return (
    plan.variableLength || (!plan.packing && plan.dataset.padding !== 'none' && PADS_TO_LONGEST.has(plan.framework))
  )
}

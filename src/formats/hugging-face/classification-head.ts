import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Fields } from '../fields.ts'
import { positive } from '../key-rows.ts'

/** transformers 5.18 configuration_utils.py PreTrainedConfig: num_labels 2. */
const LABELS = byDefault(2, 'transformers PreTrainedConfig: num_labels 2')

/** The head of AutoModelForSequenceClassification in the place of the vocabulary head; empty: the run is no classifier. */
export function readClassificationHead(fields: Fields, isClassifier: boolean): MutablePlanDraft {
  if (!isClassifier) return {}
  const labels = fields.isSet('num_labels') ? positive(fields, 'num_labels') : undefined
  return { classificationLabels: labels ?? LABELS }
}

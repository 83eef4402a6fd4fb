import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readClassificationHead } from '../hugging-face/classification-head.ts'

const META = 'ms-swift 4.6 model/model_meta.py'

/** What a sample of these tasks brings into one micro-batch besides itself (template/base.py _data_collator). */
const COMPANIONS: Readonly<Record<string, string>> = {
  embedding: 'its positive and negative texts',
  reranker: 'one document more for each negative, up to 7',
  generative_reranker: 'one document more for each negative, up to 7',
}

/**
 * What stands at the end of the model. Without `task_type` a number of labels makes a classifier; `rlhf_type: rm` sets its one
 * label itself. A reranker has one score. Embeddings are hidden states, and the generative reranker multiplies by two rows of the
 * head: both keep the head's weights and make no logits of the vocabulary (model/patcher.py patch_output_normalizer,
 * model/register.py _patch_generative_reranker).
 */
export function readTask(fields: Fields, stage: Sourced<Stage>, findings: Finding[]): MutablePlanDraft {
  if (stage.value === 'reward') return {}
  const named = fields.isSet('task_type') ? fields.string('task_type') : undefined
  const task = named?.value ?? (fields.isSet('num_labels') ? 'seq_cls' : 'causal_lm')
  const companions = COMPANIONS[task]
  if (named && companions !== undefined) {
    const { path = null, line = null, column = null } = named
    const message = `A sample of \`${task}\` brings ${companions} into the micro-batch; the figures are those of one text a sample.`
    findings.push(finding('unsupported-option', { path, line, column, message }))
  }
  if (task === 'seq_cls') return readClassificationHead(fields, true)
  if (task === 'reranker')
    return fields.isSet('num_labels')
      ? readClassificationHead(fields, true)
      : { classificationLabels: byDefault(1, `${META}: num_labels 1 for reranker`) }
  if (task === 'embedding' || task === 'generative_reranker')
    return {
      loss: { ...(named ?? byDefault('', META)), value: 'cut_cross_entropy', note: 'no logits of the vocabulary' },
    }
  return {}
}

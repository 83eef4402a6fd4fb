import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { datasetNames } from '../hugging-face/references.ts'

import { DATA } from './keys.ts'

/** Packing, padding and the size that max_samples caps. */
export function readData(fields: Fields, stage: Sourced<Stage>): MutablePlanDraft {
  const names = datasetNames(fields, ['dataset'])
  const own = fields.isSet('packing') ? fields.boolean('packing') : undefined
  const neat = fields.isSet('neat_packing') ? fields.boolean('neat_packing') : undefined
  const packing =
    (neat?.value ? neat : own) ?? byDefault(stage.value === 'pretrain', `${DATA}: packing only for stage pt`)
  const cap = fields.isSet('max_samples') ? fields.integer('max_samples', { min: 1 }) : undefined
  const count = names?.value.length ?? 0
  const note = packing.value
    ? 'LLaMA-Factory: packed rows fill cutoff_len'
    : 'LLaMA-Factory: padded to the longest of the batch, rounded up to 8'
  return {
    packing,
    variableLength: byDefault(!packing.value, note),
    'dataset.padding': byDefault(packing.value ? 'none' : 'longest', note),
    ...(names ? { 'dataset.names': names } : {}),
    ...(cap && count > 0
      ? {
          'dataset.samples': {
            ...cap,
            value: cap.value * count,
            from: 'assumed',
            note: `max_samples caps each of ${count} data set(s); they may hold less`,
          },
        }
      : {}),
  }
}

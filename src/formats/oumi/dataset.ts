import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { type ConfigNode, nodeAt } from '../config-document.ts'
import type { Fields } from '../fields.ts'

const DATA = 'Oumi @d8ed077 src/oumi/core/configs/params/data_params.py'

/** `data.train.datasets`: the names, and how many samples of each are taken where all say so. */
export function readDatasets(train: Fields): MutablePlanDraft {
  const list = train.raw('datasets')
  if (list?.kind !== 'sequence') return {}
  const names = list.items.flatMap(nameOf)
  const counts = list.items.map(item => item.entries.get('sample_count')?.scalar)
  const mixes = list.items.some(item => isWritten(item, 'mixture_proportion'))
  const total = counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : Number.NaN), 0)
  const isCounted = !mixes && counts.length > 0 && total > 0
  return {
    'dataset.names': train.sourced('datasets', names),
    ...(isCounted ? { 'dataset.samples': train.sourced('datasets', total, 'the sample_count of every data set') } : {}),
    ...(list.items.some(takesPart) ? { 'dataset.whole': train.sourced('datasets', false) } : {}),
  }
}

/** `dataset_path` is what a registered kind of data set reads (`text_sft` with a file of conversations). */
function nameOf(item: ConfigNode): readonly string[] {
  for (const key of ['dataset_path', 'dataset_name']) {
    const name = nodeAt(item, key)?.scalar
    if (typeof name === 'string') return [name]
  }
  return []
}

function takesPart(item: ConfigNode): boolean {
  const split = nodeAt(item, 'split')?.scalar ?? 'train'
  return split !== 'train' || ['sample_count', 'mixture_proportion', 'subset'].some(key => isWritten(item, key))
}

function isWritten(item: ConfigNode, key: string): boolean {
  return (item.entries.get(key)?.scalar ?? null) !== null
}

/** Rows of `model.model_max_length` tokens cut from one stream (core/datasets/pretraining_async_text_dataset.py); null: not packed. */
export function readPackedRows(train: Fields, model: Fields): MutablePlanDraft | null {
  const pack = train.boolean('pack')
  if (!pack?.value) return null
  const note = 'Oumi @d8ed077 core/datasets/pretraining_async_text_dataset.py: rows of seq_length tokens'
  return {
    packing: pack,
    sequenceLength: model.integer('model_max_length', { min: 1 }) ?? byDefault(1024, `${note}, 1024`),
    variableLength: byDefault(false, note),
    'dataset.padding': byDefault('none', note),
  }
}

export const UNPACKED = byDefault(false, `${DATA}: pack False`)

import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Fields } from '../fields.ts'
import { setKey } from '../key-rows.ts'

/**
 * Names and, where every part is given as a number of samples, the size of a mixture: a mapping of name to share or
 * count, or a list of names and numbers in turn (open_instruct/utils.py get_datasets: up to 1 is a share).
 */
export function mixtureDraft(fields: Fields): MutablePlanDraft {
  const limit = fields.integer('max_train_samples', { min: 1 })
  const key = setKey(fields, ['dataset_mixer', 'dataset_mixer_list', 'mixer_list', 'dataset_name'])
  const node = key === undefined ? undefined : fields.raw(key)
  if (key === undefined || node === undefined) return limit ? { 'dataset.samples': limit } : {}
  const words = node.items.map(({ scalar }) => String(scalar ?? '')).flatMap(text => text.split(/\s+/).filter(Boolean))
  const parts: readonly (readonly [string, number])[] =
    node.kind === 'mapping'
      ? [...node.entries].map(([name, { scalar }]) => [name, Number(scalar)])
      : node.kind === 'sequence'
        ? words.flatMap((name, index) => (index % 2 === 0 ? [[name, Number(words[index + 1])] as const] : []))
        : [[String(node.scalar), Number.NaN]]
  const counts = parts.map(([, amount]) => amount)
  const isCounted = counts.length > 0 && counts.every(count => Number.isInteger(count) && count > 1)
  const total = counts.reduce((sum, count) => sum + count, 0)
  return {
    'dataset.names': fields.sourced(
      key,
      parts.map(([name]) => name),
    ),
    ...(limit ? { 'dataset.samples': limit } : isCounted ? { 'dataset.samples': fields.sourced(key, total) } : {}),
    'dataset.dropLast': byDefault(false, 'torch DataLoader'),
  }
}

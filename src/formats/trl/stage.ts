import { byDefault } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Stage } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { setKey } from '../key-rows.ts'

/** The stage that keys tell, else the words of the path: recipes carry it in folder or file name. */
export function readStage(fields: Fields, path: string): Sourced<Stage> {
  if (fields.isSet('desirable_weight')) return fields.sourced('desirable_weight', 'kto')
  const online = setKey(fields, ['num_generations', 'reward_funcs', 'max_completion_length', 'vllm_mode'])
  if (online) return fields.sourced(online, 'grpo')
  const words = path.toLowerCase().split(/[^a-z]+/)
  const named = (['orpo', 'kto', 'dpo', 'grpo', 'simpo', 'reward'] as const).find(stage => words.includes(stage))
  if (named) return { value: named, from: 'assumed', note: `the path names ${named}` }
  if (words.includes('rloo')) return { value: 'grpo', from: 'assumed', note: 'the path names RLOO' }
  if (words.includes('apo')) return { value: 'dpo', from: 'assumed', note: 'the path names APO' }
  const loss = fields.isSet('loss_type') ? fields.strings('loss_type')?.value[0] : undefined
  const preference = loss !== undefined && /^(sigmoid|hinge|ipo|apo|exo|robust|sppo|nca|aot|discopop)/.test(loss)
  if (preference) return fields.sourced('loss_type', 'dpo')
  if (fields.isSet('beta')) return fields.sourced('beta', 'dpo')
  if (words.includes('cpt')) return { value: 'pretrain', from: 'assumed', note: 'the path names continued pretraining' }
  return byDefault('sft', 'no key of another stage')
}

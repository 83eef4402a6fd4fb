import type { Libraries } from '../../launch/version-defaults.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Fields } from '../fields.ts'
import { defaultOptimizer, readOptimizer } from '../hugging-face/transformers-arguments.ts'
import { positive } from '../key-rows.ts'

import { TUNING } from './keys.ts'

const OPTIMIZER_FLAGS = {
  use_galore: 'galore_adamw',
  use_apollo: 'apollo_adamw',
  use_adam_mini: 'adam_mini',
  use_muon: 'muon',
} as const

/** The optimizer: `optim`, or a family selected by a flag. */
export function readFamily(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const own = readOptimizer(fields, ['optim'], defaultOptimizer(libraries))
  for (const [key, name] of Object.entries(OPTIMIZER_FLAGS)) {
    const on = fields.isSet(key) ? fields.boolean(key) : undefined
    if (!on?.value) continue
    const family = name === 'galore_adamw' || name === 'apollo_adamw'
    const layerwise = family && isTrue(fields, key === 'use_galore' ? 'galore_layerwise' : 'apollo_layerwise')
    const optimizer = readOptimizer(fields, [], { ...on, value: layerwise ? `${name}_layerwise` : name })
    const rankKey = key === 'use_galore' ? 'galore_rank' : 'apollo_rank'
    const rank = fields.isSet(rankKey) ? positive(fields, rankKey) : byDefault(16, `${TUNING}: 16`)
    return { ...optimizer, ...(family && rank ? { optimizerRank: rank } : {}) }
  }
  const badam = fields.isSet('use_badam') ? fields.boolean('use_badam') : undefined
  return badam?.value ? { ...own, optimizer: { ...badam, value: 'badam' } } : own
}

function isTrue(fields: Fields, key: string): boolean {
  return fields.isSet(key) && fields.boolean(key)?.value === true
}

import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { Optimizer, OptimizerImplementation } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault } from '../section.ts'

const OPTIMIZERS = 'Ludwig @5d19f3e ludwig/schema/optimizers.py'

/** Families by Ludwig's names, without `paged_` and `_8bit`, which bitsandbytes adds. */
const FAMILIES: Readonly<Record<string, readonly [Optimizer, OptimizerImplementation]>> = {
  adam: ['adamw', 'foreach'],
  adamw: ['adamw', 'foreach'],
  nadam: ['adamw', 'foreach'],
  radam: ['adamw', 'foreach'],
  adamax: ['adamw', 'foreach'],
  sgd: ['sgd', 'foreach'],
  adagrad: ['adagrad', 'foreach'],
  rmsprop: ['rmsprop', 'foreach'],
  lion: ['lion', 'fused'],
  lamb: ['lamb', 'fused'],
  adafactor: ['adafactor', 'loop'],
  muon: ['muon', 'loop'],
  schedule_free_adamw: ['schedule_free_adamw', 'foreach'],
}

export function ludwigOptimizer(fields: Fields): MutablePlanDraft {
  const type = orDefault(fields.string('type'), 'adam', `${OPTIMIZERS}: adam`)
  const isEight = type.value.endsWith('_8bit')
  const isPaged = type.value.startsWith('paged_')
  const name = type.value.replace(/^paged_/, '').replace(/_8bit$/, '')
  const [family, implementation] = rowOf(FAMILIES, name) ?? ['other', 'loop']
  return {
    optimizer: mapped(type, () => family),
    optimizerImplementation: mapped(type, () => (isEight || isPaged ? 'fused' : implementation)),
    optimizerPaged: mapped(type, () => isPaged),
    'precision.optimizerStates': isEight ? mapped(type, () => 'int8') : byDefault('auto', 'the dtype of what trains'),
  }
}

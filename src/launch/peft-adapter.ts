import { type ConfigNode, hasKeys, plainData } from '../formats/config-document.ts'
import type { Fields } from '../formats/fields.ts'
import { byDefault, type MutablePlanDraft } from '../plan/plan-draft.ts'
import type { AdapterType } from '../plan/vocabulary.ts'

/** `peft_type` of PEFT 0.21 (utils/peft_types.py). */
const TYPES: Readonly<Record<string, AdapterType>> = {
  LORA: 'lora',
  ADALORA: 'adalora',
  LOHA: 'loha',
  LOKR: 'lokr',
  IA3: 'ia3',
  OFT: 'oft',
  BOFT: 'boft',
  VERA: 'vera',
  PREFIX_TUNING: 'prefix',
  PROMPT_TUNING: 'prompt',
  MULTITASK_PROMPT_TUNING: 'prompt',
  P_TUNING: 'p_tuning',
  ADAPTION_PROMPT: 'adaption_prompt',
  LN_TUNING: 'ln_tuning',
  TRAINABLE_TOKENS: 'trainable_tokens',
  FOURIERFT: 'fourierft',
  RANDLORA: 'randlora',
  WAVEFT: 'waveft',
  SHIRA: 'shira',
  C3A: 'c3a',
  HRA: 'hra',
  POLY: 'poly',
  BONE: 'bone',
  MISS: 'miss',
  ROAD: 'road',
  GRALORA: 'gralora',
  DELORA: 'delora',
  OSF: 'osf',
  XLORA: 'xlora',
  PSOFT: 'psoft',
}

export function isPeftAdapter(node: ConfigNode | undefined): boolean {
  return node?.kind === 'mapping' && hasKeys(node, 'peft_type')
}

/** The adapter that an `adapter_config.json` describes (PEFT 0.21 tuners/lora/config.py). */
export function readPeftAdapter(fields: Fields): MutablePlanDraft {
  const name = fields.string('peft_type')
  if (!name) return {}
  const dora = fields.isSet('use_dora') && fields.boolean('use_dora')?.value === true
  const type = TYPES[name.value.toUpperCase()] ?? 'other'
  const draft: MutablePlanDraft = {
    'adapter.type': { ...name, value: type === 'lora' && dora ? 'dora' : type },
    'adapter.targetRule': byDefault('peft', 'PEFT adapter_config.json'),
    'adapter.rank': (fields.isSet('r') && fields.integer('r', { min: 1 })) || byDefault(8, 'PEFT 0.21 LoraConfig.r: 8'),
    'adapter.targetModules': readTargets(fields),
  }
  const save = fields.isSet('modules_to_save') ? fields.strings('modules_to_save') : undefined
  const parameters = fields.isSet('target_parameters') ? fields.strings('target_parameters') : undefined
  const tokens = fields.isSet('num_virtual_tokens') ? fields.integer('num_virtual_tokens', { min: 1 }) : undefined
  const dropout = fields.isSet('lora_dropout') ? fields.number('lora_dropout', { min: 0, max: 1 }) : undefined
  const bias = fields.isSet('bias') ? fields.oneOf('bias', ['none', 'all', 'lora_only']) : undefined
  if (save) draft['adapter.modulesToSave'] = save
  if (parameters) draft['adapter.targetParameters'] = parameters
  if (tokens) draft['adapter.virtualTokens'] = tokens
  if (dropout) draft['adapter.dropout'] = dropout
  if (bias) draft['adapter.bias'] = bias
  return { ...draft, ...readLayers(fields, 'layers_to_transform'), ...readRankPattern(fields, 'rank_pattern') }
}

function readTargets(fields: Fields): NonNullable<MutablePlanDraft['adapter.targetModules']> {
  const node = fields.raw('target_modules')
  if (node?.kind === 'scalar' && typeof node.scalar === 'string')
    return node.scalar === 'all-linear'
      ? fields.sourced('target_modules', 'all-linear')
      : fields.sourced('target_modules', { regex: node.scalar })
  const names = fields.isSet('target_modules') ? fields.strings('target_modules') : undefined
  return names ?? byDefault('default', 'PEFT 0.21: the map of the model type')
}

/** Layers that carry an adapter, under a trainer’s own key. */
export function readLayers(fields: Fields, key: string): MutablePlanDraft {
  const node = fields.raw(key)
  const items = node?.kind === 'sequence' ? node.items : node ? [node] : []
  const layers = items.map(item => item.scalar).filter(scalar => typeof scalar === 'number')
  return layers.length > 0 ? { 'adapter.layersToTransform': fields.sourced(key, layers) } : {}
}

/** Ranks by module name, under a trainer’s own key. */
export function readRankPattern(fields: Fields, key: string): MutablePlanDraft {
  const node = fields.raw(key)
  if (node?.kind !== 'mapping' || node.entries.size === 0) return {}
  const pattern: Record<string, number> = {}
  for (const [key, child] of node.entries) {
    const rank = plainData(child)
    if (typeof rank === 'number') pattern[key] = rank
  }
  return { 'adapter.rankPattern': fields.sourced(key, pattern) }
}

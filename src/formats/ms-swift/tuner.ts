import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type DraftValue, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { FreezePlan } from '../../plan/training-plan.ts'
import type { AdapterType } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readLoraKeys } from '../hugging-face/lora-keys.ts'
import { PEFT_ADAPTER_DTYPE, STORAGE_NAMES } from '../hugging-face/precision.ts'
import { fromTable, setKey } from '../key-rows.ts'
import { megatronTargets } from '../megatron-adapter.ts'

import { TUNER } from './keys.ts'

const TUNERS: Readonly<Record<string, AdapterType | null>> = {
  full: null,
  lora: 'lora',
  longlora: 'lora',
  adalora: 'adalora',
  ia3: 'ia3',
  vera: 'vera',
  boft: 'boft',
  fourierft: 'fourierft',
  bone: 'bone',
  adapter: 'adapter',
  oft: 'oft',
}

/** Adapter or full training, and what is frozen of multimodal models. */
export function readTuner(fields: Fields, libraries: Libraries, megatron: boolean): MutablePlanDraft {
  const key = setKey(fields, ['tuner_type', 'train_type', 'sft_type'])
  const named = key ? fields.string(key) : undefined
  const tuner =
    named ??
    (megatron
      ? byDefault('full', 'ms-swift 4.6 megatron/arguments/megatron_args.py: full')
      : byDefault('lora', `${TUNER}: lora`))
  const type = Object.hasOwn(TUNERS, tuner.value) ? (TUNERS[tuner.value] ?? null) : 'other'
  const freeze = readFreeze(fields, libraries)
  if (type === null) return { 'adapter.type': { ...tuner, value: null }, freeze: readParameterFreeze(fields) ?? freeze }
  const dora = fields.isSet('use_dora') && fields.boolean('use_dora')?.value === true
  const lora = readLoraKeys(
    fields,
    {
      rank: ['lora_rank'],
      targets: ['target_modules', 'lora_target_modules', 'target_regex'],
      parameters: ['target_parameters'],
      modulesToSave: ['modules_to_save', 'lora_modules_to_save'],
      dropout: ['lora_dropout', 'lora_dropout_p'],
      dora: ['use_dora'],
    },
    {
      rank: byDefault(8, `${TUNER}: 8`),
      targets: byDefault('all-linear', `${TUNER}: all-linear`),
      dropout: byDefault(0.05, `${TUNER}: 0.05`),
      allWords: ['all-linear', 'all'],
    },
  )
  const dtype = fields.isSet('lora_dtype') ? fromTable(STORAGE_NAMES)(fields, 'lora_dtype') : undefined
  return {
    'adapter.type': { ...tuner, value: type === 'lora' && dora ? 'dora' : type },
    'adapter.targetRule': megatron
      ? byDefault('megatron', 'ms-swift 4.6 megatron/utils/utils.py find_all_linears: TEGroupedLinear too')
      : byDefault('ms-swift', 'ms-swift 4.6 utils/torch_utils.py find_all_linears'),
    'adapter.dtype': dtype && dtype.value !== 'auto' ? { ...dtype, value: dtype.value } : PEFT_ADAPTER_DTYPE,
    freeze,
    ...lora,
    ...(megatron ? megatronLayers(lora) : {}),
  }
}

/** Targets under the names of Megatron's fused layers. */
function megatronLayers(lora: MutablePlanDraft): MutablePlanDraft {
  const targets = lora['adapter.targetModules']
  if (targets === undefined || typeof targets === 'function' || !isList(targets.value)) return {}
  return { 'adapter.targetModules': { ...targets, value: megatronTargets(targets.value) } }
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}

/** pipelines/train/tuner.py: names whose start freezes parameters; with everything frozen (`freeze_parameters_ratio: 1`) names that train. */
function readParameterFreeze(fields: Fields): Sourced<FreezePlan> | undefined {
  const list = (key: string): Sourced<readonly string[]> | undefined =>
    fields.isSet(key) ? fields.strings(key) : undefined
  const all = fields.isSet('freeze_parameters_ratio') && fields.number('freeze_parameters_ratio')?.value === 1
  const trained = list('trainable_parameters')
  const matched = fields.isSet('trainable_parameters_regex') ? fields.string('trainable_parameters_regex') : undefined
  if (all && (trained || matched)) {
    const names = (trained?.value ?? []).map(name => name.replaceAll('.', '\\.'))
    const patterns = [...names, ...(matched ? [matched.value] : [])]
    return {
      ...(trained ?? fields.sourced('trainable_parameters_regex', null)),
      value: { kind: 'trainable_patterns', patterns },
    }
  }
  const frozen = list('freeze_parameters')
  return frozen && frozen.value.length > 0
    ? { ...frozen, value: { kind: 'patterns', patterns: frozen.value } }
    : undefined
}

function readFreeze(fields: Fields, libraries: Libraries): DraftValue<FreezePlan> {
  const on = (key: string, fallback: Sourced<boolean>): Sourced<boolean> =>
    (fields.isSet(key) ? fields.boolean(key) : undefined) ?? fallback
  const parts = [
    ['vision_tower', on('freeze_vit', versionDefault('ms-swift.freeze_vit', libraries))],
    ['projector', on('freeze_aligner', byDefault(true, `${TUNER}: True`))],
    ['language_model', on('freeze_llm', byDefault(false, `${TUNER}: False`))],
  ] as const
  const frozen = parts.filter(([, value]) => value.value)
  const source = (parts.find(([, value]) => value.from === 'file') ?? parts[0])[1]
  return facts =>
    facts.hasVision && frozen.length > 0
      ? { ...source, value: { kind: 'patterns', patterns: frozen.map(([name]) => name) } }
      : byDefault({ kind: 'none' }, 'nothing is frozen')
}

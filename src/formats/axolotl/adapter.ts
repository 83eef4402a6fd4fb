import { readLayers, readRankPattern } from '../../launch/peft-adapter.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Quantization, StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { PEFT_ADAPTER_DTYPE } from '../hugging-face/precision.ts'
import { positive } from '../key-rows.ts'

import { MODEL_SCHEMA, PEFT_SCHEMA } from './schema-files.ts'

/** Adapter, freezing and quantization; without an adapter everything trains. */
export function readAdapter(fields: Fields, findings: Finding[]): MutablePlanDraft {
  const name = fields.isSet('adapter') ? fields.string('adapter') : undefined
  if (!name || name.value === '' || name.value === 'none')
    return {
      'adapter.type': name
        ? { ...name, value: null }
        : byDefault(null, `${PEFT_SCHEMA}: no adapter, everything trains`),
      ...readFreeze(fields),
      quantization: byDefault('none', 'axolotl quantizes only under lora and qlora'),
    }
  const dora = fields.isSet('peft_use_dora') && fields.boolean('peft_use_dora')?.value
  const isLora = name.value === 'lora' || name.value === 'qlora'
  const type = isLora ? (dora ? 'dora' : 'lora') : name.value === 'llama-adapter' ? 'adaption_prompt' : 'other'
  const rank = fields.isSet('lora_r') ? positive(fields, 'lora_r') : undefined
  const place = { path: name.path ?? null, line: name.line ?? null, column: name.column ?? null }
  const inherits = fields.isSet('lora_model_dir')
  if (isLora && !rank && !inherits)
    findings.push(finding('missing-key', { ...place, message: '`lora_r` is missing; axolotl has no default for it.' }))
  const targets = readTargets(fields)
  if (isLora && !targets && !fields.isSet('lora_target_parameters') && !inherits)
    findings.push(
      finding('missing-key', {
        ...place,
        message: 'No `lora_target_modules` and no `lora_target_linear: true`; axolotl passes an empty list on.',
      }),
    )
  return {
    'adapter.type': { ...name, value: type },
    ...(rank ? { 'adapter.rank': rank } : {}),
    'adapter.targetModules': targets ?? byDefault([], `${PEFT_SCHEMA}: no default targets`),
    'adapter.targetRule': byDefault('axolotl', 'axolotl 0.18 loaders/adapter.py find_all_linear_names'),
    'adapter.dtype': adapterDtype(fields),
    ...optional(
      'adapter.targetParameters',
      fields.isSet('lora_target_parameters') && fields.strings('lora_target_parameters'),
    ),
    ...optional(
      'adapter.modulesToSave',
      fields.isSet('lora_modules_to_save') && fields.strings('lora_modules_to_save'),
    ),
    ...optional('adapter.dropout', fields.isSet('lora_dropout') && fields.number('lora_dropout', { min: 0, max: 1 })),
    ...readLayers(fields, 'peft_layers_to_transform'),
    ...readRankPattern(fields, 'lora_rank_pattern'),
    ...linearExperts(fields),
    quantization: readQuantization(fields, name),
  }
}

/** Experts as linear layers of their own, which bitsandbytes replaces. */
function linearExperts(fields: Fields): MutablePlanDraft {
  const on = fields.isSet('llama4_linearized_experts') ? fields.boolean('llama4_linearized_experts') : undefined
  return on?.value ? { 'quantizationDetails.quantizesExperts': { ...on, value: 'linear' } } : {}
}

/** An adapter is trained instead of the model. */
export function trains(adapter: PlanDraft): boolean {
  const type = adapter['adapter.type']
  return typeof type === 'function' || (type !== undefined && type.value !== null)
}

function optional(key: string, value: unknown): MutablePlanDraft {
  return value ? { [key]: value } : {}
}

function adapterDtype(fields: Fields): Sourced<StorageDtype> {
  const upcast = fields.isSet('peft_autocast_adapter_dtype') ? fields.boolean('peft_autocast_adapter_dtype') : undefined
  return upcast?.value === false ? { ...upcast, value: 'bfloat16' } : PEFT_ADAPTER_DTYPE
}

function readTargets(
  fields: Fields,
): DraftValue<readonly string[] | 'all-linear' | 'default' | { regex: string }> | null {
  const linear = fields.isSet('lora_target_linear') ? fields.boolean('lora_target_linear') : undefined
  if (linear?.value) return { ...linear, value: 'all-linear' }
  const node = fields.raw('lora_target_modules')
  if (node?.kind === 'scalar' && typeof node.scalar === 'string') {
    if (node.scalar === 'all-linear') return fields.sourced('lora_target_modules', 'all-linear')
    return fields.sourced('lora_target_modules', { regex: node.scalar })
  }
  const names = fields.isSet('lora_target_modules') ? fields.strings('lora_target_modules') : undefined
  return names && names.value.length > 0 ? names : null
}

function readQuantization(fields: Fields, adapter: Sourced<string>): Sourced<Quantization> {
  const four = fields.isSet('load_in_4bit') ? fields.boolean('load_in_4bit') : undefined
  const eight = fields.isSet('load_in_8bit') ? fields.boolean('load_in_8bit') : undefined
  const gptq = fields.isSet('gptq') ? fields.boolean('gptq') : undefined
  if (gptq?.value) return { ...gptq, value: 'gptq-int4' }
  if (adapter.value === 'qlora' && four?.value) {
    const options =
      fields.raw('bnb_config_kwargs')?.kind === 'mapping' ? fields.mapping('bnb_config_kwargs') : undefined
    const double = options?.boolean('bnb_4bit_use_double_quant')?.value ?? true
    const kind = options?.string('bnb_4bit_quant_type')?.value ?? 'nf4'
    const note = 'axolotl 0.18 loaders/model.py: nf4 with double quantization'
    return { ...four, value: kind === 'fp4' ? 'fp4' : double ? 'nf4-double' : 'nf4', note }
  }
  if (adapter.value === 'lora' && eight?.value) return { ...eight, value: 'int8' }
  if (adapter.value === 'lora' && four?.value)
    return { ...four, value: 'none', note: 'axolotl 0.18 loaders/model.py: 4 bit counts only with adapter: qlora' }
  return byDefault('none', `${MODEL_SCHEMA}: load_in_4bit and load_in_8bit are off`)
}

function readFreeze(fields: Fields): MutablePlanDraft {
  const names = fields.isSet('unfrozen_parameters') ? fields.strings('unfrozen_parameters') : undefined
  const towers = fields.isSet('freeze_mm_modules') ? fields.boolean('freeze_mm_modules') : undefined
  if (towers?.value)
    return {
      freeze: facts =>
        facts.hasVision
          ? { ...towers, value: { kind: 'patterns', patterns: ['vision_tower', 'projector'] } }
          : { ...towers, value: { kind: 'none' } },
    }
  if (!names || names.value.length === 0) return {}
  return { freeze: { ...names, value: { kind: 'trainable_patterns', patterns: names.value.map(namePattern) } } }
}

/** utils/freeze.py LayerNamePattern: dots are literal, a row range at the end only zeroes gradients of the other rows. */
function namePattern(pattern: string): string {
  return pattern.replace(/\[[0-9]*(?::[0-9]*)?\]$/, '').replace(/\.(?!\+)/g, '\\.')
}

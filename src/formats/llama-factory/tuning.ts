import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Quantization } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { adapterTypeOf, readLoraKeys } from '../hugging-face/lora-keys.ts'

import { MODEL, TUNING } from './keys.ts'

/** Adapter, layer freezing and what is frozen of multimodal models. */
export function readTuning(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const type = fields.isSet('finetuning_type') ? fields.string('finetuning_type') : undefined
  const kind = type ?? byDefault('lora', `${TUNING}: lora`)
  const vision = readVisionFreeze(fields, libraries)
  if (kind.value === 'full') return { 'adapter.type': { ...kind, value: null }, ...vision }
  if (kind.value === 'freeze') return { 'adapter.type': { ...kind, value: null }, ...readLayerFreeze(fields) }
  const rule = byDefault<'llama-factory'>(
    'llama-factory',
    'LLaMA-Factory 0.9.6 model/model_utils/misc.py find_all_linear_modules',
  )
  const note = (what: string) => `${TUNING}: ${what}`
  if (kind.value === 'oft') {
    const targets = readLoraKeys(
      fields,
      {
        rank: ['oft_rank'],
        targets: ['oft_target'],
        parameters: [],
        modulesToSave: ['additional_target'],
        dropout: ['module_dropout'],
        dora: [],
      },
      {
        rank: byDefault(32, note('oft_block_size 32')),
        targets: byDefault('all-linear', note('oft_target all')),
        dropout: byDefault(0, note('0')),
        allWords: ['all'],
      },
    )
    return { 'adapter.type': { ...kind, value: 'oft' }, 'adapter.targetRule': rule, ...targets }
  }
  const target = versionDefault('llamafactory.lora_target', libraries)
  const targets: Sourced<'all-linear' | readonly string[]> =
    target.value === 'all' ? { ...target, value: 'all-linear' } : { ...target, value: target.value.split(',') }
  return {
    'adapter.type': { ...kind, value: adapterTypeOf(fields, ['use_dora']) },
    'adapter.targetRule': rule,
    ...readResizedVocabulary(fields),
    ...readLoraKeys(
      fields,
      {
        rank: ['lora_rank'],
        targets: ['lora_target'],
        parameters: ['lora_target_parameters'],
        modulesToSave: ['additional_target'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(8, note('8')),
        targets,
        dropout: byDefault(0, note('0.0')),
        allWords: ['all'],
      },
    ),
  }
}

/** model/adapter.py: a resized vocabulary trains embeddings and head in full, unless `additional_target` names what does. */
function readResizedVocabulary(fields: Fields): MutablePlanDraft {
  const resized = fields.isSet('resize_vocab') ? fields.boolean('resize_vocab') : undefined
  if (!resized?.value || fields.isSet('additional_target')) return {}
  return { 'adapter.modulesToSave': { ...resized, value: ['embed_tokens', 'lm_head'] } }
}

function readLayerFreeze(fields: Fields): MutablePlanDraft {
  const read = fields.isSet('freeze_trainable_layers') ? fields.integer('freeze_trainable_layers') : undefined
  const layers = read ?? byDefault(2, `${TUNING}: the last 2 layers`)
  return { freeze: { ...layers, value: { kind: 'trainable_layers', layers: Math.abs(layers.value) } } }
}

/** Vision tower and projector are frozen in full fine-tuning of multimodal models; others have neither. */
function readVisionFreeze(fields: Fields, libraries: Libraries): MutablePlanDraft {
  const on = (key: string, fallback: Sourced<boolean>): Sourced<boolean> =>
    (fields.isSet(key) ? fields.boolean(key) : undefined) ?? fallback
  const tower = on('freeze_vision_tower', versionDefault('llamafactory.freeze_vision_tower', libraries))
  const projector = on('freeze_multi_modal_projector', byDefault(true, `${TUNING}: True`))
  const language = on('freeze_language_model', byDefault(false, `${TUNING}: False`))
  const patterns = [
    ...(tower.value ? ['vision_tower'] : []),
    ...(projector.value ? ['projector'] : []),
    ...(language.value ? ['language_model'] : []),
  ]
  const source = [tower, projector, language].find(value => value.from === 'file') ?? tower
  return {
    freeze: facts =>
      facts.hasVision && patterns.length > 0
        ? { ...source, value: { kind: 'patterns', patterns } }
        : byDefault({ kind: 'none' }, 'nothing is frozen'),
  }
}

/** On-the-fly quantization of the frozen base. */
export function readQuantization(fields: Fields): Sourced<Quantization> {
  const bits = fields.isSet('quantization_bit') ? fields.integer('quantization_bit', { min: 1, max: 8 }) : undefined
  if (!bits) return byDefault('none', `${MODEL}: quantization_bit is not set`)
  const method = fields.isSet('quantization_method') ? fields.string('quantization_method')?.value : 'bnb'
  if (method === 'hqq') return { ...bits, value: bits.value <= 4 ? 'hqq-int4' : 'int8' }
  if (bits.value === 8) return { ...bits, value: 'int8' }
  const double = fields.isSet('double_quantization') ? fields.boolean('double_quantization')?.value : true
  const type = fields.isSet('quantization_type') ? fields.string('quantization_type')?.value : 'nf4'
  const note = `${MODEL}: nf4 with double quantization`
  return { ...bits, value: type === 'fp4' ? 'fp4' : double === false ? 'nf4' : 'nf4-double', note }
}

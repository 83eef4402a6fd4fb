import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Quantization, Stage, StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { adapterTypeOf, readLoraKeys } from '../hugging-face/lora-keys.ts'
import {
  KBIT_WEIGHTS,
  PEFT_ADAPTER_DTYPE,
  precisionDraft,
  readMixedPrecision,
  STORAGE_NAMES,
} from '../hugging-face/precision.ts'
import { fromTable, setKey } from '../key-rows.ts'

import { MODEL } from './keys.ts'

/** TRL’s own and that of PEFT’s examples/sft/train.py. */
const PEFT_KEYS = ['use_peft', 'use_peft_lora']

/** LoRA of `use_peft`; without it the lora_* keys count for nothing. */
export function readAdapter(fields: Fields): MutablePlanDraft {
  const key = setKey(fields, PEFT_KEYS)
  const on = key === undefined ? undefined : fields.boolean(key)
  if (!on?.value) return { 'adapter.type': on ? { ...on, value: null } : byDefault(null, `${MODEL}: use_peft False`) }
  return {
    'adapter.type': { ...on, value: adapterTypeOf(fields, ['use_dora']) },
    'adapter.targetRule': byDefault('peft', 'TRL hands LoraConfig to PEFT'),
    ...readLoraKeys(
      fields,
      {
        rank: ['lora_r'],
        targets: ['lora_target_modules'],
        parameters: ['lora_target_parameters'],
        modulesToSave: ['lora_modules_to_save'],
        dropout: ['lora_dropout'],
        dora: ['use_dora'],
      },
      {
        rank: byDefault(16, `${MODEL}: 16`),
        targets: byDefault('default', `${MODEL}: PEFT’s map of the model type (q_proj and v_proj for most)`),
        dropout: byDefault(0.05, `${MODEL}: 0.05`),
        allWords: ['all-linear'],
      },
    ),
  }
}

/** bitsandbytes; without nested quantization unless asked. */
export function readQuantization(fields: Fields): Sourced<Quantization> {
  const four = fields.isSet('load_in_4bit') ? fields.boolean('load_in_4bit') : undefined
  if (four?.value) {
    const nested = fields.isSet('use_bnb_nested_quant') ? fields.boolean('use_bnb_nested_quant')?.value : false
    const type = fields.isSet('bnb_4bit_quant_type') ? fields.string('bnb_4bit_quant_type')?.value : 'nf4'
    return { ...four, value: type === 'fp4' ? 'fp4' : nested ? 'nf4-double' : 'nf4' }
  }
  const eight = fields.isSet('load_in_8bit') ? fields.boolean('load_in_8bit') : undefined
  return eight?.value ? { ...eight, value: 'int8' } : byDefault('none', `${MODEL}: load_in_4bit and load_in_8bit False`)
}

/** Weights as loaded, k-bit preparation of older versions, adapters’ dtype. */
export function readPrecision(
  fields: Fields,
  { adapter, quantization, stage }: { adapter: PlanDraft; quantization: Sourced<Quantization>; stage: Stage },
  libraries: Libraries,
): MutablePlanDraft {
  const mixed = readMixedPrecision(fields, versionDefault('trl.bf16', libraries))
  const loaded = loadedDtype(fields, libraries)
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const quantized = quantization.value !== 'none'
  const prepares = quantized ? kbitPreparation(stage, libraries) : null
  const weights = prepares?.value ? { ...KBIT_WEIGHTS, note: prepares.note ?? '' } : loaded
  const note = 'trl 1.13 trainer/sft_trainer.py: adapters of a quantized base are cast to bfloat16'
  const adapterDtype: Sourced<StorageDtype> =
    quantized && !prepares?.value ? byDefault('bfloat16', note) : PEFT_ADAPTER_DTYPE
  const draft = precisionDraft({ weights, mixed, adapterDtype: full ? null : adapterDtype })
  return quantized ? { ...draft, 'quantizationDetails.computeDtype': storageOf(loaded) } : draft
}

/** ORPO and CPO still prepare (trl 1.13 experimental/orpo/orpo_trainer.py, experimental/cpo/cpo_trainer.py). */
function kbitPreparation(stage: Stage, libraries: Libraries): Sourced<boolean> {
  if (stage === 'orpo' || stage === 'simpo') return byDefault(true, 'trl 1.13: prepare_model_for_kbit_training')
  if (stage === 'dpo') return versionDefault('trl.kbit_preparation_dpo', libraries)
  return versionDefault(stage === 'kto' ? 'trl.kbit_preparation_kto' : 'trl.kbit_preparation', libraries)
}

function storageOf(loaded: DraftValue<StorageDtype | 'auto'>): DraftValue<StorageDtype | null> {
  return facts => {
    const dtype = typeof loaded === 'function' ? loaded(facts) : loaded
    return { ...dtype, value: dtype.value === 'auto' ? facts.checkpointDtype : dtype.value }
  }
}

function loadedDtype(fields: Fields, libraries: Libraries): Sourced<StorageDtype | 'auto'> {
  const key = setKey(fields, ['dtype', 'torch_dtype'])
  const own = key ? fromTable(STORAGE_NAMES)(fields, key) : undefined
  if (own) return own
  const trl = versionDefault('trl.dtype', libraries)
  if (trl.value === 'float32') return { ...trl, value: 'float32' }
  return versionDefault('transformers.weights', libraries)
}

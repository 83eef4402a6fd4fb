import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Quantization, StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { readLoraKeys } from '../hugging-face/lora-keys.ts'
import {
  KBIT_WEIGHTS,
  type MixedPrecision,
  PEFT_ADAPTER_DTYPE,
  precisionDraft,
  STORAGE_NAMES,
} from '../hugging-face/precision.ts'
import { fromTable } from '../key-rows.ts'
import { type Loop, TRAINING } from './trainers.ts'

const PEFT = 'Oumi @d8ed077 src/oumi/core/configs/params/peft_params.py'
const MODEL = 'Oumi @d8ed077 src/oumi/core/configs/params/model_params.py'

/** utils/torch_utils.py get_torch_dtype. */
const DTYPES = { ...STORAGE_NAMES, f32: 'float32', f16: 'float16' } as const

/** LoRA of `training.use_peft`; without it the `peft` section counts for nothing. */
export function readAdapter(training: Fields, peft: Fields): MutablePlanDraft {
  const on = training.boolean('use_peft') ?? byDefault(false, `${TRAINING}: use_peft False`)
  if (!on.value) return { 'adapter.type': { ...on, value: null } }
  const bias = peft.oneOf('lora_bias', ['none', 'all', 'lora_only'])
  return {
    'adapter.type': { ...on, value: 'lora' },
    'adapter.targetRule': byDefault('peft', 'Oumi hands LoraConfig to PEFT'),
    ...readLoraKeys(
      peft,
      {
        rank: ['lora_r'],
        targets: ['lora_target_modules'],
        parameters: ['lora_target_parameters'],
        modulesToSave: ['lora_modules_to_save'],
        dropout: ['lora_dropout'],
        dora: [],
      },
      {
        rank: byDefault(8, `${PEFT}: 8`),
        targets: byDefault('default', `${PEFT}: PEFT’s map of the model type (q_proj and v_proj for most)`),
        dropout: byDefault(0, `${PEFT}: 0.0`),
        allWords: ['all-linear'],
      },
    ),
    ...(bias ? { 'adapter.bias': bias } : {}),
  }
}

/** bitsandbytes by `q_lora`: FP4 unless asked for NF4 (peft_params.py to_bits_and_bytes). */
export function readQuantization(training: Fields, peft: Fields): Sourced<Quantization> {
  const on = training.boolean('use_peft')?.value ? peft.boolean('q_lora') : undefined
  if (!on?.value) return on ? { ...on, value: 'none' } : byDefault('none', `${PEFT}: q_lora False`)
  const bits = peft.integer('q_lora_bits')
  if (bits?.value === 8) return { ...bits, value: 'int8' }
  if (bits && bits.value !== 4) return { ...bits, value: 'none', note: 'bitsandbytes has 4 and 8 bits only' }
  const type = peft.string('bnb_4bit_quant_type')
  const nested = peft.boolean('use_bnb_nested_quant')?.value === true
  if (type?.value !== 'nf4') return { ...(type ?? on), value: 'fp4', note: `${PEFT}: bnb_4bit_quant_type fp4` }
  return { ...on, value: nested ? 'nf4-double' : 'nf4' }
}

interface PrecisionScope {
  readonly training: Fields
  readonly model: Fields
  readonly peft: Fields
  readonly loop: Loop
  readonly quantization: Quantization
  readonly isAdapted: boolean
  /** Accelerate's FSDP runs: a quantised model is cast to the model's dtype as a whole. */
  readonly isOnAccelerateFsdp: boolean
}

/**
 * Weights as loaded and autocast by `mixed_precision_dtype`. A quantised base goes through PEFT's k-bit preparation
 * (builders/models.py build_peft_model), except that under FSDP all of it is cast back (train.py coerce_model_to_dtype).
 */
export function readPrecision(scope: PrecisionScope): MutablePlanDraft {
  const { training, model, peft, loop, isAdapted, isOnAccelerateFsdp } = scope
  const isQuantized = scope.quantization !== 'none'
  const loaded = fromTable<StorageDtype | 'auto'>(DTYPES)(model, 'torch_dtype_str')
  const weights = loaded ?? byDefault('auto', `${MODEL}: torch_dtype_str auto`)
  const coerced = isOnAccelerateFsdp && loaded !== undefined && loaded.value !== 'auto' ? loaded : null
  const prepared = coerced ?? KBIT_WEIGHTS
  const draft = precisionDraft({
    weights: isQuantized ? prepared : weights,
    mixed: readMixed(training),
    adapterDtype: isAdapted ? adapterDtype(isQuantized, coerced, loop) : null,
  })
  if (!isQuantized) return draft
  const compute = peft.isSet('bnb_4bit_compute_dtype')
    ? fromTable<StorageDtype>(COMPUTE)(peft, 'bnb_4bit_compute_dtype')
    : undefined
  return {
    ...draft,
    'quantizationDetails.computeDtype': compute ?? byDefault('float32', `${PEFT}: bnb_4bit_compute_dtype float32`),
  }
}

const COMPUTE = { bfloat16: 'bfloat16', float16: 'float16', float32: 'float32' } as const

function adapterDtype(
  isQuantized: boolean,
  coerced: Sourced<StorageDtype | 'auto'> | null,
  loop: Loop,
): Sourced<StorageDtype> {
  if (!isQuantized) return PEFT_ADAPTER_DTYPE
  if (coerced !== null && coerced.value !== 'auto') return { ...coerced, value: coerced.value }
  return loop === 'trl'
    ? byDefault('bfloat16', 'trl 1.4 trainer/sft_trainer.py: adapters of a quantized base are cast to bfloat16')
    : PEFT_ADAPTER_DTYPE
}

/** `none` reads as off whatever TRL's own default is: Oumi hands `bf16=False` on. */
function readMixed(training: Fields): MixedPrecision {
  const word = training.string('mixed_precision_dtype')
  const named = word?.value.toLowerCase()
  const isOn = named === 'bf16' || named === 'fp16'
  const source = word ?? byDefault('none', `${TRAINING}: mixed_precision_dtype none`)
  const dtype = named === 'fp16' ? 'float16' : 'bfloat16'
  return {
    on: isOn,
    source: { ...source, value: isOn },
    dtype: { ...source, value: isOn ? dtype : 'float32' },
  }
}

import { byDefault, type DraftValue, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ComputeDtype, StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import type { Getter } from '../key-rows.ts'

/** Spellings of `torch_dtype`/`dtype` values. */
export const STORAGE_NAMES: Readonly<Record<string, StorageDtype | 'auto'>> = {
  auto: 'auto',
  bfloat16: 'bfloat16',
  bf16: 'bfloat16',
  'torch.bfloat16': 'bfloat16',
  float16: 'float16',
  fp16: 'float16',
  half: 'float16',
  'torch.float16': 'float16',
  float32: 'float32',
  fp32: 'float32',
  float: 'float32',
  'torch.float32': 'float32',
}

/** Autocast of the Trainer: the 16-bit type, or null when neither `bf16` nor `fp16` is on. */
export interface MixedPrecision {
  readonly dtype: DraftValue<ComputeDtype | 'auto'>
  readonly on: boolean
  readonly source: Sourced<boolean>
}

/** `bf16` and `fp16` of TrainingArguments; `fallback` holds when neither is set. */
export function readMixedPrecision(fields: Fields, fallback: Sourced<boolean>): MixedPrecision {
  const bf16 = fields.isSet('bf16') ? readAutoBoolean(fields, 'bf16') : undefined
  const fp16 = fields.isSet('fp16') ? readAutoBoolean(fields, 'fp16') : undefined
  if (bf16?.value) return { dtype: { ...bf16, value: 'bfloat16' }, on: true, source: bf16 }
  if (fp16?.value) return { dtype: { ...fp16, value: 'float16' }, on: true, source: fp16 }
  if (bf16) return { dtype: { ...bf16, value: 'float32' }, on: false, source: bf16 }
  return {
    dtype: { ...fallback, value: fallback.value ? 'bfloat16' : 'float32' },
    on: fallback.value,
    source: fallback,
  }
}

const readAutoBoolean: Getter<boolean> = (fields, key) => {
  const scalar = fields.raw(key)?.scalar
  return scalar === 'auto' || scalar === 'full' ? fields.sourced(key, true) : fields.boolean(key)
}

interface PrecisionRule {
  readonly weights: DraftValue<StorageDtype | 'auto'>
  readonly mixed: MixedPrecision
  /** null: every parameter trains. */
  readonly adapterDtype: DraftValue<StorageDtype> | null
}

/** Weights as loaded, autocast when mixed precision is on; products without it run in the weights' own dtype. */
export function precisionDraft({ weights, mixed, adapterDtype }: PrecisionRule): MutablePlanDraft {
  const compute: DraftValue<ComputeDtype | 'auto'> = mixed.on ? mixed.dtype : computeOf(weights)
  return {
    'precision.weights': weights,
    'precision.compute': compute,
    'precision.autocast': { ...mixed.source, value: mixed.on },
    ...(adapterDtype ? { 'adapter.dtype': adapterDtype } : {}),
  }
}

function computeOf(weights: DraftValue<StorageDtype | 'auto'>): DraftValue<ComputeDtype | 'auto'> {
  return facts => {
    const stored = typeof weights === 'function' ? weights(facts) : weights
    const value = stored.value === 'auto' ? (facts.checkpointDtype ?? 'bfloat16') : stored.value
    return { ...stored, value, note: 'no mixed precision: products run in the weights’ dtype' }
  }
}

/** PEFT keeps adapters of a 16-bit base in float32 (`autocast_adapter_dtype`). */
export const PEFT_ADAPTER_DTYPE = byDefault<StorageDtype>(
  'float32',
  'PEFT 0.21 get_peft_model: autocast_adapter_dtype is True',
)

/** k-bit preparation turns what stays unquantized into float32. */
export const KBIT_WEIGHTS = byDefault<StorageDtype>(
  'float32',
  'PEFT prepare_model_for_kbit_training: norms, embeddings and head become float32',
)

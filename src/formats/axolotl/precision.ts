import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { type MixedPrecision, PEFT_ADAPTER_DTYPE, precisionDraft } from '../hugging-face/precision.ts'

import { trains } from './adapter.ts'
import { SCHEMA } from './schema-files.ts'

/** resolve_dtype (utils/config/__init__.py): bf16 unless the GPU has none, else fp16; `bfloat16`/`float16` without autocast. */
export function readPrecision(fields: Fields): MixedPrecision {
  const scalar = (key: string) => fields.raw(key)?.scalar
  const on = (key: string) => scalar(key) === true || scalar(key) === 'full' || scalar(key) === 'true'
  if (on('bfloat16')) return plain(fields.sourced('bfloat16', true), 'bfloat16')
  if (on('float16')) return plain(fields.sourced('float16', true), 'float16')
  const bf16 = scalar('bf16')
  const eight = on('load_in_8bit') && bf16 !== undefined && bf16 !== 'auto' && !on('bf16') && !on('fp16')
  if (eight) return plain(fields.sourced('load_in_8bit', true), 'float16')
  if (on('bf16')) return amp(fields.sourced('bf16', true), { value: 'bfloat16' })
  if (on('fp16')) return amp(fields.sourced('fp16', true), { value: 'float16' })
  if (bf16 === 'auto' || !fields.isSet('bf16')) {
    const source = bf16 === 'auto' ? fields.sourced('bf16', true) : byDefault(true, `${SCHEMA}: bf16 auto`)
    return { dtype: { ...source, value: 'auto' }, on: true, source }
  }
  return plain(fields.sourced('bf16', false), 'float32')
}

function amp(source: Sourced<boolean>, dtype: { readonly value: 'bfloat16' | 'float16' }): MixedPrecision {
  return { dtype: { ...source, ...dtype }, on: true, source }
}

function plain(source: Sourced<boolean>, value: StorageDtype): MixedPrecision {
  return { dtype: { ...source, value }, on: false, source }
}

/** Weights in the compute dtype, autocast, adapters’ dtype and tf32. */
export function precisionOf(
  fields: Fields,
  mixed: MixedPrecision,
  adapter: PlanDraft,
  libraries: Libraries,
): MutablePlanDraft {
  const note = 'axolotl 0.18 resolve_dtype: weights are held in the compute dtype, without a float32 copy'
  const weights: DraftValue<StorageDtype> = facts => {
    const dtype = typeof mixed.dtype === 'function' ? mixed.dtype(facts) : mixed.dtype
    const auto = facts.bf16Supported === false ? 'float16' : 'bfloat16'
    const value =
      dtype.value === 'auto' ? auto : dtype.value === 'bfloat16' || dtype.value === 'float16' ? dtype.value : 'float32'
    return { ...dtype, value, note }
  }
  const draft = precisionDraft({
    weights,
    mixed,
    adapterDtype: trains(adapter) ? (adapter['adapter.dtype'] ?? PEFT_ADAPTER_DTYPE) : null,
  })
  const fp8 = fields.isSet('fp8') ? fields.boolean('fp8') : undefined
  if (fp8?.value) return { ...draft, 'precision.compute': { ...fp8, value: 'float8', note: 'torchao float8 linears' } }
  const dtype = mixed.dtype
  if (mixed.on || typeof dtype === 'function' || dtype.value !== 'float32') return draft
  const own = fields.isSet('tf32') && fields.raw('tf32')?.scalar !== 'auto' ? fields.boolean('tf32') : undefined
  const tf32 = own ?? versionDefault('axolotl.tf32', libraries)
  return tf32.value ? { ...draft, 'precision.compute': { ...tf32, value: 'tf32' } } : draft
}

/**
 * loaders/model.py _configure_embedding_dtypes: without FSDP embeddings, head and norms become float32, and 16 bit again
 * under an adapter, with cut cross entropy, or with an attention kernel that needs it (neither sdpa nor eager).
 */
export function outerPrecision(fields: Fields, adapter: PlanDraft, draft: PlanDraft): MutablePlanDraft {
  if (trains(adapter)) return {}
  const attention = draft.attention
  const loss = draft.loss
  const casts =
    attention !== undefined &&
    typeof attention !== 'function' &&
    attention.value !== 'sdpa' &&
    attention.value !== 'eager'
  const cuts = loss !== undefined && typeof loss !== 'function' && loss.value === 'cut_cross_entropy'
  if (casts || cuts) return {}
  const note = 'axolotl 0.18 loaders/model.py: embeddings, head and norms stay float32 under sdpa and eager attention'
  const source: Sourced<unknown> =
    attention !== undefined && typeof attention !== 'function' ? attention : fields.sourced('attn_implementation', null)
  return { 'precision.outerWeights': { ...source, value: 'float32', note } }
}

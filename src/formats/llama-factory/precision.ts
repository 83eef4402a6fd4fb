import {
  byDefault,
  type DraftValue,
  type MutablePlanDraft,
  type PlanDraft,
  type ResolutionFacts,
} from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { type MixedPrecision, precisionDraft } from '../hugging-face/precision.ts'

/**
 * model/adapter.py init_adapter: what trains is upcast to float32 unless pure_bf16, BAdam or unquantized ZeRO-3 (the
 * engine rule covers that case); the frozen base stays in the compute dtype.
 */
export function readPrecision(fields: Fields, mixed: MixedPrecision, adapter: PlanDraft): MutablePlanDraft {
  const isOn = (key: string): Sourced<boolean> | undefined => {
    const read = fields.isSet(key) ? fields.boolean(key) : undefined
    return read?.value ? read : undefined
  }
  const pure = isOn('pure_bf16')
  const keeps = pure ?? isOn('use_badam')
  const upcast: Sourced<StorageDtype> = byDefault(
    'float32',
    'LLaMA-Factory model/adapter.py: what trains is upcast to float32',
  )
  const base: DraftValue<StorageDtype> = pure
    ? { ...pure, value: 'bfloat16' }
    : mixed.on
      ? facts => ({ ...mixed.source, value: dtypeOf(mixed, facts.bf16Supported) })
      : facts => ({
          value: facts.checkpointDtype ?? 'bfloat16',
          from: 'default',
          note: 'LLaMA-Factory hparams/parser.py: compute dtype inferred from the checkpoint',
        })
  const type = adapter['adapter.type']
  const full = typeof type !== 'function' && type?.value === null
  const frozen = adapter.freeze
  const partly = (facts: ResolutionFacts): boolean =>
    (typeof frozen === 'function' ? frozen(facts) : frozen)?.value.kind !== 'none' && frozen !== undefined
  const stored = (facts: ResolutionFacts): Sourced<StorageDtype> => (typeof base === 'function' ? base(facts) : base)
  const lifts = full && !keeps
  const fp8 = isOn('fp8')
  const draft = precisionDraft({
    weights: lifts ? facts => (partly(facts) ? stored(facts) : upcast) : base,
    mixed: pure ? { ...mixed, on: false, source: pure } : mixed,
    adapterDtype: full ? null : upcast,
  })
  return {
    ...draft,
    ...(lifts ? { 'precision.trainedWeights': facts => (partly(facts) ? upcast : { ...upcast, value: null }) } : {}),
    ...(fp8 ? { 'precision.compute': { ...fp8, value: 'float8' as const } } : {}),
  }
}

function dtypeOf(mixed: MixedPrecision, bf16Supported: boolean | null): StorageDtype {
  const dtype = typeof mixed.dtype === 'function' ? null : mixed.dtype.value
  return dtype === 'float16' || (dtype === 'auto' && bf16Supported === false) ? 'float16' : 'bfloat16'
}

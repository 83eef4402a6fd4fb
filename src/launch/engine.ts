import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft, provenanceOf } from '../plan/plan-draft.ts'
import type { Provenance, Sourced } from '../plan/provenance.ts'
import type { ComputeDtype, StorageDtype } from '../plan/vocabulary.ts'
import { fsdpDtypes, fsdpNoSync } from './accelerate-fsdp.ts'

/** What distributes the run: an engine's own settings, to be laid over a trainer's draft. */
export interface Engine {
  readonly kind: 'deepspeed' | 'fsdp' | 'plain'
  readonly draft: PlanDraft
  /** Mixed precision that the engine's file asks for; the trainer's own setting wins. null: left to the trainer. */
  readonly mixedPrecision: Sourced<'bfloat16' | 'float16'> | null
  /** DeepSpeed only: float32 copies of weights and states (default true). */
  readonly masterWeights: boolean
}

/**
 * Lays an engine over a trainer's draft and settles the dtypes that follow from it: DeepSpeed converts the module to
 * 16 bit and keeps float32 master weights and states (runtime/engine.py, zero/stage_1_and_2.py); FSDP under mixed
 * precision holds what trains in float32 and gathers it in 16 bit (accelerate 1.15 accelerator.py prepare_model,
 * utils/fsdp_utils.py fsdp2_prepare_model).
 */
export function applyEngine(trainer: PlanDraft, engine: Engine): PlanDraft {
  const draft: MutablePlanDraft = { ...trainer, ...engine.draft }
  if (engine.kind === 'fsdp') draft['parallelism.noSync'] ??= fsdpNoSync(draft)
  const mixed = mixedPrecisionOf(trainer, engine)
  if (mixed === null) return draft
  const from = place(engine)
  if (engine.kind === 'plain')
    return { ...draft, 'precision.compute': mixed, 'precision.autocast': { ...from, value: true } }
  const uniform = { 'precision.trainedWeights': { ...from, value: null } } as const
  if (engine.kind === 'fsdp') return { ...draft, ...uniform, 'precision.compute': mixed, ...fsdpDtypes(draft, from) }
  return { ...draft, ...uniform, 'precision.compute': mixed, ...deepSpeedDtypes(engine, mixed, from) }
}

function deepSpeedDtypes(engine: Engine, mixed: DraftValue<ComputeDtype | 'auto'>, from: Provenance): PlanDraft {
  const storage = storageRule(mixed, { ...from, note: 'DeepSpeed converts the module to 16 bit (runtime/engine.py)' })
  const masters = engine.masterWeights
  return {
    'precision.weights': storage,
    'precision.gradients': engine.draft['precision.gradients'] ?? storage,
    'adapter.dtype': storage,
    'precision.autocast': { ...from, value: false, note: 'DeepSpeed runs the 16-bit module without autocast' },
    'precision.masterWeights': { ...from, value: masters, note: 'DeepSpeed: float32 master copy of what trains' },
  }
}

function storageRule(mixed: DraftValue<ComputeDtype | 'auto'>, from: Provenance): DraftValue<StorageDtype> {
  return facts => {
    const compute = typeof mixed === 'function' ? mixed(facts).value : mixed.value
    const half = compute === 'float16' || (compute === 'auto' && facts.bf16Supported === false)
    return { ...from, value: half ? 'float16' : 'bfloat16' }
  }
}

function mixedPrecisionOf(trainer: PlanDraft, engine: Engine): DraftValue<ComputeDtype | 'auto'> | null {
  const autocast = trainer['precision.autocast']
  const on = typeof autocast === 'function' || autocast?.value === true
  if (on) return trainer['precision.compute'] ?? byDefault('auto', '16 bit')
  return engine.mixedPrecision
}

function place(engine: Engine): Provenance {
  return provenanceOf(engine.draft['parallelism.data'])
}

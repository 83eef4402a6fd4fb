import { byDefault, type DraftValue, type MutablePlanDraft, type PlanDraft } from '../plan/plan-draft.ts'
import type { Provenance, Sourced } from '../plan/provenance.ts'
import type { ComputeDtype, Framework, StorageDtype } from '../plan/vocabulary.ts'
import { compareVersions } from './version-defaults.ts'

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
  if (engine.kind === 'fsdp') draft['parallelism.noSync'] ??= NO_SYNC
  const mixed = mixedPrecisionOf(trainer, engine)
  if (mixed === null) return draft
  const from = place(engine)
  if (engine.kind === 'plain')
    return { ...draft, 'precision.compute': mixed, 'precision.autocast': { ...from, value: true } }
  const uniform = { 'precision.trainedWeights': { ...from, value: null } } as const
  if (engine.kind === 'fsdp') return { ...draft, ...uniform, 'precision.compute': mixed, ...fsdpDtypes(draft, from) }
  return { ...draft, ...uniform, 'precision.compute': mixed, ...deepSpeedDtypes(engine, mixed, from) }
}

function fsdpDtypes(draft: PlanDraft, from: Provenance): PlanDraft {
  const note = 'FSDP with mixed precision holds what trains in float32 (accelerate 1.15 prepare_model)'
  const held: Sourced<'float32'> = { ...from, value: 'float32', note }
  if (trainsAdapter(draft)) return { 'adapter.dtype': held }
  const autocast = { ...from, value: false, note: 'FSDP gathers parameters in 16 bit; autocast has nothing to cast' }
  const states = draft['precision.optimizerStates']
  const follows = states === undefined || typeof states === 'function' || !SHRUNK.has(states.value)
  return {
    'precision.weights': held,
    'precision.gradients': held,
    'precision.autocast': autocast,
    ...(follows ? { 'precision.optimizerStates': held } : {}),
  }
}

/** States of their own dtype whatever the parameters have. */
const SHRUNK: ReadonlySet<string> = new Set(['int8', 'int4', 'fp8'])

/** Trainers whose FSDP is Accelerate's. */
const ON_ACCELERATE: ReadonlySet<Framework> = new Set<Framework>([
  ...(['transformers', 'trl', 'axolotl', 'llama-factory', 'ms-swift', 'alignment-handbook', 'open-r1'] as const),
])

/** Between the micro-steps of one optimizer step FSDP keeps whole gradients: nothing is reduced before the last one. */
const NO_SYNC = byDefault(
  true,
  'transformers 5.18 trainer.py: accelerator.no_sync while accumulating (unless sync_each_batch)',
)

/**
 * What Accelerate makes of a plan's FSDP. A plan states the dtype that weights are loaded in; under FSDP and 16-bit products what trains
 * is lifted to float32 whatever that was (accelerate accelerator.py prepare_model, `self.mixed_precision != "no"`, since 0.30.0;
 * fsdp_utils.py fsdp2_prepare_model). Empty: another engine or trainer. Transformers 4.41 came with the version that lifts.
 */
export function acceleratedFsdp(draft: PlanDraft): PlanDraft {
  const stated = <T>(value: DraftValue<T> | undefined): T | undefined =>
    typeof value === 'function' ? undefined : value?.value
  const data = stated(draft['parallelism.data'])
  const framework = stated(draft.framework)
  if (framework === undefined || (data !== 'fsdp1' && data !== 'fsdp2')) return {}
  const noSync = { 'parallelism.noSync': draft['parallelism.noSync'] ?? NO_SYNC }
  if (!ON_ACCELERATE.has(framework)) return framework === 'litgpt' ? noSync : {}
  const compute = stated(draft['precision.compute']) ?? 'auto'
  const { accelerate, transformers } = stated(draft.libraries) ?? {}
  const older = accelerate
    ? compareVersions(accelerate, '0.30.0') < 0
    : transformers !== undefined && compareVersions(transformers, '4.41.0') < 0
  const lifts = !older && compute !== 'float32' && compute !== 'tf32'
  return { ...noSync, ...(lifts ? fsdpDtypes(draft, provenanceOf(draft['precision.weights'])) : {}) }
}

function provenanceOf(value: DraftValue<unknown> | undefined): Provenance {
  if (value === undefined || typeof value === 'function') return { from: 'default' }
  const { value: _value, ...provenance } = value
  return provenance
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

function trainsAdapter(draft: PlanDraft): boolean {
  const type = draft['adapter.type']
  return typeof type === 'function' || (type !== undefined && type.value !== null)
}

function place(engine: Engine): Provenance {
  return provenanceOf(engine.draft['parallelism.data'])
}

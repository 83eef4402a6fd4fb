import { byDefault, type DraftValue, type PlanDraft, provenanceOf, statedValue } from '../plan/plan-draft.ts'
import type { Provenance, Sourced } from '../plan/provenance.ts'
import type { Framework } from '../plan/vocabulary.ts'
import { type Libraries, versionDefault } from './version-defaults.ts'

/** Trainers whose FSDP is Accelerate's. */
const ON_ACCELERATE: ReadonlySet<Framework> = new Set<Framework>([
  ...([
    'transformers',
    'trl',
    'axolotl',
    'llama-factory',
    'ms-swift',
    'alignment-handbook',
    'open-r1',
    'oumi',
  ] as const),
])

/** States of their own dtype whatever the parameters have. */
const SHRUNK: ReadonlySet<string> = new Set(['int8', 'int4', 'fp8'])

/**
 * What FSDP makes of the dtypes that weights are loaded in, under mixed precision: what trains is lifted to float32 and gathered in
 * 16 bit (accelerate 1.15 accelerator.py prepare_model, `self.mixed_precision != "no"`; utils/fsdp_utils.py fsdp2_prepare_model).
 * Axolotl replaces the FSDP2 one by its own, which lifts nothing (axolotl 0.18 monkeypatch/accelerate/fsdp2.py).
 */
export function fsdpDtypes(draft: PlanDraft, from: Provenance): PlanDraft {
  const lifts = !isAxolotlFsdp2(draft) && versionDefault('accelerate.fsdp_float32', accelerateOf(draft)).value
  const autocast = { ...from, value: false, note: 'FSDP gathers parameters in 16 bit; autocast has nothing to cast' }
  const adapter = statedValue(draft['adapter.type']) !== null && draft['adapter.type'] !== undefined
  if (!lifts) return adapter ? {} : { 'precision.autocast': autocast }
  const note = 'FSDP with mixed precision holds what trains in float32 (accelerate 1.15 prepare_model)'
  const held: Sourced<'float32'> = { ...from, value: 'float32', note }
  if (adapter) return { 'adapter.dtype': held }
  const states = statedValue(draft['precision.optimizerStates'])
  return {
    'precision.weights': held,
    'precision.gradients': held,
    'precision.autocast': autocast,
    ...(states === undefined || !SHRUNK.has(states) ? { 'precision.optimizerStates': held } : {}),
  }
}

/**
 * Are gradients kept whole between the micro-steps of one optimizer step? Trainers skip all reductions but the last one
 * (transformers 5.18 trainer.py, `accelerator.no_sync` unless `sync_each_batch`), for FSDP2 since accelerate 1.11.
 */
export function fsdpNoSync(draft: PlanDraft): DraftValue<boolean> {
  if (statedValue(draft['parallelism.data']) === 'fsdp2')
    return versionDefault('accelerate.fsdp2_no_sync', accelerateOf(draft))
  return byDefault(
    true,
    'transformers 5.18 trainer.py: accelerator.no_sync while accumulating (unless sync_each_batch)',
  )
}

/**
 * The same rules for a plan that names its trainer and engine: its dtypes are those that weights are loaded in, unless it says in which
 * ones trained weights are held. Empty: another engine or trainer.
 */
export function fsdpOfPlan(draft: PlanDraft): PlanDraft {
  const data = statedValue(draft['parallelism.data'])
  const framework = statedValue(draft.framework)
  if (framework === undefined || (data !== 'fsdp1' && data !== 'fsdp2')) return {}
  const own = draft['parallelism.noSync']
  if (framework === 'litgpt')
    return { 'parallelism.noSync': own ?? byDefault(true, 'LitGPT: fabric.no_backward_sync while accumulating') }
  if (!ON_ACCELERATE.has(framework)) return {}
  const compute = statedValue(draft['precision.compute']) ?? 'auto'
  const held = draft['precision.trainedWeights'] !== undefined
  const isMixed = !held && compute !== 'float32' && compute !== 'tf32'
  return {
    'parallelism.noSync': own ?? fsdpNoSync(draft),
    ...(isMixed ? fsdpDtypes(draft, provenanceOf(draft['precision.weights'])) : {}),
  }
}

function isAxolotlFsdp2(draft: PlanDraft): boolean {
  return statedValue(draft.framework) === 'axolotl' && statedValue(draft['parallelism.data']) === 'fsdp2'
}

/** Releases of transformers and the accelerate that came with them, newest first. */
const ACCELERATE_OF_TRANSFORMERS: readonly (readonly [readonly [number, number], string])[] = [
  [[4, 57], '1.11.0'],
  [[4, 41], '1.10.0'],
  [[0, 0], '0.29.0'],
]

/** accelerate's version, or what the named transformers was released with (4.41 in May 2024, 4.57 in October 2025). */
function accelerateOf(draft: PlanDraft): Libraries {
  const libraries = statedValue(draft.libraries) ?? {}
  const transformers = /^(\d+)\.(\d+)/.exec(libraries['transformers'] ?? '')
  if (libraries['accelerate'] !== undefined || transformers === null) return libraries
  const [major, minor] = [Number(transformers[1]), Number(transformers[2])]
  const found = ACCELERATE_OF_TRANSFORMERS.find(
    ([[least, part]]) => major > least || (major === least && minor >= part),
  )
  return { ...libraries, accelerate: found?.[1] ?? '0.29.0' }
}

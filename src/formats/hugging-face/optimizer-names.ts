import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Optimizer, OptimizerImplementation, OptimizerStateDtype } from '../../plan/vocabulary.ts'

interface OptimizerRow {
  readonly optimizer: Optimizer
  readonly implementation: OptimizerImplementation
  /** Absent: the dtype of what trains. */
  readonly states?: OptimizerStateDtype
  readonly paged?: true
}

const FUSED = 'fused'
const FOREACH = 'foreach'
const LOOP = 'loop'

/**
 * `optim` strings of transformers TrainingArguments (OptimizerNames, training_args.py 5.18 and older) and of Axolotl
 * (CustomSupportedOptimizers, utils/schemas/enums.py 0.18). bitsandbytes kernels update one tensor at a time without a
 * temporary copy: `fused`. Its 32-bit optimizers keep float32 states whatever the parameter is.
 */
const OPTIMIZER_NAMES: Readonly<Record<string, OptimizerRow>> = {
  adamw_torch: { optimizer: 'adamw', implementation: FOREACH },
  adamw_torch_fused: { optimizer: 'adamw', implementation: FUSED },
  adamw_torch_xla: { optimizer: 'adamw', implementation: FUSED },
  adamw_torch_npu_fused: { optimizer: 'adamw', implementation: FUSED },
  adamw_apex_fused: { optimizer: 'adamw', implementation: FUSED },
  adamw_hf: { optimizer: 'adamw', implementation: LOOP },
  adamw: { optimizer: 'adamw', implementation: FOREACH },
  adam: { optimizer: 'adamw', implementation: FOREACH },
  adamw_anyprecision: { optimizer: 'adamw', implementation: LOOP, states: 'bfloat16' },
  adamw_torch_4bit: { optimizer: 'adamw', implementation: LOOP, states: 'int4' },
  adamw_torch_8bit: { optimizer: 'adamw', implementation: LOOP, states: 'int8' },
  ao_adamw_4bit: { optimizer: 'adamw', implementation: LOOP, states: 'int4' },
  ao_adamw_8bit: { optimizer: 'adamw', implementation: LOOP, states: 'int8' },
  ao_adamw_fp8: { optimizer: 'adamw', implementation: LOOP, states: 'fp8' },
  adamw_bnb_8bit: { optimizer: 'adamw', implementation: FUSED, states: 'int8' },
  adamw_8bit: { optimizer: 'adamw', implementation: FUSED, states: 'int8' },
  paged_adamw_32bit: { optimizer: 'adamw', implementation: FUSED, states: 'float32', paged: true },
  paged_adamw: { optimizer: 'adamw', implementation: FUSED, states: 'float32', paged: true },
  paged_adamw_8bit: { optimizer: 'adamw', implementation: FUSED, states: 'int8', paged: true },
  ademamix: { optimizer: 'ademamix', implementation: FUSED, states: 'float32' },
  ademamix_8bit: { optimizer: 'ademamix', implementation: FUSED, states: 'int8' },
  paged_ademamix_32bit: { optimizer: 'ademamix', implementation: FUSED, states: 'float32', paged: true },
  paged_ademamix_8bit: { optimizer: 'ademamix', implementation: FUSED, states: 'int8', paged: true },
  lion_32bit: { optimizer: 'lion', implementation: FUSED, states: 'float32' },
  lion: { optimizer: 'lion', implementation: FUSED, states: 'float32' },
  lion_8bit: { optimizer: 'lion', implementation: FUSED, states: 'int8' },
  paged_lion_32bit: { optimizer: 'lion', implementation: FUSED, states: 'float32', paged: true },
  paged_lion_8bit: { optimizer: 'lion', implementation: FUSED, states: 'int8', paged: true },
  lion_pytorch: { optimizer: 'lion', implementation: LOOP },
  adafactor: { optimizer: 'adafactor', implementation: LOOP },
  sgd: { optimizer: 'sgd', implementation: FOREACH },
  adagrad: { optimizer: 'adagrad', implementation: FOREACH },
  rmsprop: { optimizer: 'rmsprop', implementation: FOREACH },
  rmsprop_bnb: { optimizer: 'rmsprop', implementation: FUSED, states: 'float32' },
  rmsprop_bnb_32bit: { optimizer: 'rmsprop', implementation: FUSED, states: 'float32' },
  rmsprop_bnb_8bit: { optimizer: 'rmsprop', implementation: FUSED, states: 'int8' },
  galore_adamw: { optimizer: 'galore_adamw', implementation: LOOP },
  galore_adamw_8bit: { optimizer: 'galore_adamw', implementation: LOOP, states: 'int8' },
  q_galore_adamw8bit: { optimizer: 'galore_adamw', implementation: LOOP, states: 'int8' },
  galore_adafactor: { optimizer: 'galore_adafactor', implementation: LOOP },
  galore_adamw_layerwise: { optimizer: 'galore_adamw', implementation: 'in_backward' },
  galore_adamw_8bit_layerwise: { optimizer: 'galore_adamw', implementation: 'in_backward', states: 'int8' },
  galore_adafactor_layerwise: { optimizer: 'galore_adafactor', implementation: 'in_backward' },
  apollo_adamw: { optimizer: 'apollo', implementation: LOOP },
  apollo_adamw_layerwise: { optimizer: 'apollo', implementation: 'in_backward' },
  lomo: { optimizer: 'lomo', implementation: 'in_backward' },
  adalomo: { optimizer: 'adalomo', implementation: 'in_backward' },
  grokadamw: { optimizer: 'grokadamw', implementation: LOOP },
  schedule_free_radam: { optimizer: 'schedule_free_adamw', implementation: FOREACH },
  schedule_free_adamw: { optimizer: 'schedule_free_adamw', implementation: FOREACH },
  schedule_free_sgd: { optimizer: 'schedule_free_sgd', implementation: FOREACH },
  stable_adamw: { optimizer: 'stable_adamw', implementation: LOOP },
  optimi_adamw: { optimizer: 'adamw', implementation: FOREACH },
  adopt_adamw: { optimizer: 'adamw', implementation: FOREACH },
  came_pytorch: { optimizer: 'came', implementation: LOOP },
  muon: { optimizer: 'muon', implementation: LOOP },
  dion: { optimizer: 'dion', implementation: LOOP },
  flash_adamw: { optimizer: 'flash_adamw', implementation: FUSED },
  flash_adam: { optimizer: 'flash_adamw', implementation: FUSED },
  flash_lion: { optimizer: 'lion', implementation: FUSED, states: 'int8' },
  flash_sgd: { optimizer: 'sgd', implementation: FUSED },
  flash_sgdw: { optimizer: 'sgd', implementation: FUSED },
  adam_mini: { optimizer: 'adam_mini', implementation: LOOP },
  sinkgd: { optimizer: 'other', implementation: LOOP },
}

/** What an `optim` string sets; null when the name is not known. */
export function optimizerDraft(name: Sourced<string>): MutablePlanDraft | null {
  const key = name.value.toLowerCase()
  const row = Object.hasOwn(OPTIMIZER_NAMES, key) ? OPTIMIZER_NAMES[key] : undefined
  if (row === undefined) return null
  return {
    optimizer: { ...name, value: row.optimizer },
    optimizerImplementation: { ...name, value: row.implementation },
    optimizerPaged: { ...name, value: row.paged ?? false },
    ...(row.states ? { 'precision.optimizerStates': { ...name, value: row.states } } : {}),
  }
}

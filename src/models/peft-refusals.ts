import type { AdapterPlan } from '../plan/training-plan.ts'
import type { Architecture } from './architecture.ts'
import { countedTensors } from './counted-tensors.ts'
import { expertConversion, isFusedExpert } from './expert-conversion.ts'
import type { CountedTensor } from './model-counts.ts'
import { isSaved } from './saved-modules.ts'

interface RefusalOptions {
  readonly architecture: Architecture
  readonly adapter: AdapterPlan
  /** Does the rule mean this tensor, in whatever layer? */
  readonly holds: (counted: CountedTensor) => boolean
  readonly isAll: boolean
}

/** Trainers with adapters of their own. */
export const WITHOUT_PEFT: ReadonlySet<AdapterPlan['targetRule']> = new Set(['litgpt', 'torchtune', 'megatron'])

/** PEFT 0.21 tuners_utils.py `_check_lora_target_modules_mamba`. */
const MAMBA_TYPES = new Set(['falcon_h1', 'mamba', 'mamba2', 'falcon_mamba', 'nemotron_h'])
const MAMBA_KERNEL_WEIGHTS = new Set(['out_proj', 'conv1d'])
const MAMBA_ADAPTERS: ReadonlySet<AdapterPlan['type']> = new Set(['lora', 'dora', 'adalora', 'xlora', 'randlora'])

/** Why PEFT raises instead of training; null: it does not. */
export function peftRefusal({ architecture, adapter, holds, isAll }: RefusalOptions): string | null {
  const { targetRule, targetModules, layersToTransform, type } = adapter
  if (WITHOUT_PEFT.has(targetRule)) return null
  const isText = (isAll && targetRule === 'peft') || (typeof targetModules === 'object' && 'regex' in targetModules)
  if (isText && layersToTransform !== null)
    return 'PEFT refuses `layers_to_transform` beside `all-linear` or a pattern; expected a list of names.'
  const means = (wanted: (counted: CountedTensor) => boolean): boolean =>
    countedTensors(architecture).some(counted => wanted(counted) && holds(counted))
  const { modelType, wholeType = modelType, head } = architecture
  const isKernelWeight = ({ tensor: { path } }: CountedTensor): boolean =>
    MAMBA_KERNEL_WEIGHTS.has(path.slice(path.lastIndexOf('.') + 1))
  if (MAMBA_TYPES.has(wholeType) && MAMBA_ADAPTERS.has(type) && means(isKernelWeight))
    return `PEFT refuses \`out_proj\` of \`${wholeType}\`: its kernel reads the weight past the adapter.`
  if (type === 'dora' && means(({ tensor }) => isFusedExpert(tensor)))
    return 'PEFT refuses DoRA on experts that are one parameter.'
  const isWholeToken = isAll && targetRule === 'peft' && head.kind === 'token-classification'
  if (isWholeToken || means(counted => isSaved(architecture, adapter, counted)))
    return 'PEFT refuses to adapt what it saves whole: a head of classification, or a name that ends in one of `modules_to_save`.'
  if (targetModules === 'default' && (type === 'lora' || type === 'dora') && expertConversion(architecture) !== null)
    return `PEFT refuses \`${wholeType}\` without \`target_modules\` on transformers 5; expected a list.`
  return null
}

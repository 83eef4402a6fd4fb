import type { AdapterPlan } from '../plan/training-plan.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import { countedTensors } from './counted-tensors.ts'
import { type ConvertedTargets, convertTargets, expertConversion, isFusedExpert, ROUTER } from './expert-conversion.ts'
import type { CountedTensor } from './model-counts.ts'
import { moduleNames } from './module-names.ts'
import { type ArchitecturePattern, layersWhere, modulePattern } from './module-pattern.ts'
import { peftDefaultTargets } from './peft-defaults.ts'
import { peftRefusal, WITHOUT_PEFT } from './peft-refusals.ts'
import { savedNames } from './saved-modules.ts'

/** Names of q, k, v that address one fused projection (LitGPT names its parts). */
const FUSED_PARTS = new Set(['q_proj', 'k_proj', 'v_proj'])
const FUSED_LEAVES = new Set(['query_key_value', 'c_attn', 'qkv_proj', 'Wqkv', 'W_pack', 'wqkv'])

export interface TargetRule {
  /** In how many of its layers the adapter sits on this tensor. */
  layers(counted: CountedTensor): number
  /** The rank there; PEFT doubles it on converted gate_up experts. */
  rank(tensor: ParameterTensor): number
  /** Names that were given; empty for `all-linear` and patterns. */
  readonly names: readonly string[]
  /** What is wrong with the pattern given; null: nothing. */
  problem(): string | null
  /** Why the library refuses the names; null: it does not. */
  readonly refusal: string | null
}

/** Which tensors an adapter plan means. null: the library has no default for this model type. */
export function targetRule(architecture: Architecture, adapter: AdapterPlan): TargetRule | null {
  const { targetModules } = adapter
  const { modelType, wholeType = modelType } = architecture
  const defaults = targetModules === 'default' ? peftDefaultTargets(wholeType, adapter.type) : undefined
  if (targetModules === 'default' && defaults === undefined && adapter.targetRule === 'peft') return null
  const isAll = targetModules === 'all-linear' || (targetModules === 'default' && defaults === undefined)
  const names = Array.isArray(targetModules) ? targetModules : (defaults ?? [])
  const pattern =
    typeof targetModules === 'object' && 'regex' in targetModules
      ? modulePattern(architecture, targetModules.regex)
      : null
  const converted = convertedTargets(architecture, adapter, { names, isAll, pattern })
  const isExcluded = excludes(architecture, adapter)
  const chosen = adapter.layersToTransform === null ? null : new Set(adapter.layersToTransform)
  const holds = ({ tensor }: CountedTensor): boolean => {
    if (isFusedExpert(tensor) && isAll && adapter.targetRule === 'megatron') return true
    if (isFusedExpert(tensor) || (tensor.kind === 'router' && tensor.fused))
      return isTargetParameter(tensor, adapter) || (converted?.parameters.has(parameterName(tensor)) ?? false)
    if (!(isAll ? isLinearKind(tensor) : isAdaptable(tensor))) return false
    if (converted) return isNamed(tensor, converted.modules, adapter) && (!isAll || isLinearLike(tensor, adapter))
    return isAll ? isLinearLike(tensor, adapter) : pattern !== null || isNamed(tensor, names, adapter)
  }
  return {
    names,
    refusal:
      converted?.refusal ??
      peftRefusal({ architecture, adapter, isAll, holds: counted => holds(counted) && !isExcluded(counted) }),
    problem: () => pattern?.problem() ?? null,
    layers: counted => {
      if (isExcluded(counted) || !holds(counted)) return 0
      const isChosen = (layer: number | null): boolean => {
        if (chosen === null) return true
        const [name = ''] = moduleNames(architecture, counted, layer)
        // a whole module name is taken wherever it stands; a suffix needs a number before it (PEFT check_target_module_exists)
        const index = layer ?? /^.*?\.[^.]*\.(\d+)\./.exec(name)?.[1]
        return names.includes(name) || (index !== undefined && chosen.has(Number(index)))
      }
      const matches = (layer: number | null): boolean =>
        converted !== null ||
        pattern === null ||
        isTargetParameter(counted.tensor, adapter) ||
        pattern.holdsModule(counted, layer)
      return layersWhere(counted, layer => isChosen(layer) && matches(layer))
    },
    rank: tensor => {
      const isConverted = isFusedExpert(tensor) && converted !== null && leafOf(tensor.path) === 'gate_up_proj'
      if (isConverted && converted.parameters.has('gate_up_proj')) return 2 * adapter.rank
      const override = Object.entries(adapter.rankPattern).find(
        ([name]) => tensor.path === name || tensor.path.endsWith(`.${name}`) || name.endsWith(`.${tensor.path}`),
      )?.[1]
      return override ?? adapter.rank
    },
  }
}

interface Given {
  readonly names: readonly string[]
  readonly isAll: boolean
  readonly pattern: ArchitecturePattern | null
}

/** PEFT turns names of expert layers into names of fused parameters, whoever writes the list; only for LoRA. */
function convertedTargets(
  architecture: Architecture,
  adapter: AdapterPlan,
  { names, isAll, pattern }: Given,
): ConvertedTargets | null {
  const conversion = WITHOUT_PEFT.has(adapter.targetRule) ? null : expertConversion(architecture)
  if (!conversion || (adapter.type !== 'lora' && adapter.type !== 'dora')) return null
  if (!isAll && !pattern) return convertTargets(names, conversion)
  const tensors = countedTensors(architecture)
  const leaves = (wanted: (counted: CountedTensor) => boolean): readonly string[] => [
    ...new Set(tensors.filter(wanted).map(({ tensor }) => leafOf(tensor.path))),
  ]
  const old = Object.keys(conversion)
  if (pattern) {
    const matches = (counted: CountedTensor): boolean =>
      layersWhere(counted, layer => pattern.holdsModule(counted, layer)) > 0
    const isOld = (name: string): boolean =>
      tensors.some(
        counted =>
          isFusedExpert(counted.tensor) &&
          matches({ ...counted, tensor: { ...counted.tensor, path: `mlp.experts.${name}` } }),
      )
    return convertTargets([...leaves(matches), ...old.filter(isOld)], conversion)
  }
  const linear = leaves(({ tensor }) => isLinearKind(tensor) && isLinearLike(tensor, adapter))
  return convertTargets(adapter.targetRule === 'peft' ? [...linear, ...old] : linear, conversion)
}

/** PEFT check_target_module_exists: suffixes in `exclude_modules`, and whatever stands in or below a module that is saved whole. */
function excludes(architecture: Architecture, adapter: AdapterPlan): (counted: CountedTensor) => boolean {
  const { excludeModules } = adapter
  const saved =
    architecture.head.kind === 'sequence-classification' ? savedNames(architecture, adapter) : adapter.modulesToSave
  return counted => {
    const names = moduleNames(architecture, counted, counted.places?.[0] ?? null)
    const isSaved = saved.some(whole => names.some(name => `.${name}.`.includes(`.${whole}.`)))
    return isSaved || excludeModules.some(name => names.some(own => own === name || own.endsWith(`.${name}`)))
  }
}

/** `target_parameters`, and the fused experts that Unsloth and trainers without PEFT reach by the old names. */
function isTargetParameter(tensor: ParameterTensor, adapter: AdapterPlan): boolean {
  return adapter.targetParameters.some(
    name => tensor.path === name || tensor.path.endsWith(`.${name}`) || name.endsWith(`.${tensor.path}`),
  )
}

function parameterName({ kind, path }: ParameterTensor): string {
  return kind === 'router' ? ROUTER : leafOf(path)
}

function isNamed(tensor: ParameterTensor, names: readonly string[], adapter: AdapterPlan): boolean {
  const isTower = tensor.part === 'vision' || tensor.part === 'projector'
  if (isTower && adapter.targetRule === 'llama-factory') return false
  const leaf = leafOf(tensor.path)
  return names.some(
    name =>
      tensor.path === name ||
      tensor.path.endsWith(`.${name}`) ||
      (FUSED_LEAVES.has(leaf) && FUSED_PARTS.has(name) && adapter.targetRule !== 'peft'),
  )
}

function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function isLinearKind({ kind, fused }: ParameterTensor): boolean {
  return kind === 'linear' || kind === 'conv1d' || ((kind === 'router' || kind === 'expert') && !fused)
}

/** A convolution over patches takes an adapter when it is named. */
function isAdaptable(tensor: ParameterTensor): boolean {
  return isLinearKind(tensor) || (tensor.kind === 'convolution' && tensor.outFeatures > 1)
}

/** Outputs of the model: PEFT leaves them out of `all-linear` or trains them in full. */
const OUTPUTS = /^(?:lm_head|proj_out|score|classifier|decoder)(?:\.|$)/

/** What `all-linear` reaches in each library (PEFT 0.21, LLaMA-Factory 0.9.6, Axolotl 0.18, ms-swift 4.6), beside Megatron's grouped experts. */
function isLinearLike(tensor: ParameterTensor, adapter: AdapterPlan): boolean {
  if (tensor.part === 'head' && OUTPUTS.test(tensor.path)) return false
  if (tensor.part === 'vision' || tensor.part === 'projector')
    return adapter.targetRule === 'peft' || adapter.targetRule === 'axolotl'
  return isLinearKind(tensor)
}

import type { AdapterPlan } from '../plan/training-plan.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'
import type { CountedTensor } from './model-counts.ts'
import { layersWhere, modulePattern } from './module-pattern.ts'

/** PEFT 0.21 TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING: targets when none are given. */
const PEFT_DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  ...fromList(
    [
      'llama',
      'llama4',
      'llama4_text',
      'mistral',
      'mixtral',
      'stablelm',
      'gemma',
      'gemma2',
      'gemma3_text',
      'gemma3',
      'qwen2',
      'qwen3',
      'opt',
      'gptj',
      'gpt_neo',
    ],
    ['q_proj', 'v_proj'],
  ),
  ...fromList(['gpt2', 'gpt_bigcode'], ['c_attn']),
  ...fromList(['bloom', 'gpt_neox', 'chatglm', 'falcon', 'RefinedWeb', 'RefinedWebModel'], ['query_key_value']),
  ...fromList(['bert', 'roberta', 'xlm-roberta'], ['query', 'value']),
  ...fromList(['deberta-v2'], ['query_proj', 'value_proj']),
  ...fromList(['mpt'], ['Wqkv']),
  ...fromList(['codegen'], ['qkv_proj']),
  ...fromList(['phi'], ['q_proj', 'v_proj', 'fc1', 'fc2']),
  ...fromList(['nemotron_h'], ['q_proj', 'k_proj', 'v_proj', 'o_proj']),
}

function fromList(types: readonly string[], targets: readonly string[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(types.map(type => [type, targets]))
}

/** Types whose fused experts PEFT 0.21 adapts when gate/up/down projections are named (it doubles the rank of gate_up). */
const CONVERTED_EXPERTS = new Set([
  'mixtral',
  'minimax',
  'minimax_m2',
  'deepseek_v2',
  'deepseek_v3',
  'deepseek_v32',
  'kimi_k2',
  'dots1',
  'ernie4_5_moe',
  'glm4_moe',
  'glm4_moe_lite',
  'glm_moe_dsa',
  'qwen3_moe',
  'qwen3_next',
  'olmoe',
  'hunyuan_v1_moe',
])
const EXPERT_NAMES = new Set(['gate_proj', 'up_proj', 'down_proj', 'w1', 'w2', 'w3', 'experts', 'gate_up_proj'])

/** Names of q, k, v that address one fused projection (LitGPT names its parts). */
const FUSED_PARTS = new Set(['q_proj', 'k_proj', 'v_proj'])
const FUSED_LEAVES = new Set(['query_key_value', 'c_attn', 'qkv_proj', 'Wqkv', 'W_pack', 'wqkv'])

export interface TargetRule {
  /** In how many of its layers the adapter sits on this tensor. */
  layers(counted: CountedTensor): number
  /** The rank there; PEFT doubles it on fused gate_up experts. */
  rank(tensor: ParameterTensor): number
  /** Names that were given; empty for `all-linear` and patterns. */
  readonly names: readonly string[]
  /** What is wrong with the pattern given; null: nothing. */
  problem(): string | null
}

/** Which tensors an adapter plan means. null: the library has no default for this model type. */
export function targetRule(architecture: Architecture, adapter: AdapterPlan): TargetRule | null {
  const { targetModules } = adapter
  const names = targetModules === 'default' ? PEFT_DEFAULTS[architecture.modelType] : undefined
  if (targetModules === 'default' && names === undefined && adapter.targetRule === 'peft') return null
  const isAll = targetModules === 'all-linear' || (targetModules === 'default' && names === undefined)
  const given = Array.isArray(targetModules) ? targetModules : (names ?? [])
  const pattern =
    typeof targetModules === 'object' && 'regex' in targetModules
      ? modulePattern(architecture, targetModules.regex)
      : null
  const excluded = new Set(adapter.excludeModules)
  const chosen = adapter.layersToTransform === null ? null : new Set(adapter.layersToTransform)
  const converts = CONVERTED_EXPERTS.has(architecture.modelType)
  const named = (tensor: ParameterTensor): boolean => {
    if (isAll) return isLinearLike(tensor, adapter, converts)
    if (tensor.kind === 'expert' && tensor.fused) {
      const asParameter = adapter.targetParameters.some(name => tensor.path.endsWith(name))
      return (
        asParameter ||
        (converts && given.some(name => EXPERT_NAMES.has(name)) && given.some(name => matchesExpert(tensor, name)))
      )
    }
    if (!isLinearKind(tensor)) return false
    const leaf = leafOf(tensor.path)
    return given.some(
      name =>
        tensor.path === name ||
        tensor.path.endsWith(`.${name}`) ||
        leaf === name ||
        (FUSED_LEAVES.has(leaf) && FUSED_PARTS.has(name) && adapter.targetRule !== 'peft'),
    )
  }
  return {
    names: given,
    problem: () => pattern?.problem() ?? null,
    layers: counted => {
      const { tensor } = counted
      if (excluded.has(leafOf(tensor.path))) return 0
      if (pattern ? !isLinearKind(tensor) : !named(tensor)) return 0
      const isChosen = (layer: number | null): boolean => layer === null || chosen === null || chosen.has(layer)
      return layersWhere(counted, layer => isChosen(layer) && (pattern?.holdsModule(counted, layer) ?? true))
    },
    rank: tensor => {
      const override = Object.entries(adapter.rankPattern).find(([name]) => tensor.path.endsWith(name))?.[1]
      const rank = override ?? adapter.rank
      return tensor.kind === 'expert' && tensor.fused && converts && leafOf(tensor.path) === 'gate_up_proj'
        ? 2 * rank
        : rank
    },
  }
}

function leafOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function isLinearKind({ kind, fused }: ParameterTensor): boolean {
  return kind === 'linear' || kind === 'conv1d' || kind === 'router' || (kind === 'expert' && !fused)
}

function matchesExpert(tensor: ParameterTensor, name: string): boolean {
  const leaf = leafOf(tensor.path)
  if (leaf === name || name === 'experts') return true
  return leaf === 'gate_up_proj'
    ? ['gate_proj', 'up_proj', 'w1', 'w3'].includes(name)
    : ['down_proj', 'w2'].includes(name)
}

/** What `all-linear` reaches in each library (PEFT 0.21, LLaMA-Factory 0.9.6, Axolotl 0.18, ms-swift 4.6). */
function isLinearLike(tensor: ParameterTensor, adapter: AdapterPlan, converts: boolean): boolean {
  if (tensor.part === 'head') return false
  if (tensor.part === 'vision' || tensor.part === 'projector')
    return adapter.targetRule === 'peft' || adapter.targetRule === 'axolotl'
  if (tensor.kind === 'expert' && tensor.fused) return converts
  return isLinearKind(tensor)
}

import { rowOf } from '../plan/row-of.ts'
import type { Architecture, ParameterTensor } from './architecture.ts'

/** The router's weight as a parameter of its own, beside the names of fused experts. */
export const ROUTER = 'router'

/** What PEFT 0.21 makes of names that transformers 5 has fused away: `old name → parameter`. */
export type ExpertConversion = Readonly<Record<string, string>>

const MIXTRAL: ExpertConversion = { gate: ROUTER, w1: 'gate_up_proj', w3: 'gate_up_proj', w2: 'down_proj' }
const QWEN: ExpertConversion = {
  gate: ROUTER,
  gate_proj: 'gate_up_proj',
  up_proj: 'gate_up_proj',
  down_proj: 'down_proj',
}

/** transformers 5.18 conversion_mapping.py `_MODEL_TO_CONVERSION_PATTERN`, for the two patterns that PEFT converts. */
const CONVERTED: Readonly<Record<string, ExpertConversion>> = {
  ...Object.fromEntries(['mixtral', 'minimax', 'minimax_m2'].map(type => [type, MIXTRAL])),
  ...Object.fromEntries(
    [
      ...['afmoe', 'deepseek_v2', 'deepseek_v3', 'deepseek_v32', 'kimi_k2', 'dots1', 'ernie4_5_moe', 'glm4_moe'],
      ...['glm4_moe_lite', 'glm_moe_dsa', 'glm4v_moe', 'longcat_flash', 'solar_open', 'qwen3_moe', 'qwen3_omni_moe'],
      ...['qwen3_next', 'hunyuan_v1_moe', 'flex_olmo', 'olmoe', 'exaone_moe', 'cohere2_moe'],
    ].map(type => [type, QWEN]),
  ),
}

/** The conversion that applies to a model as loaded; null: its experts are separate layers, or PEFT leaves them alone. */
export function expertConversion({ modelType, layers }: Architecture): ExpertConversion | null {
  const isFused = layers.some(({ layer }) => layer.tensors.some(isFusedExpert))
  return isFused && Object.hasOwn(CONVERTED, modelType) ? (CONVERTED[modelType] ?? null) : null
}

export function isFusedExpert({ kind, fused }: ParameterTensor): boolean {
  return kind === 'expert' && fused
}

export interface ConvertedTargets {
  /** Names that stay names of modules: the converted ones reach no dense or shared layer any more. */
  readonly modules: readonly string[]
  readonly parameters: ReadonlySet<string>
  /** Why PEFT refuses the names; null: it does not. */
  readonly refusal: string | null
}

/** PEFT utils/transformers_weight_conversion.py `_convert_peft_config_moe`. */
export function convertTargets(names: readonly string[], conversion: ExpertConversion): ConvertedTargets {
  const oldOf = (name: string): string | undefined =>
    Object.keys(conversion).find(old => name === old || name.endsWith(`.${old}`))
  const old = new Set(names.flatMap(name => oldOf(name) ?? []))
  const joined = Object.keys(conversion).filter(name => conversion[name] === 'gate_up_proj')
  const missing = joined.filter(name => !old.has(name))
  const isHalf = missing.length > 0 && missing.length < joined.length
  const present = joined.filter(name => old.has(name))
  return {
    modules: names.filter(name => oldOf(name) === undefined),
    parameters: new Set([...old].flatMap(name => rowOf(conversion, name) ?? [])),
    refusal: isHalf
      ? `PEFT refuses \`${present.join('`, `')}\` without \`${missing.join('`, `')}\`: transformers 5 keeps both in one parameter.`
      : null,
  }
}

import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { StorageDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { fromTable } from '../key-rows.ts'
import { mapped } from '../section.ts'
import { switchedOn as on } from './switched-on.ts'

const ARGUMENTS = 'Megatron-LM core 0.20 megatron/training/arguments.py'

/** 16-bit weights imply float32 main gradients and parameters. */
export function readMegatronPrecision(fields: Fields): MutablePlanDraft {
  const half = on(fields, 'bf16') ?? on(fields, 'fp16')
  const dtype: StorageDtype = half ? (on(fields, 'bf16') ? 'bfloat16' : 'float16') : 'float32'
  const weights = half ? mapped(half, () => dtype) : byDefault(dtype, `${ARGUMENTS}: neither bf16 nor fp16`)
  const fp8 = fields.string('fp8_format') ?? fields.string('fp8')
  const reduced = on(fields, 'grad_reduce_in_bf16')
  return {
    'precision.weights': weights,
    'precision.compute': fp8 ? mapped(fp8, () => 'float8' as const) : weights,
    'precision.autocast': byDefault(false, 'Megatron runs the 16-bit module itself'),
    ...readMainStates(fields, {
      isBfloat16: dtype === 'bfloat16',
      isSharded: on(fields, 'use_distributed_optimizer') !== undefined,
    }),
    ...(reduced ? { 'precision.gradients': { ...reduced, value: dtype } } : {}),
    'precision.masterWeights': byDefault(half !== undefined, `${ARGUMENTS}: main_params_dtype fp32`),
  }
}

interface MainStates {
  readonly isBfloat16: boolean
  /** By the distributed optimizer, without which the precision-aware one is refused. */
  readonly isSharded: boolean
}

/** Main gradients, moments and masters of Megatron core's optimizer, under the names of its arguments. */
export function readMainStates(fields: Fields, states: MainStates): MutablePlanDraft {
  return {
    'precision.gradients':
      readAware(fields, 'main_grads_dtype', MAIN_GRADIENTS) ??
      byDefault('float32', `${ARGUMENTS}: float32 main gradients`),
    'precision.optimizerStates': readMoments(fields) ?? byDefault('float32', `${ARGUMENTS}: exp_avg_dtype fp32`),
    ...readMasterBytes(fields, states),
  }
}

const MAIN_GRADIENTS = { fp32: 'float32', bf16: 'bfloat16' } as const
const MOMENTS = { fp32: 'float32', bf16: 'bfloat16', fp16: 'float16', fp8: 'fp8' } as const
type Moment = (typeof MOMENTS)[keyof typeof MOMENTS]
const NARROWING: readonly Moment[] = ['float32', 'bfloat16', 'float16', 'fp8']

/** The two moments may differ; the plan has one dtype, so that the wider holds. */
function readMoments(fields: Fields): Sourced<Moment> | undefined {
  const [first, second] = ['exp_avg_dtype', 'exp_avg_sq_dtype'].map(key => readAware<Moment>(fields, key, MOMENTS))
  if (first === undefined || second === undefined) return undefined
  const width = ({ value }: typeof first) => NARROWING.indexOf(value)
  return width(second) < width(first) ? second : first
}

/**
 * Under the precision-aware optimizer TransformerEngine's FusedAdam keeps the 16 bits that a bfloat16 weight lacks (core 0.20
 * optimizer_config.py store_param_remainders), or float16 masters; scaled 8-bit recipes other than `delayed` go back to float32 ones.
 */
function readMasterBytes(fields: Fields, { isBfloat16, isSharded }: MainStates): MutablePlanDraft {
  const aware = on(fields, 'use_precision_aware_optimizer')
  if (aware === undefined || !isSharded) return {}
  if (fields.string('main_params_dtype')?.value === 'fp16')
    return { 'precision.masterWeightBytes': mapped(aware, () => 2) }
  const recipe = fields.string('fp8_recipe')?.value ?? 'delayed'
  const is8bit = fields.isSet('fp8_format') || fields.isSet('fp8')
  const remainders = isBfloat16 && !(is8bit && recipe !== 'delayed') && !on(fields, 'fp8_param_gather')
  return remainders ? { 'precision.masterWeightBytes': mapped(aware, () => 2) } : {}
}

/** Dtypes that count only under the precision-aware optimizer (optimizer_config.py asserts fp32 without it). */
function readAware<T extends string>(
  fields: Fields,
  key: string,
  names: Readonly<Record<string, T>>,
): Sourced<T> | undefined {
  if (!on(fields, 'use_precision_aware_optimizer') || !fields.isSet(key)) return undefined
  return fromTable(names)(fields, key)
}

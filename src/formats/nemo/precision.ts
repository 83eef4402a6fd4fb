import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault } from '../section.ts'

const BASE = 'NeMo @8cfedd7 nemo/collections/nlp/models/language_modeling/megatron_base_model.py'

interface PrecisionOptions {
  readonly trainer: Fields
  readonly model: Fields
  readonly optimizer: string
  readonly gradientSync: string | undefined
  readonly findings: Finding[]
}

/** Without `megatron_amp_O2` float32 parameters under autocast; with it a 16-bit module, float32 gradients and masters. */
export function nemoPrecision({
  trainer,
  model,
  optimizer,
  gradientSync,
  findings,
}: PrecisionOptions): MutablePlanDraft {
  const precision = orDefault(trainer.string('precision'), '32-true', 'Lightning Trainer: 32-true')
  const half = /^bf16/.test(precision.value)
    ? ('bfloat16' as const)
    : /^(?:fp)?16/.test(precision.value)
      ? ('float16' as const)
      : null
  const level = orDefault(model.boolean('megatron_amp_O2'), false, `${BASE}: False`)
  const isWhole = /-true$/.test(precision.value) && half !== null
  const isCast = half !== null && (level.value || isWhole)
  const eight = model.boolean('fp8')
  if (half === 'float16' && level.value && !/^distributed|^mcore/.test(optimizer)) {
    const { path = null, line = null, column = null } = level
    const message = 'NeMo refuses `megatron_amp_O2` with 16-bit floats; it is for bf16.'
    findings.push(finding('will-not-start', { path, line, column, message }))
  }
  return {
    'precision.weights': isWhole
      ? mapped(precision, () => half ?? 'float32')
      : mapped(level, () => (isCast ? (half ?? 'float32') : 'float32')),
    'precision.compute': eight?.value
      ? mapped(eight, () => 'float8' as const)
      : mapped(precision, () => half ?? 'float32'),
    'precision.autocast': byDefault(half !== null && !isCast, `${BASE}: autocast without O2`),
    'precision.gradients':
      isCast && gradientSync !== undefined && /^bf16|bfloat16|fp?16/.test(gradientSync)
        ? byDefault(half ?? 'float32', 'optim.grad_sync_dtype')
        : byDefault(isWhole && !level.value ? 'auto' : 'float32', `${BASE}: fp32_grad_accum, and grad_sync_dtype fp32`),
    'precision.optimizerStates': byDefault('float32', `${BASE}: dtype float32`),
    'precision.masterWeights': byDefault(isCast && level.value, `${BASE}: MainParamsOptimizerWrapper with O2`),
  }
}

import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import { rowOf } from '../../plan/row-of.ts'
import type { ComputeDtype } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'
import { mapped, orDefault } from '../section.ts'
import { usesTransformerEngine } from './mpt-shapes.ts'

const CONFIG = 'LLM Foundry @8c8dd48 llmfoundry/utils/config_utils.py'
const CONTEXT = 'Composer @6405188 composer/core/precision.py get_precision_context'

const COMPUTE: Readonly<Record<string, ComputeDtype>> = {
  amp_bf16: 'bfloat16',
  amp_fp16: 'float16',
  fp32: 'float32',
}

interface PrecisionOptions {
  readonly top: Fields
  readonly model: Fields
  readonly fsdp: Fields
  readonly isSharded: boolean
  readonly findings: Finding[]
}

/**
 * Parameters are float32 always. FSDP gathers them in the precision's dtype unless `mixed_precision: FULL`; without FSDP autocast casts.
 * `amp_fp8` has no autocast: it reaches TransformerEngine layers, and FSDP gathers bfloat16 for the rest.
 */
export function foundryPrecision({ top, model, fsdp, isSharded, findings }: PrecisionOptions): MutablePlanDraft {
  const precision = orDefault(
    top.oneOf('precision', ['amp_bf16', 'amp_fp16', 'amp_fp8', 'fp32']),
    'amp_bf16',
    `${CONFIG}: amp_bf16`,
  )
  const isEight = precision.value === 'amp_fp8'
  const hasEngine = usesTransformerEngine(model, findings)
  if (isEight && !hasEngine) {
    const message = '`amp_fp8` reaches TransformerEngine layers only (`fc_type: te`); this model has none.'
    const { path = null, line = null, column = null } = precision
    findings.push(finding('ignored-key', { path, line, column, message }))
  }
  const gathered = fsdp.string('mixed_precision')?.value.toUpperCase() !== 'FULL'
  const engineCasts = isSharded && gathered
  return {
    'precision.weights': byDefault('float32', 'LLM Foundry @8c8dd48 models/consts.py _MASTER_WEIGHTS_PRECISION'),
    'precision.compute': facts =>
      mapped(precision, name =>
        isEight
          ? hasEngine
            ? 'float8'
            : engineCasts && facts.gpus > 1
              ? 'bfloat16'
              : 'float32'
          : (rowOf(COMPUTE, name) ?? 'bfloat16'),
      ),
    'precision.autocast': facts =>
      byDefault(
        !isEight && precision.value !== 'fp32' && !(engineCasts && facts.gpus > 1),
        engineCasts ? 'Composer @6405188 mosaic_parallelism.py: FSDP gathers 16-bit parameters' : CONTEXT,
      ),
    'precision.gradients': byDefault('auto', 'the dtype of the parameters'),
    'precision.optimizerStates': byDefault('auto', 'the dtype of the parameters'),
    'precision.masterWeights': byDefault(false, 'the parameters themselves are float32'),
    'adapter.dtype': byDefault('float32', 'LLM Foundry @8c8dd48 models/hf/hf_base.py: PEFT over float32 weights'),
  }
}

import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { ComputeDtype, StorageDtype } from '../../plan/vocabulary.ts'
import { DTYPE_BYTES } from '../dtype-bytes.ts'
import type { ElementSizes } from './block-context.ts'

const ENGINE_CASTS = new Set(['fsdp1', 'fsdp2', 'zero1', 'zero2', 'zero3', 'distributed_optimizer'])

/** TransformerEngine pytorch/module/linear.py and layernorm_linear.py keep the quantised input: 8-bit values, or 4-bit ones with a scale per 16. */
const QUANTIZED_INPUTS: Partial<Record<ComputeDtype, number>> = { float8: 1, mxfp8: 1 + 1 / 32, nvfp4: 0.5 + 1 / 16 }

/** Bytes of a matrix product's inputs and outputs. 8-bit products keep 16-bit tensors between layers. */
export function computeBytes(plan: TrainingPlan): number {
  return plan.precision.compute === 'float32' || plan.precision.compute === 'tf32' ? 4 : 2
}

/**
 * Element sizes of the residual stream, of products, of norm weights and adapters under the plan's precision.
 * Engines that cast parameters themselves (FSDP, DeepSpeed, Megatron) leave no float32 activations behind; float32 parameters without
 * such an engine and without autocast mean float32 activations (k-bit preparation).
 */
export function elementSizes(plan: TrainingPlan): ElementSizes {
  const stored = DTYPE_BYTES[residualDtype(plan)]
  const compute = computeBytes(plan)
  const engineCasts = ENGINE_CASTS.has(plan.parallelism.data) || plan.fusedKernels === 'transformer_engine'
  const lowered = !plan.precision.autocast && stored > compute && engineCasts
  const implied = !plan.precision.autocast && stored > compute && !engineCasts && plan.quantization === 'none'
  const parameters = lowered ? compute : stored
  return {
    residual: parameters,
    compute,
    parameters,
    adapter: plan.adapter === null ? parameters : DTYPE_BYTES[plan.adapter.dtype],
    keptInput: plan.fusedKernels === 'transformer_engine' ? (QUANTIZED_INPUTS[plan.precision.compute] ?? null) : null,
    autocast: (plan.precision.autocast && compute === 2) || implied,
  }
}

/** The residual stream has the dtype of the embeddings; layers that are frozen with them leave it as it is. */
function residualDtype({ precision, freeze }: TrainingPlan): StorageDtype {
  const trainsEmbeddings = freeze.kind !== 'trainable_layers'
  return precision.outerWeights ?? (trainsEmbeddings ? precision.trainedWeights : null) ?? precision.weights
}

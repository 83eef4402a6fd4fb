import { isFeedForwardOutput } from '../../models/adapter-parameters.ts'
import type { Layer } from '../../models/architecture.ts'
import type { ModelCounts } from '../../models/model-counts.ts'
import { olderThan } from '../../plan/library-version.ts'
import type { Run } from '../../plan/run.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { ADAPTER_KERNELS, type AdapterKernel, type AdapterType } from '../../plan/vocabulary.ts'
import { attentionAlgorithm } from './attention-algorithm.ts'
import type { BlockContext, LinearAdapter } from './block-context.ts'
import { type BlockRules, blockRules } from './block-rules.ts'
import { elementSizes } from './element-sizes.ts'

/** Everything a block builder needs, for the layers of one run on one rank. */
export interface LayerContexts {
  (layer: Layer): BlockContext
  readonly shared: { readonly hiddenSize: number; readonly rules: BlockRules }
  readonly source: string
}

export function layerContext(run: Run): LayerContexts {
  const { plan, architecture, counts, gpu } = run
  const { tensor, sequenceParallel, context } = plan.parallelism
  const adapters = adapterTable(plan, counts)
  const trained = new Set(counts.trainableTensors.map(entry => entry.tensor.path))
  const sizes = elementSizes(plan)
  const quantizedKeepsInput = olderThan(plan.libraries, { library: 'bitsandbytes', version: [0, 44] })
  const beforeUnifiedAttention = olderThan(plan.libraries, { library: 'transformers', version: [4, 48] })
  const shared = {
    sizes,
    rules: blockRules({
      framework: plan.framework,
      fusedKernels: plan.fusedKernels,
      compile: plan.compile,
      repeatsKeyValue: beforeUnifiedAttention,
    }),
    sequenceLength: plan.sequenceLength / context,
    sequences: plan.microBatchSize,
    tensorParallel: tensor,
    sequenceParallel,
    hiddenDropout: architecture.hiddenDropout > 0,
    hiddenSize: architecture.hiddenSize / (sequenceParallel ? tensor : 1),
    trains: (path: string) => trained.has(path),
    adapterOf: (path: string) => adapters.get(path) ?? null,
    adapterKernels: new Set(adapterKernels(plan)),
    quantizedKeepsInput,
    quantized: plan.quantization !== 'none',
  }
  const contexts = new Map<Layer, BlockContext>()
  const contextOf = (layer: Layer): BlockContext => {
    const known = contexts.get(layer)
    if (known) return known
    const algorithm = attentionAlgorithm({
      capsNeedEager: plan.framework === 'litgpt' || beforeUnifiedAttention,
      requested: plan.attention,
      attention: layer.attention,
      gpu,
      bfloat16: plan.precision.compute === 'bfloat16' && sizes.residual !== 4,
    })
    const created = {
      ...shared,
      algorithm,
      attentionDropout: layer.attention.dropout > 0,
      maskBytes: algorithm === 'fused' && masksPadding(plan) ? sizes.compute : 0,
    }
    contexts.set(layer, created)
    return created
  }
  return Object.assign(contextOf, { shared, source: shared.rules.source })
}

/** transformers builds an additive mask for sdpa as soon as a batch holds padding. */
function masksPadding(plan: TrainingPlan): boolean {
  return plan.attention === 'sdpa' && !plan.packing && plan.variableLength && plan.microBatchSize > 1
}

/** Unsloth patches what has neither dropout nor a bias (unsloth models/llama.py patch_peft_model). */
function adapterKernels({ adapter, fusedKernels }: TrainingPlan): readonly AdapterKernel[] {
  if (adapter === null) return []
  const patched = fusedKernels === 'unsloth' && adapter.dropout === 0 && adapter.bias === 'none'
  return patched ? ADAPTER_KERNELS : adapter.kernels
}

/** What adapter kinds keep of the tokens, as the nearest of a few shapes (bench/memory-lab/adapter_kinds.py). */
function adapterTable(plan: TrainingPlan, counts: ModelCounts): Map<string, LinearAdapter> {
  const { adapter } = plan
  if (adapter === null) return new Map()
  return new Map(
    counts.adapterTargets.map(target => [
      target.tensor.path,
      { kind: kindOf(adapter.type, target.tensor.path), rank: target.rank, dropout: adapter.dropout > 0 },
    ]),
  )
}

const KINDS: Partial<Record<AdapterType, LinearAdapter['kind']>> = {
  dora: 'dora',
  ia3: 'scale',
  miss: 'reduced',
  bone: 'reduced',
  psoft: 'reduced',
}

/** (IA)³ scales what the last matrix of an MLP reads, and what others write (peft 0.21 tuners/ia3/layer.py). */
function kindOf(type: AdapterType, path: string): LinearAdapter['kind'] {
  return type === 'ia3' && isFeedForwardOutput(path) ? 'input-scale' : (KINDS[type] ?? 'lora')
}

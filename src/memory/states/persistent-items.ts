import type { MemoryItem } from '../../plan/item.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { DTYPE_BYTES, STATE_BYTES } from '../dtype-bytes.ts'
import { item, short } from '../memory-item.ts'
import type { RankParameters } from '../sharding/rank-parameters.ts'
import type { ShardSizes } from '../sharding/shard-sizes.ts'
import { gradientsOnHost } from './gradient-items.ts'
import { OPTIMIZER_ROWS, projectionRank } from './optimizer-states.ts'
import { outerItems } from './outer-weights.ts'
import { QUANTIZED_FORMATS } from './quantized-bytes.ts'
import { valueModelItems } from './value-model.ts'

export interface StateContext {
  readonly plan: TrainingPlan
  readonly parameters: RankParameters
  readonly shards: ShardSizes
}

export interface PersistentItems {
  /** On the GPU at every moment. */
  readonly device: readonly MemoryItem[]
  /** Kept in host memory instead. */
  readonly host: readonly MemoryItem[]
}

export function persistentItems(context: StateContext): PersistentItems {
  const outer = outerItems(context)
  const value = valueModelItems(context)
  const gradients = gradientsOnHost(context.plan) ? [hostGradients(context)] : []
  const weights = [...weightItems(context), ...outer.weights, ...value.weights]
  const states = [...masterItems(context), ...optimizerItems(context), ...outer.states, ...value.states]
  const { offload } = context.plan.parallelism
  const weightsOnHost = offload === 'parameters_and_optimizer'
  const statesOnHost = offload !== 'none' || context.plan.optimizerPaged
  return {
    device: [...(weightsOnHost ? [] : weights), ...(statesOnHost ? [] : states)],
    host: [...(weightsOnHost ? weights : []), ...(statesOnHost ? states : []), ...gradients],
  }
}

function hostGradients({ plan, parameters, shards }: StateContext): MemoryItem {
  const bytes = plan.precision.masterWeights ? 4 : DTYPE_BYTES[plan.precision.gradients]
  return item('gradients', (parameters.trainable * bytes) / shards.gradients, {
    note: `${short(parameters.trainable)} trained × ${bytes} B`,
    source: 'DeepSpeed 0.19 stage3.py fp32_partitioned_groups_flat[i].grad in host memory',
  })
}

export function weightItems({ plan, parameters, shards }: StateContext): MemoryItem[] {
  const bytes = DTYPE_BYTES[plan.precision.weights]
  const divided = shards.weights > 1 ? ` ÷ ${short(shards.weights)}` : ''
  const plain = plan.quantization === 'none' ? parameters.total : parameters.unquantized
  const items = [
    item('weights', (plain * bytes) / shards.weights, {
      note: `${short(plain)} parameters × ${bytes} B${divided}`,
      source: `storage in ${plan.precision.weights}`,
    }),
  ]
  if (plan.quantization !== 'none') {
    const format = QUANTIZED_FORMATS[plan.quantization]
    items.push(
      item('quantized weights', (parameters.quantized * format.bytes) / shards.quantized, {
        note: `${short(parameters.quantized)} parameters × ${short(format.bytes)} B (${format.note})${shards.quantized > 1 ? divided : ''}`,
        source: format.source,
      }),
    )
  }
  if (plan.adapter !== null) {
    const adapterBytes = DTYPE_BYTES[plan.adapter.dtype]
    const count = parameters.adapter + parameters.savedModules
    items.push(
      item('adapter weights', (count * adapterBytes) / shards.weights, {
        note: `${short(count)} parameters × ${adapterBytes} B${divided}`,
        source: `${plan.adapter.type} in ${plan.adapter.dtype}, trained copies of modules included`,
      }),
    )
  }
  const extraBytes = LOADS_REFERENCE_LIKE_POLICY.has(plan.framework) ? bytes : Math.min(2, bytes)
  const reference = plan.reinforcement?.referenceModel === 'separate' ? 1 : 0
  const extra = reference + (plan.reinforcement?.rewardModel === true ? 1 : 0)
  if (extra > 0) {
    items.push(
      item('reference and reward models', (extra * parameters.total * extraBytes) / shards.weights, {
        note: `${extra} × ${short(parameters.total)} parameters × ${extraBytes} B${divided}`,
        source: 'kept in GPU memory beside the policy (trl 1.13 trainer/utils.py create_reference_model)',
      }),
    )
  }
  return items
}

/** 16 B (float32 weights, gradients and two moments) less the 6 B of 16-bit gradients and moments. */
const BLOCK_COPY_BYTES = 10
/** trl 1.13 trainer/utils.py create_model_from_path with the policy's own arguments; verl, OpenRLHF and others load frozen models in 16 bit. */
const LOADS_REFERENCE_LIKE_POLICY = new Set(['trl', 'alignment-handbook', 'open-r1', 'transformers', 'other'])

function masterItems({ plan, parameters, shards }: StateContext): MemoryItem[] {
  if (OPTIMIZER_ROWS[plan.optimizer].byBlock === true && plan.precision.weights !== 'float32')
    return [
      item('float32 copies of the active block', parameters.trainable * BLOCK_COPY_BYTES, {
        note: `${short(parameters.trainable)} × ${BLOCK_COPY_BYTES} B: weights, and gradients and moments that the 16-bit ones lack`,
        source: OPTIMIZER_ROWS[plan.optimizer].source,
      }),
    ]
  if (!plan.precision.masterWeights) return []
  return [
    item('master weights', (parameters.trainable * plan.precision.masterWeightBytes) / shards.states, {
      note: `${short(parameters.trainable)} trained × ${plan.precision.masterWeightBytes} B${shards.states > 1 ? ` ÷ ${short(shards.states)}` : ''}`,
      source:
        'copy kept by the engine (DeepSpeed 0.19 stage3.py fp32_partitioned_groups_flat, Megatron-LM distrib_optimizer.py; TransformerEngine FusedAdam store_param_remainders)',
    }),
  ]
}

/** bitsandbytes keeps float32 states for tensors below 4096 elements; Hugging Face trainers register embeddings as 32 bit. */
const KEEPS_EMBEDDINGS_IN_FLOAT32 = new Set([
  'transformers',
  'trl',
  'axolotl',
  'llama-factory',
  'ms-swift',
  'unsloth',
  'alignment-handbook',
  'open-r1',
])

function optimizerItems(context: StateContext): MemoryItem[] {
  const { plan, parameters, shards } = context
  const row = OPTIMIZER_ROWS[plan.optimizer]
  const bytes = STATE_BYTES[plan.precision.optimizerStates]
  const divided = shards.states > 1 ? ` ÷ ${short(shards.states)}` : ''
  const items: MemoryItem[] = []
  const trained = parameters.trainable
  if (row.projected === true) return [projectedItem(context)]
  const other = row.otherStates === undefined ? 0 : Math.min(trained, parameters.trainableEmbedding + parameters.head)
  const elements = (trained - other) * row.states + other * (row.otherStates ?? 0)
  items.push(
    item('optimizer states', (elements * bytes) / shards.states, {
      note: `${short(trained)} trained × ${row.states} × ${short(bytes)} B${divided}`,
      source: row.source,
    }),
  )
  if (plan.precision.optimizerStates === 'int8' && KEEPS_EMBEDDINGS_IN_FLOAT32.has(plan.framework)) {
    items.push(
      item('32-bit states of embeddings', (parameters.trainableEmbedding * row.states * (4 - bytes)) / shards.states, {
        note: `${short(parameters.trainableEmbedding)} × ${row.states} × ${short(4 - bytes)} B more${divided}`,
        source: 'transformers 5.18 trainer.py l.1322 (GlobalOptimManager: nn.Embedding in 32 bit)',
      }),
    )
  }
  if (row.factored === true) {
    items.push(
      item('factored moments', factoredElements(parameters) * 4, {
        note: `rows and columns of ${short(trained)} trained`,
        source: row.source,
      }),
    )
  }
  return items
}

/** Rows + columns of matrices of about the largest trained matrix's shape. */
function factoredElements(parameters: RankParameters): number {
  if (parameters.largestTrainable === 0) return 0
  return (parameters.trainable / parameters.largestTrainable) * 4 * Math.sqrt(parameters.largestTrainable)
}

function projectedItem({ plan, parameters, shards }: StateContext): MemoryItem {
  const row = OPTIMIZER_ROWS[plan.optimizer]
  const rank = projectionRank(plan)
  const bytes = STATE_BYTES[plan.precision.optimizerStates]
  const side = Math.max(1, Math.sqrt(parameters.largestLayerMatrix))
  const hidden = Math.max(0, parameters.trainable - parameters.trainableEmbedding - parameters.head)
  const outer = parameters.trainable - hidden
  const share = Math.min(1, rank / side)
  return item('optimizer states', ((hidden * share * (row.states + 1) + outer * row.states) * bytes) / shards.states, {
    note: `${short(hidden)} in matrices at rank ${rank} with their projectors, ${short(outer)} in full, × ${short(bytes)} B`,
    source: row.source,
  })
}

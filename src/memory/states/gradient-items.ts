import type { MemoryItem } from '../../plan/item.ts'
import { DTYPE_BYTES, STATE_BYTES } from '../dtype-bytes.ts'
import { item, short } from '../memory-item.ts'
import { OPTIMIZER_ROWS, STEP_TEMPORARIES } from './optimizer-states.ts'
import { outerBytes } from './outer-weights.ts'
import type { StateContext } from './persistent-items.ts'

/** Engines that allocate one buffer for all gradients before the first step (DeepSpeed 0.19 stage3.py grad_partitions_flat_buffer, Megatron-LM param_and_grad_buffer.py). */
const PREALLOCATES = new Set(['zero1', 'zero2', 'zero3', 'distributed_optimizer'])

export interface GradientBytes {
  /** All gradients of this rank after sharding. */
  readonly all: MemoryItem
  /** They exist from the start of every micro-step. */
  readonly preallocated: boolean
  /** Those of the head, which come first. */
  readonly head: number
  /** The head's gradient before it is reduced or consumed. */
  readonly unreducedHead: number
  /** One gradient matrix that is added to a kept one. */
  readonly incoming: number
}

export function gradientBytes(context: StateContext): GradientBytes {
  const { plan, parameters, shards } = context
  const outer = outerBytes(context)
  const bytes = DTYPE_BYTES[plan.precision.gradients]
  const inBackward =
    plan.optimizerImplementation === 'in_backward' || plan.optimizer === 'lomo' || plan.optimizer === 'adalomo'
  const trained = inBackward ? Math.min(parameters.trainable, parameters.largestTrainable) : parameters.trainable
  const count = plan.parallelism.noSync && plan.gradientAccumulationSteps > 1 ? trained : trained / shards.gradients
  const divided = count < trained ? ` ÷ ${shards.gradients}` : ''
  const offloaded = plan.parallelism.offload === 'parameters_and_optimizer'
  const trainsHead = parameters.trainableBase > 0 && parameters.trainableBase >= parameters.embedding
  const headBytes = trainsHead ? Math.max(parameters.head, parameters.embedding) * bytes : 0
  return {
    all: item(
      'gradients',
      offloaded ? 0 : count * bytes + (inBackward || outer === null ? 0 : outer.trained * outer.more),
      {
        note: `${short(trained)} ${inBackward ? 'of the largest tensor (step runs in backward)' : 'trained'} × ${bytes} B${divided}`,
        source: 'one gradient per trained parameter (torch.Tensor.grad), or the engine’s buffer',
      },
    ),
    preallocated:
      PREALLOCATES.has(plan.parallelism.data) || plan.precision.masterWeights || plan.gradientAccumulationSteps > 1,
    head: inBackward ? 0 : headBytes / shards.gradients,
    unreducedHead: headBytes,
    incoming: parameters.largestTrainable * bytes,
  }
}

/** Temporaries of the optimizer step on this rank. */
export function stepItem({ plan, parameters, shards }: StateContext): MemoryItem {
  const row = OPTIMIZER_ROWS[plan.optimizer]
  const way = STEP_TEMPORARIES[plan.optimizerImplementation]
  const offloaded = plan.parallelism.offload !== 'none'
  const bytes = plan.precision.masterWeights ? 4 : DTYPE_BYTES[plan.precision.weights]
  const held = parameters.trainable / shards.states
  const lists = way.lists && STATE_BYTES[plan.precision.optimizerStates] >= 2 ? row.foreachLists * held * bytes : 0
  const tensors = way.tensors * Math.min(held, parameters.largestTrainable) * bytes
  const master = plan.precision.masterWeights && plan.precision.gradients !== 'float32' ? held * 4 : 0
  return item('optimizer step', offloaded ? 0 : lists + tensors + master, {
    note: `${plan.optimizerImplementation}: ${row.foreachLists} list(s) of ${short(held)} × ${bytes} B${master > 0 ? ' and float32 gradients' : ''}`,
    source:
      'torch 2.13 optim/adamw.py, measured with PyTorch 2.13 on CPU; DeepSpeed 0.19 stage3.py _prepare_fp32_grad_for_sub_group',
  })
}

import type { MemoryItem } from '../../plan/item.ts'
import { olderThan } from '../../plan/library-version.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { computeBytes } from '../activations/element-sizes.ts'
import { DTYPE_BYTES, STATE_BYTES } from '../dtype-bytes.ts'
import { item, short } from '../memory-item.ts'
import { OPTIMIZER_ROWS, STEP_TEMPORARIES } from './optimizer-states.ts'
import { outerBytes } from './outer-weights.ts'
import type { StateContext } from './persistent-items.ts'

/** Engines that allocate one buffer for all gradients before the first step (DeepSpeed 0.19 stage3.py grad_partitions_flat_buffer, Megatron-LM param_and_grad_buffer.py). */
const PREALLOCATES = new Set(['zero1', 'zero2', 'zero3', 'distributed_optimizer'])

/**
 * Trainers that wrap adapters and their frozen layer in one FSDP1 unit: its flat parameter has one gradient for all of it
 * (torch 2.13 distributed/fsdp/_flat_param.py; LitGPT litgpt/finetune/lora.py auto_wrap_policy={Block}).
 */
const MIXES_FLAT_PARAMETERS = new Set(['litgpt'])

/** Units of FSDP2 that reduce in a wider dtype keep gradients in it (torch 2.13 _fully_shard/_fsdp_param.py to_accumulated_grad_if_needed; reduce_dtype float32 of NeMo Automodel and torchtitan). */
const ACCUMULATES_IN_REDUCE_DTYPE = new Set(['nemo-automodel', 'torchtitan'])

export interface GradientBytes {
  /** All gradients of this rank after sharding. */
  readonly all: MemoryItem
  /** Those that exist while the first layer runs backward. */
  readonly beforeFirstLayer: number
  /** Those that are there before the last micro-step's backward; zero bytes without accumulation or a buffer of the engine. */
  readonly early: MemoryItem
  /** They exist from the start of every micro-step. */
  readonly preallocated: boolean
  /** Those of the head, which come first. */
  readonly head: number
  /** The head's gradient before it is reduced or consumed. */
  readonly unreducedHead: number
  /** One gradient matrix that is added to a kept one. */
  readonly incoming: number
}

/** A pipeline stage of FSDP2 units reduces at its last micro-batch only (torch 2.13 distributed/pipelining/stage.py set_requires_gradient_sync). */
function reducesAtTheEnd({ parallelism }: TrainingPlan): boolean {
  return parallelism.noSync || (parallelism.data === 'fsdp2' && parallelism.pipeline > 1)
}

export function gradientBytes(context: StateContext): GradientBytes {
  const { plan, parameters, shards } = context
  const outer = outerBytes(context)
  const bytes = DTYPE_BYTES[plan.precision.gradients]
  const inBackward =
    plan.optimizerImplementation === 'in_backward' || plan.optimizer === 'lomo' || plan.optimizer === 'adalomo'
  const trained = inBackward ? Math.min(parameters.trainable, parameters.largestTrainable) : withGradient(context)
  const divided = shards.gradients > 1 ? ` ÷ ${short(shards.gradients)}` : ''
  const onHost = gradientsOnHost(plan)
  const trainsHead = parameters.trainableBase > 0 && parameters.trainableBase >= parameters.embedding
  const headBytes = trainsHead ? Math.max(parameters.head, parameters.embedding) * bytes : 0
  const wider = inBackward || outer === null ? 0 : (outer.trained * outer.more) / shards.gradients
  const all = item('gradients', onHost ? 0 : (trained * bytes) / shards.gradients + wider, {
    note: `${short(trained)} ${inBackward ? 'of the largest tensor (step runs in backward)' : 'trained'} × ${bytes} B${divided}`,
    source: 'one gradient per trained parameter (torch.Tensor.grad), or the engine’s buffer',
  })
  const accumulates = plan.gradientAccumulationSteps > 1
  const preallocated = PREALLOCATES.has(plan.parallelism.data) || plan.precision.masterWeights || accumulates
  const whole = reducesAtTheEnd(plan) && accumulates && shards.gradients > 1 && !inBackward
  const wide = ACCUMULATES_IN_REDUCE_DTYPE.has(plan.framework) ? bytes : Math.min(bytes, computeBytes(plan))
  const unreduced = item('gradients', trained * wide, {
    note: `${short(trained)} trained × ${wide} B, whole between micro-steps`,
    source:
      'torch 2.13 distributed/fsdp/_runtime_utils.py _post_backward_hook (no_sync keeps unsharded gradients), pipelining/stage.py backward_maybe_with_nosync',
  })
  const later = preallocated || inBackward ? 0 : parameters.untiedEmbedding + parameters.trainableLayer
  return {
    all,
    beforeFirstLayer: Math.max(0, all.bytes - (onHost ? 0 : (later * bytes) / shards.gradients)),
    early: whole ? unreduced : preallocated ? all : { ...all, bytes: 0 },
    preallocated,
    head: inBackward || onHost ? 0 : headBytes / shards.gradients,
    unreducedHead: headBytes,
    incoming: parameters.largestTrainable * bytes,
  }
}

/** DeepSpeed 0.19 stage3.py grad_partitions_flat_buffer on `self.device`, stage_1_and_2.py async_accumulate_grad_in_cpu_via_gpu: beside the offloaded states. */
export function gradientsOnHost({ parallelism }: TrainingPlan): boolean {
  const partitioned = parallelism.data === 'zero2' || parallelism.data === 'zero3'
  return parallelism.offload === 'parameters_and_optimizer' || (parallelism.offload === 'optimizer' && partitioned)
}

/** Parameters that get a gradient tensor: frozen ones too where they share a flat parameter with an adapter. */
function withGradient({ plan, parameters }: StateContext): number {
  const mixes = plan.adapter !== null && plan.parallelism.data === 'fsdp1' && MIXES_FLAT_PARAMETERS.has(plan.framework)
  return mixes ? parameters.total - parameters.embedding - parameters.head + parameters.trainable : parameters.trainable
}

/** torch 2.1 adds epsilon in place; before, optim/adamw.py `denom = torch._foreach_add(exp_avg_sq_sqrt, eps)` made a second list. */
const IN_PLACE_DENOMINATOR = { library: 'torch', version: [2, 1] } as const

/** Temporaries of the optimizer step on this rank. */
export function stepItem({ plan, parameters, shards }: StateContext): MemoryItem {
  const row = OPTIMIZER_ROWS[plan.optimizer]
  const way = STEP_TEMPORARIES[plan.optimizerImplementation]
  const offloaded = plan.parallelism.offload !== 'none'
  const bytes = plan.precision.masterWeights ? 4 : DTYPE_BYTES[plan.precision.weights]
  const held = parameters.trainable / shards.states
  const foreachLists = row.foreachLists * (olderThan(plan.libraries, IN_PLACE_DENOMINATOR) ? 2 : 1)
  const lists = way.lists && STATE_BYTES[plan.precision.optimizerStates] >= 2 ? foreachLists * held * bytes : 0
  const stepped = Math.min(held, parameters.largestTrainable)
  const tensors = row.stepBytes === undefined ? way.tensors * stepped * bytes : stepped * row.stepBytes[bytes]
  const scratch = (row.matrixScratch ?? 0) * parameters.largestLayerMatrix
  const master = plan.precision.masterWeights && plan.precision.gradients !== 'float32' ? held * 4 : 0
  return item('optimizer step', offloaded ? 0 : lists + tensors + scratch + master, {
    note: `${plan.optimizerImplementation}: ${foreachLists} list(s) of ${short(held)} × ${bytes} B${master > 0 ? ' and float32 gradients' : ''}`,
    source:
      'torch 2.13 optim/adamw.py, measured with PyTorch 2.13 on CPU; DeepSpeed 0.19 stage3.py _prepare_fp32_grad_for_sub_group',
  })
}

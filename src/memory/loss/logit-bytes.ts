import { olderThan } from '../../plan/library-version.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import { preferenceLogits } from './preference-logits.ts'

/** Bytes per element of the logits (tokens × vocabulary on this rank). */
export interface LogitBytes {
  readonly endOfForward: number
  readonly backward: number
  /** When the head’s own backward runs: gradients of the logits, and the logits if the caller keeps them. */
  readonly headBackward: number
  /** Still held while the layers run backward. */
  readonly kept: number
  /** The logits are freed before the peak, and their block is too small for what follows. */
  readonly idle?: number
  readonly note: string
  readonly source: string
}

const LAB = 'measured with PyTorch 2.13 on CPU'
/** torchtune @bd2a0fc modules/loss/ce_chunked_output_loss.py: 8 chunks by default. */
const CHUNKS = 8
/** LitGPT litgpt/utils.py chunked_cross_entropy(chunk_size=128), finetune/lora.py lm_head_chunk_size=128. */
const LITGPT_CHUNK_TOKENS = 128

/** What the loss keeps and creates per logit. `element`: bytes of the logits as the head emits them. */
export function logitBytes(plan: TrainingPlan, element: number): LogitBytes {
  switch (plan.loss) {
    case 'full_logits':
      return preferenceLogits(plan, element) ?? fullLogits(plan, element)
    case 'full_logits_float32':
      return preferenceLogits(plan, 4) ?? upcastInForward(plan)
    case 'full_logits_native':
      return {
        endOfForward: 2 * element,
        backward: 4 * element,
        headBackward: 2 * element,
        kept: element,
        note: 'logits, log-softmax and their gradients in the logits’ dtype',
        source: LAB,
      }
    case 'in_place':
      return inPlace(element)
    case 'chunked':
    case 'chunked_linear':
      return chunked(plan, element)
    case 'vocab_parallel':
      if (plan.framework === 'torchtitan') return lossParallel(plan, element)
      return {
        endOfForward: element + 4,
        backward: 4 + element,
        headBackward: element,
        kept: 0,
        note: 'float32 softmax that becomes its own gradient, gradient in the logits’ dtype',
        source: 'Megatron-LM core/tensor_parallel/cross_entropy.py VocabParallelCrossEntropy',
      }
    default:
      return {
        endOfForward: 0,
        backward: 0,
        headBackward: 0,
        kept: 0,
        note: 'logits are never whole',
        source: 'fused loss',
      }
  }
}

/**
 * The logits are gone before backward: trainers built on transformers.Trainer return the loss only (transformers 5.18 trainer.py
 * compute_loss), torchtitan deletes them (train.py `del pred`).
 */
const DROPS_LOGITS = new Set([
  'trl',
  'axolotl',
  'llama-factory',
  'ms-swift',
  'alignment-handbook',
  'open-r1',
  'torchtitan',
])

/** transformers 4.46–4.48 loss/loss_utils.py ForCausalLMLoss shifts the float32 logits into a copy of their own (labels are shifted since #35646). */
function copiesShiftedLogits({ libraries }: TrainingPlan): boolean {
  return olderThan(libraries, { library: 'transformers', version: [4, 49] })
}

function fullLogits(plan: TrainingPlan, element: number): LogitBytes {
  const made = bytesOfLogits(plan, element)
  return copiesShiftedLogits(plan) && !compilesLoss(plan)
    ? {
        ...made,
        endOfForward: (element === 4 ? 0 : element) + 12,
        note: `${element} logits, float32 logits, their shifted copy and log-softmax; ${made.note}`,
      }
    : made
}

function bytesOfLogits(plan: TrainingPlan, element: number): LogitBytes {
  if (compilesLoss(plan)) {
    return {
      endOfForward: element,
      backward: 2 * element,
      headBackward: DROPS_LOGITS.has(plan.framework) ? element : 2 * element,
      kept: 0,
      note: 'compiled cross entropy keeps the logits and writes their gradient',
      source: 'inductor re-computes the cast and the softmax; measured with PyTorch 2.13 on CPU (one saved tensor)',
    }
  }
  if (DROPS_LOGITS.has(plan.framework)) {
    return {
      endOfForward: element + 4,
      backward: 12,
      headBackward: element,
      kept: 0,
      idle: element < 4 ? element : 0,
      note: '4 log-softmax + 4 + 4 gradients; the trainer drops the logits before backward',
      source: `transformers 5.18 trainer.py compute_loss, torchtitan train.py (del pred); ${LAB}`,
    }
  }
  return element === 2
    ? {
        endOfForward: 6,
        backward: 14,
        headBackward: 4,
        kept: 2,
        note: '2 logits + 4 log-softmax + 4 + 4 gradients',
        source: LAB,
      }
    : {
        endOfForward: 8,
        backward: 16,
        headBackward: 8,
        kept: 4,
        note: '4 logits + 4 log-softmax + 4 + 4 gradients',
        source: LAB,
      }
}

/**
 * The kernel writes the gradient over the logits it kept. The temperature divided a view of them in place, so that autograd copies that
 * gradient to the base, clones it and divides the clone.
 */
function inPlace(element: number): LogitBytes {
  return {
    endOfForward: element,
    backward: 4 * element,
    headBackward: element,
    kept: 0,
    note: 'logits that their gradient replaces, three copies in the backward of the temperature',
    source:
      'verl @b178a3c utils/torch_functional.py logprobs_from_logits (inplace_backward), flash-attn ops/triton/cross_entropy.py; measured with PyTorch 2.13 on CPU (bench/memory-lab/loss_bytes.py)',
  }
}

/** torch.distributed's loss parallelism runs in plain operations: a zeroed gradient, exp(log-softmax) and their sum beside the log-softmax. */
function lossParallel(plan: TrainingPlan, element: number): LogitBytes {
  if (compilesLoss(plan)) return fullLogits(plan, element)
  return {
    endOfForward: element + 4,
    backward: 16,
    headBackward: element,
    kept: 0,
    idle: element < 4 ? element : 0,
    note: '4 log-softmax + 4 gradient + 4 exponential + 4 sum',
    source: 'torch 2.13 distributed/tensor/parallel/loss.py _nll_loss_and_log_softmax_backward',
  }
}

/**
 * torchtitan turned compilation of the loss off in December 2024 (e8977b007) and on again with release 0.1 (bbb1b616e, components/loss.py);
 * a commit cannot be placed between them, so the larger figure holds. Elsewhere the loss is part of the compiled forward.
 */
export function compilesLoss({ compile, compileLoss, framework, libraries }: TrainingPlan): boolean {
  if (compileLoss !== null) return compileLoss
  const version = libraries['torchtitan']
  const isRelease = version === undefined || /^v?\d+\.\d+/.test(version)
  const off =
    framework === 'torchtitan' && (!isRelease || olderThan(libraries, { library: 'torchtitan', version: [0, 1] }))
  return compile && !off
}

/** transformers up to 4.45: `logits.float()` inside forward, returned, then shifted and made contiguous. */
function upcastInForward(plan: TrainingPlan): LogitBytes {
  const idle = plan.precision.compute === 'float32' || plan.precision.compute === 'tf32' ? 0 : 2
  if (DROPS_LOGITS.has(plan.framework)) return { ...fullLogits(plan, 4), endOfForward: 12, idle }
  return {
    endOfForward: 8,
    backward: 16,
    headBackward: 8,
    kept: 4,
    idle,
    note: '4 float32 logits + 4 log-softmax + 4 + 4 gradients',
    source: `${LAB} (older transformers loss)`,
  }
}

function chunked(plan: TrainingPlan, element: number): LogitBytes {
  if (plan.framework === 'litgpt') {
    const chunk = Math.min(1, LITGPT_CHUNK_TOKENS / plan.sequenceLength)
    return {
      endOfForward: 8,
      backward: 8 + 8 * chunk,
      headBackward: 6,
      kept: 4,
      note: 'float32 logits and log-softmax, one chunk’s two gradients; the loop keeps the logits',
      source:
        'LitGPT litgpt/utils.py chunked_cross_entropy; Lightning 2.1 fabric/plugins/precision/half.py convert_output (float32)',
    }
  }
  if (compilesLoss(plan)) {
    return {
      endOfForward: element,
      backward: element,
      headBackward: element,
      kept: 0,
      note: 'logits; each chunk’s gradient takes the place of its logits',
      source: 'torchtune modules/loss/ce_chunked_output_loss.py, compiled',
    }
  }
  return {
    endOfForward: element + 4,
    backward: element + 4 + 8 / CHUNKS,
    headBackward: 2 * element,
    kept: element,
    note: 'logits, float32 log-softmax per chunk, one chunk’s gradients',
    source: `torchtune @bd2a0fc modules/loss/ce_chunked_output_loss.py, ${LAB}`,
  }
}

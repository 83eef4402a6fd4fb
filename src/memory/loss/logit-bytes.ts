import type { TrainingPlan } from '../../plan/training-plan.ts'
import { olderThan } from '../library-version.ts'

/** Bytes per element of the logits (tokens × vocabulary on this rank). */
export interface LogitBytes {
  readonly endOfForward: number
  readonly backward: number
  /** Still held while the layers run backward. */
  readonly kept: number
  readonly note: string
  readonly source: string
}

const LAB = 'measured with PyTorch 2.13 on CPU'
/** torchtune @bd2a0fc modules/loss/ce_chunked_output_loss.py: 8 chunks by default. */
const CHUNKS = 8

/** What the loss keeps and creates per logit. `element`: bytes of the logits as the head emits them. */
export function logitBytes(plan: TrainingPlan, element: number): LogitBytes {
  switch (plan.loss) {
    case 'full_logits':
      return fullLogits(plan, element)
    case 'full_logits_float32':
      return upcastInForward(plan)
    case 'full_logits_native':
      return {
        endOfForward: 2 * element,
        backward: 4 * element,
        kept: element,
        note: 'logits, log-softmax and their gradients in the logits’ dtype',
        source: LAB,
      }
    case 'chunked':
      return chunked(plan, element)
    case 'vocab_parallel':
      if (plan.framework === 'torchtitan') return fullLogits(plan, element)
      return {
        endOfForward: element + 4,
        backward: 4 + element,
        kept: 0,
        note: 'float32 softmax that becomes its own gradient, gradient in the logits’ dtype',
        source: 'Megatron-LM core/tensor_parallel/cross_entropy.py VocabParallelCrossEntropy',
      }
    default:
      return { endOfForward: 0, backward: 0, kept: 0, note: 'logits are never whole', source: 'fused loss' }
  }
}

/** Trainers built on transformers.Trainer return the loss only: the outputs with the logits are gone before backward. */
const DROPS_OUTPUTS = new Set(['trl', 'axolotl', 'llama-factory', 'ms-swift', 'alignment-handbook', 'open-r1'])

function fullLogits(plan: TrainingPlan, element: number): LogitBytes {
  if (plan.compile) {
    return {
      endOfForward: element + 4,
      backward: 10.5,
      kept: 0,
      note: 'compiled cross entropy',
      source: 'inductor fuses the cast and log-softmax; see docs/accuracy.md, compiled runs',
    }
  }
  if (DROPS_OUTPUTS.has(plan.framework)) {
    return {
      endOfForward: element + 4,
      backward: 12,
      kept: 0,
      note: '4 log-softmax + 4 + 4 gradients; the trainer drops the logits before backward',
      source: `transformers 5.18 trainer.py compute_loss; ${LAB}`,
    }
  }
  return element === 2
    ? { endOfForward: 6, backward: 14, kept: 2, note: '2 logits + 4 log-softmax + 4 + 4 gradients', source: LAB }
    : { endOfForward: 8, backward: 16, kept: 4, note: '4 logits + 4 log-softmax + 4 + 4 gradients', source: LAB }
}

/** transformers up to 4.45: `logits.float()` inside forward, returned, then shifted and made contiguous. */
function upcastInForward(plan: TrainingPlan): LogitBytes {
  if (DROPS_OUTPUTS.has(plan.framework)) return { ...fullLogits(plan, 4), endOfForward: 12 }
  const shifts = olderThan(plan.libraries, { library: 'transformers', version: [4, 46] })
  return {
    endOfForward: 8,
    backward: shifts ? 16 : 14,
    kept: 4,
    note: 'float32 logits, log-softmax and two float32 gradients',
    source: `${LAB} (older transformers loss)`,
  }
}

function chunked(plan: TrainingPlan, element: number): LogitBytes {
  if (plan.compile) {
    return {
      endOfForward: element,
      backward: element,
      kept: 0,
      note: 'logits; each chunk’s gradient takes the place of its logits',
      source: 'torchtune modules/loss/ce_chunked_output_loss.py, compiled',
    }
  }
  if (plan.framework === 'litgpt') {
    return {
      endOfForward: 2 * element,
      backward: 2 * element + (2 * element) / CHUNKS,
      kept: 0,
      note: 'logits and log-softmax of every chunk in the logits’ dtype',
      source: 'LitGPT litgpt/utils.py chunked_cross_entropy',
    }
  }
  return {
    endOfForward: element + 4,
    backward: element + 4 + 8 / CHUNKS,
    kept: element,
    note: 'logits, float32 log-softmax per chunk, one chunk’s gradients',
    source: `torchtune @bd2a0fc modules/loss/ce_chunked_output_loss.py, ${LAB}`,
  }
}

import type { Run } from '../../plan/run.ts'
import { computeBytes } from '../activations/element-sizes.ts'
import { item, short } from '../memory-item.ts'
import { compilesLoss } from './logit-bytes.ts'
import type { LossItems, LossTokens } from './loss-items.ts'
import { TRL_TRAINERS } from './trl-trainers.ts'

const LAB = 'measured with PyTorch 2.13 on CPU (bench/memory-lab/chunked_loss.py)'

/** trl 1.13 trainer/sft_trainer.py _CHUNKED_LM_HEAD_CHUNK_SIZE. */
const CHECKPOINTED_CHUNK_TOKENS = 256
/** torchtune modules/loss/cross_entropy_loss.py: num_output_chunks 8. */
const LINEAR_CHUNKS = 8

/** One point of the backward pass: what coexists per logit, and how many gradients of the head and of its input. */
interface BackwardPoint {
  readonly perLogit: number
  readonly headGradients: number
  readonly inputGradients: number
}

interface ChunkedHead {
  /** Logits that the bytes below are per. */
  readonly logits: number
  readonly endOfForward: number
  readonly points: readonly BackwardPoint[]
  readonly note: string
  readonly source: string
}

/** Losses that run the head on a part of the tokens at a time, so that logits are never whole; null: another loss. */
export function chunkedHead(run: Run, { tokens, trainsHead }: LossTokens): LossItems | null {
  const vocabulary = run.architecture.head.outputs / run.plan.parallelism.tensor
  const head = kindOf(run, tokens, vocabulary)
  if (head === null) return null
  const compute = computeBytes(run.plan)
  const ofHead = trainsHead ? vocabulary * run.architecture.hiddenSize * compute : 0
  const ofInput = tokens * run.architecture.hiddenSize * compute
  const bytesOf = ({ perLogit, inputGradients }: BackwardPoint) => head.logits * perLogit + inputGradients * ofInput
  const peak = head.points.reduce((most, point) =>
    bytesOf(point) + point.headGradients * ofHead > bytesOf(most) + most.headGradients * ofHead ? point : most,
  )
  const made = (bytes: number, note: string) => item('logits and loss', bytes, { note, source: head.source })
  const headBackward = made(2 * ofInput, 'gradients of the head’s input')
  return {
    endOfForward: made(head.logits * head.endOfForward, `${short(head.logits)} logits × ${head.endOfForward} B`),
    backward: made(
      bytesOf(peak),
      `${short(head.logits)} logits × ${peak.perLogit} B (${head.note}), ${peak.inputGradients} gradients of the head’s input`,
    ),
    headBackward,
    kept: made(0, 'nothing'),
    logits: 0,
    idle: 0,
    headGradients: trainsHead ? peak.headGradients : 0,
  }
}

function kindOf({ plan }: Run, tokens: number, vocabulary: number): ChunkedHead | null {
  if (plan.loss === 'chunked' && TRL_TRAINERS.has(plan.framework))
    return {
      logits: Math.min(CHECKPOINTED_CHUNK_TOKENS, tokens) * vocabulary,
      endOfForward: 0,
      // A chunk that is re-computed beside the head's gradient so far; that gradient, the chunk's own and their sum.
      points: [
        { perLogit: 16, headGradients: 1, inputGradients: 2 },
        { perLogit: computeBytes(plan), headGradients: 3, inputGradients: 2 },
      ],
      note: 'one chunk: float32 logits, log-softmax, its exponential and their product for the entropy',
      source: `trl 1.13 trainer/sft_trainer.py _chunked_cross_entropy_loss, ${LAB}`,
    }
  if (plan.loss === 'chunked_linear' && !compilesLoss(plan))
    return {
      logits: tokens * vocabulary,
      endOfForward: 4 + 4 / LINEAR_CHUNKS,
      // Two float32 gradients of a chunk beside the log-softmax of those to come: of the first, of the second, of the third when the head's are summed.
      points: [
        { perLogit: 4 + 8 / LINEAR_CHUNKS, headGradients: 0, inputGradients: 0 },
        { perLogit: 4 + 4 / LINEAR_CHUNKS, headGradients: 1, inputGradients: 1 },
        { perLogit: 20 / LINEAR_CHUNKS + 2 / LINEAR_CHUNKS, headGradients: 3, inputGradients: 2 },
      ],
      note: 'float32 log-softmax of the chunks to come, gradients of one',
      source: `torchtune modules/loss/cross_entropy_loss.py LinearCrossEntropyLoss, ${LAB}`,
    }
  return null
}

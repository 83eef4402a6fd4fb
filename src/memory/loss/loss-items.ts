import type { MemoryItem } from '../../plan/item.ts'
import type { Run } from '../../plan/run.ts'
import type { Loss } from '../../plan/vocabulary.ts'
import { computeBytes, elementSizes } from '../activations/element-sizes.ts'
import { item, short } from '../memory-item.ts'
import type { PipelineStage } from '../sharding/rank-parameters.ts'
import { chunkedHead } from './chunked-head.ts'
import { logitBytes } from './logit-bytes.ts'

export interface LossItems {
  readonly endOfForward: MemoryItem
  readonly backward: MemoryItem
  /** While the head’s backward runs. */
  readonly headBackward: MemoryItem
  /** Held while layers run backward. */
  readonly kept: MemoryItem
  /** tokens × outputs of logits that exist whole; 0 otherwise. */
  readonly logits: number
  /** Bytes of blocks that the loss freed before its peak and that nothing in it can use. */
  readonly idle: number
  /** Chunks make the head's gradient several times: the sum and the new one coexist. */
  readonly headGradients: number
}

export interface LossTokens {
  readonly tokens: number
  readonly trainsHead: boolean
  readonly stage: PipelineStage
}

/** Losses that take the head's outputs in parts. */
const CHUNKED: ReadonlySet<Loss> = new Set(['chunked', 'chunked_linear'])

export function lossItems(run: Run, { tokens, trainsHead, stage }: LossTokens): LossItems {
  const { plan, architecture } = run
  const { head } = architecture
  const perToken = head.kind === 'causal-lm' || head.kind === 'masked-lm' || head.kind === 'seq2seq-lm'
  if (plan.stage === 'reward' && perToken && stage !== 'first') return unusedLogits(run, tokens)
  if (stage === 'first' || !perToken)
    return nothing(stage === 'first' ? 'the last pipeline stage computes the loss' : 'labels per sequence')
  if (plan.loss === 'fused_linear' || plan.loss === 'cut_cross_entropy')
    return fused(run, { tokens, trainsHead, stage })
  const chunked = chunkedHead(run, { tokens, trainsHead, stage })
  if (chunked !== null) return chunked
  const sizes = elementSizes(plan)
  const bytes = logitBytes(plan, sizes.autocast ? sizes.compute : sizes.residual)
  const capped = architecture.finalLogitSoftcap ? sizes.compute : 0
  const vocabulary = head.outputs / plan.parallelism.tensor
  const elements = tokens * vocabulary
  const make = (factor: number) =>
    item('logits and loss', elements * factor, {
      note: `${short(tokens)} tokens × ${short(vocabulary)} outputs × ${short(factor)} B (${bytes.note})`,
      source: bytes.source,
    })
  return {
    endOfForward: make(bytes.endOfForward + capped),
    backward: make(bytes.backward + capped),
    headBackward: make(bytes.headBackward),
    kept: make(bytes.kept),
    logits: CHUNKED.has(plan.loss) ? 0 : elements,
    idle: elements * (bytes.idle ?? 0),
    headGradients: CHUNKED.has(plan.loss) && trainsHead ? 2 : 0,
  }
}

/** Liger-Kernel @ead96b6 ops/fused_linear_cross_entropy.py: chunks of tokens, gradients written during forward. */
function fused(run: Run, { tokens, trainsHead }: LossTokens): LossItems {
  const { plan, architecture } = run
  const [hidden, vocabulary] = [architecture.hiddenSize, architecture.head.outputs]
  const chunk = 2 ** Math.ceil(Math.log2(Math.max(1, tokens / Math.ceil(vocabulary / hidden))))
  const inChunks = plan.loss === 'fused_linear' ? Math.min(chunk, tokens) * vocabulary * (2 + 4) : 0
  const weight = trainsHead ? 2 * vocabulary * hidden : 0
  const bytes = 2 * hidden * tokens + weight + inChunks
  const made = item('fused loss', bytes, {
    note: `2 B × ${short(tokens)} tokens × ${hidden} + ${short(weight)} B head gradient + ${short(inChunks)} B of one chunk`,
    source: 'Liger-Kernel @ead96b6 ops/fused_linear_cross_entropy.py; apple/ml-cross-entropy @d42911f',
  })
  const kept = item('fused loss', 2 * hidden * tokens + weight, {
    note: 'input and head gradients',
    source: made.source,
  })
  return { endOfForward: kept, backward: made, headBackward: kept, kept, logits: 0, idle: 0, headGradients: 0 }
}

/** LLaMA-Factory puts a value head beside lm_head (trl models/modeling_value_head.py): logits are made, cast to float32 and dropped. */
function unusedLogits({ plan, architecture }: Run, tokens: number): LossItems {
  const none = nothing('the score alone has a gradient')
  const elements = (tokens * architecture.head.outputs) / plan.parallelism.tensor
  const bytes = computeBytes(plan) + 4
  const made = item('logits and loss', elements * bytes, {
    note: `${short(elements)} logits × ${bytes} B, dropped before backward`,
    source: 'trl 0.9 models/modeling_value_head.py forward; LLaMA-Factory 0.9 train/rm/trainer.py',
  })
  return { ...none, endOfForward: made, logits: elements }
}

function nothing(note: string): LossItems {
  const none = item('logits and loss', 0, { note, source: 'model head' })
  return { endOfForward: none, backward: none, headBackward: none, kept: none, logits: 0, idle: 0, headGradients: 0 }
}

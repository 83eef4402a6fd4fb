import type { MemoryItem } from '../../plan/item.ts'
import { DTYPE_BYTES } from '../dtype-bytes.ts'
import { item, short } from '../memory-item.ts'
import { OPTIMIZER_ROWS } from './optimizer-states.ts'
import type { StateContext } from './persistent-items.ts'

const SOURCE = 'axolotl 0.18 loaders/model.py _configure_embedding_dtypes'

interface OuterBytes {
  /** Elements of embeddings and head on this rank, and those of them that train. */
  readonly held: number
  readonly trained: number
  /** Bytes an element takes beyond `precision.weights`. */
  readonly more: number
}

/** Embeddings and head that are stored wider than the rest; norms are too small to count. null: everything has one dtype. */
export function outerBytes({ plan, parameters }: StateContext): OuterBytes | null {
  const { weights, outerWeights } = plan.precision
  if (outerWeights === null || plan.quantization !== 'none') return null
  const more = DTYPE_BYTES[outerWeights] - DTYPE_BYTES[weights]
  if (more <= 0) return null
  const held = parameters.embedding + parameters.head
  const trained =
    parameters.trainableBase === 0
      ? 0
      : Math.min(parameters.trainableBase, parameters.trainableEmbedding + parameters.head)
  return { held, trained, more }
}

/** What the wider storage of outer and of trained weights adds to weights and optimizer states. */
export function outerItems(context: StateContext): { readonly weights: MemoryItem[]; readonly states: MemoryItem[] } {
  const outer = outerBytes(context)
  const { plan, shards } = context
  if (outer === null) return { weights: trainedItems(context), states: [] }
  const row = OPTIMIZER_ROWS[plan.optimizer]
  const make = (name: string, count: number, states: number, ranks: number) =>
    item(name, (count * states * outer.more) / ranks, {
      note: `${short(count)} in embeddings and head × ${states} × ${outer.more} B more`,
      source: SOURCE,
    })
  const follows = plan.precision.optimizerStates === plan.precision.weights
  return {
    weights: [make('wider embeddings', outer.held, 1, shards.weights)],
    states: follows ? [make('wider states of embeddings', outer.trained, row.states, shards.states)] : [],
  }
}

/** Trained base parameters beside frozen ones of a smaller dtype; their gradients and states have their dtype anyway. */
function trainedItems({ plan, parameters, shards }: StateContext): MemoryItem[] {
  const { weights, trainedWeights } = plan.precision
  const more = trainedWeights === null ? 0 : DTYPE_BYTES[trainedWeights] - DTYPE_BYTES[weights]
  if (more <= 0) return []
  return [
    item('wider trained weights', (parameters.trainableBase * more) / shards.weights, {
      note: `${short(parameters.trainableBase)} trained × ${more} B more`,
      source: 'LLaMA-Factory 0.9.6 model/adapter.py: what trains is upcast to float32',
    }),
  ]
}

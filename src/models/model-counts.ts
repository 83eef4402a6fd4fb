import type { ParameterTensor } from './architecture.ts'

/** Parameter counts of a model under a plan. Whole model, before any sharding; counts, not bytes. */
export interface ModelCounts {
  readonly total: number
  /** Parameters with gradients, adapters included. */
  readonly trainable: number
  /** Used per token: experts scaled by topK / experts. */
  readonly active: number
  /** Trained parameters by kind: of the base itself, of adapters, of `modules_to_save` copies. */
  readonly trainableBase: number
  readonly adapter: number
  readonly savedModules: number
  /** Frozen parameters stored in the plan's quantised format, and those that stay unquantised. */
  readonly quantized: number
  readonly unquantized: number
  /** Embedding and head of the language model (the head is 0 when tied). */
  readonly embedding: number
  readonly head: number
  /** Tensors that train, with how many copies of each exist over the model. */
  readonly trainableTensors: readonly CountedTensor[]
  /** Matrices under an adapter. */
  readonly adapterTargets: readonly AdapterTarget[]
}

export interface CountedTensor {
  readonly tensor: ParameterTensor
  /** Number of layers that hold it. */
  readonly layers: number
  /** Their indices in the model; absent: it stands outside the layers. */
  readonly places?: readonly number[]
  /** Module that holds the layers, where the model has several stacks. */
  readonly folder?: string
}

export interface AdapterTarget {
  readonly tensor: ParameterTensor
  /** Number of layers in which it is adapted. */
  readonly layers: number
  readonly rank: number
  /** Adapter parameters per layer. */
  readonly parameters: number
}

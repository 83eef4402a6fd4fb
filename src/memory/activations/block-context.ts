import type { AdapterKernel } from '../../plan/vocabulary.ts'
import type { BlockRules } from './block-rules.ts'

/** Element sizes in bytes that one block computes with. */
export interface ElementSizes {
  /** Residual stream. */
  readonly residual: number
  /** Inputs and outputs of matrix products. */
  readonly compute: number
  /** Norm and bias parameters: float32 ones lift the norm's output to float32. */
  readonly parameters: number
  /** Adapter weights. */
  readonly adapter: number
  /** What a trained product keeps of its input, where that is a quantised copy; null: the input itself. */
  readonly keptInput: number | null
  /** torch.autocast casts the input of every product on its own. */
  readonly autocast: boolean
}

export interface LinearAdapter {
  /** scale: one factor per output, input-scale: per input; reduced: the input's blocks are summed first. */
  readonly kind: 'lora' | 'dora' | 'bottleneck' | 'scale' | 'input-scale' | 'reduced'
  readonly rank: number
  readonly dropout: boolean
}

export type AttentionAlgorithm = 'eager' | 'math' | 'fused'

/** What the block builders need to know beside the layer's shape. */
export interface BlockContext {
  readonly sizes: ElementSizes
  readonly rules: BlockRules
  readonly algorithm: AttentionAlgorithm
  /** Tokens of one sequence on this rank: the length of the s² terms. */
  readonly sequenceLength: number
  /** Sequences of one forward pass: explicit scores flatten more than one with the heads. */
  readonly sequences: number
  /** Bytes per score of an additive mask that sdpa saves; 0: none. */
  readonly maskBytes: number
  readonly tensorParallel: number
  readonly sequenceParallel: boolean
  readonly hiddenDropout: boolean
  readonly attentionDropout: boolean
  readonly hiddenSize: number
  /** Does this tensor (by its path in the layer) train itself? */
  readonly trains: (path: string) => boolean
  readonly adapterOf: (path: string) => LinearAdapter | null
  readonly adapterKernels: ReadonlySet<AdapterKernel>
  /** 4-bit products keep their input (bitsandbytes before 0.44). */
  readonly quantizedKeepsInput: boolean
  readonly quantized: boolean
}

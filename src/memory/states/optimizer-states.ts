import type { TrainingPlan } from '../../plan/training-plan.ts'
import type { Optimizer, OptimizerImplementation } from '../../plan/vocabulary.ts'

/** What an optimizer keeps and what its step allocates. */
export interface OptimizerRow {
  /** Full-size states per trained parameter. */
  readonly states: number
  /** Full-size states of parameters that are not hidden matrices, when they differ (Muon, Dion). */
  readonly otherStates?: number
  /** Factored second moments: rows + columns instead of a full state. */
  readonly factored?: boolean
  /** Projected states of rank r: `2·r·n + m·r` instead of full ones. */
  readonly projected?: boolean
  /** Bytes per element of the largest hidden matrix while it is updated. */
  readonly matrixScratch?: number
  /** Parameter-sized lists that the foreach step builds. */
  readonly foreachLists: number
  /** Bytes per element of the tensor being stepped that a step without foreach or fused kernels creates, by the parameters' bytes. */
  readonly stepBytes?: { readonly 2: number; readonly 4: number }
  /** One block of layers trains at a time, with float32 weights, gradients and states of its own. */
  readonly byBlock?: boolean
  readonly source: string
}

export const OPTIMIZER_ROWS: Record<Optimizer, OptimizerRow> = {
  adamw: {
    states: 2,
    foreachLists: 1,
    source: 'torch 2.13 optim/adamw.py _multi_tensor_adamw, measured with PyTorch 2.13 on CPU',
  },
  adafactor: {
    states: 0,
    factored: true,
    foreachLists: 0,
    // 16 bit: float32 copies of gradient and parameter; both: the old update and the new one.
    stepBytes: { 2: 16, 4: 8 },
    source: 'transformers 5.18 optimization.py Adafactor.step; torch 2.13 optim/_adafactor.py',
  },
  sgd: { states: 0, foreachLists: 0, source: 'torch 2.13 optim/sgd.py' },
  sgd_momentum: { states: 1, foreachLists: 0, source: 'torch 2.13 optim/sgd.py' },
  lion: { states: 1, foreachLists: 1, source: 'arXiv 2302.06675 algorithm 2' },
  muon: {
    states: 1,
    otherStates: 2,
    matrixScratch: 8,
    foreachLists: 0,
    source: 'torch 2.13 optim/_muon.py: update and two Newton-Schulz iterates with their Gram matrices, in 16 bit',
  },
  galore_adamw: { states: 2, projected: true, foreachLists: 0, source: 'GaLore @2cc66f8 galore_torch/adamw.py' },
  galore_adafactor: {
    states: 0,
    factored: true,
    projected: true,
    foreachLists: 0,
    source: 'GaLore @2cc66f8 galore_torch/adafactor.py',
  },
  apollo: { states: 2, projected: true, foreachLists: 0, source: 'APOLLO, arXiv 2412.05270 §4' },
  apollo_mini: { states: 2, projected: true, foreachLists: 0, source: 'APOLLO, arXiv 2412.05270 §4.3 (rank 1)' },
  lomo: { states: 0, foreachLists: 0, source: 'LOMO, arXiv 2306.09782 §3' },
  adalomo: { states: 0, factored: true, foreachLists: 0, source: 'AdaLomo, arXiv 2310.10195 §3' },
  adam_mini: { states: 1, foreachLists: 0, source: 'Adam-mini, arXiv 2406.16793 §2' },
  badam: {
    states: 2,
    foreachLists: 0,
    byBlock: true,
    source: 'BAdam, arXiv 2404.02827 §2.2 (16 B per parameter of the active block)',
  },
  adagrad: { states: 1, foreachLists: 1, source: 'torch 2.13 optim/adagrad.py' },
  rmsprop: { states: 1, foreachLists: 1, source: 'torch 2.13 optim/rmsprop.py' },
  schedule_free_adamw: { states: 2, foreachLists: 1, source: 'schedulefree 1.4 adamw_schedulefree.py (z, exp_avg_sq)' },
  schedule_free_sgd: { states: 1, foreachLists: 0, source: 'schedulefree 1.4 sgd_schedulefree.py (z)' },
  grokadamw: { states: 3, foreachLists: 0, source: 'grokadamw 0.1 grokadamw.py (exp_avg, exp_avg_sq, grok_ema)' },
  stable_adamw: { states: 2, foreachLists: 1, source: 'torch-optimi 0.2 stableadamw.py' },
  came: { states: 1, factored: true, foreachLists: 0, source: 'CAME, arXiv 2307.02047 algorithm 2' },
  lamb: { states: 2, foreachLists: 1, source: 'LAMB, arXiv 1904.00962 algorithm 2' },
  ademamix: { states: 3, foreachLists: 0, source: 'AdEMAMix, arXiv 2409.03137 §3' },
  dion: { states: 1, otherStates: 2, foreachLists: 0, source: 'Dion, arXiv 2504.05295 §3' },
  flash_adamw: { states: 2, foreachLists: 0, source: 'FlashOptim AdamW (quantised moments)' },
  other: { states: 2, foreachLists: 0, source: 'assumed like AdamW' },
}

/** Step temporaries by implementation: whole lists, two tensors, or none. Fused kernels update in place (torch 2.13 optim/adamw.py). */
export const STEP_TEMPORARIES = {
  foreach: { lists: true, tensors: 0 },
  loop: { lists: false, tensors: 2 },
  fused: { lists: false, tensors: 0 },
  in_backward: { lists: false, tensors: 0 },
} as const satisfies Record<OptimizerImplementation, { lists: boolean; tensors: number }>

/** Rank of projected optimizers: the plan's, or the published default (GaLore README: 128; APOLLO-Mini: 1). */
export function projectionRank(plan: TrainingPlan): number {
  return plan.optimizer === 'apollo_mini' ? 1 : (plan.optimizerRank ?? 128)
}

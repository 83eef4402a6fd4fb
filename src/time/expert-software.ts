import { isSince, olderThan } from '../plan/library-version.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { computesNarrow, isMegatronCore, type Stack } from './stack.ts'
import type { StepContext } from './step-context.ts'

/**
 * Kernels around each of the two products of a pass. Scales of a tensor: the largest magnitude, then both layouts. Scales of
 * blocks: both layouts at once, and their scales in the order of the product (Transformer Engine pytorch/csrc/extensions/gemm.cpp
 * swizzle_scales_for_gemm).
 */
const CASTS = 2

/**
 * Small kernels around the experts of a layer, per pass: 32 forward (router 12, counts of tokens and their gathering 8, two
 * permutations and their reversal 9, exchanges 3), 14 backward, and the wait for the counts, which the host needs to size
 * the products, over three passes (Megatron-LM core/transformer/moe/router.py, token_dispatcher.py).
 */
const AROUND_EXPERTS = 20

/** Releases of Megatron-Bridge whose performance recipes fuse experts (issue 2885; perf_recipes/nemotronh/common.py @067f987). */
const FUSED_SINCE = { gated: [26, 6], plain: [26, 8] } as const

/**
 * Are all experts of a layer one grouped product with its casts and activation inside, launched from a recorded graph?
 * Transformer Engine calls its products expert by expert unless `use_transformer_engine_op_fuser` is on, which fuses MXFP8 with
 * SwiGLU or squared ReLU (Megatron-LM core/transformer/moe/experts.py `_is_fused_impl_supported`): off in Megatron core, on in the
 * performance recipes of newer releases. Where the plan says neither, it is taken as off: the time is then not promised
 * shorter than it may be, and {@link hasOpenFusion} has it said.
 */
export function fusesExperts(c: StepContext): boolean {
  if (!mayFuse(c) || hasOpenFusion(c)) return false
  const { fusedExperts, libraries } = c.plan
  const version = FUSED_SINCE[c.work.expertGated ? 'gated' : 'plain']
  return fusedExperts ?? isSince(libraries, { library: 'megatron-bridge', version })
}

/** The experts run much faster fused, and the plan does not say whether they are. */
export function hasOpenFusion(c: StepContext): boolean {
  const { fusedExperts, libraries } = c.plan
  return mayFuse(c) && fusedExperts === null && libraries['megatron-bridge'] === undefined
}

function mayFuse({ plan, stack, work }: StepContext): boolean {
  return stack.id === 'transformer-engine' && plan.precision.compute === 'mxfp8' && work.experts > 0
}

/** Mask, index, gather, three products, activation, gate, weighting and scatter of one expert (transformers 4.57 modeling_mixtral.py). */
const LOOP_KERNELS = 11

/** Kernels that one pass over an expert layer runs one after the other. */
export function expertKernels(c: StepContext): number {
  const { plan, stack, work, expert } = c
  if (loopsOverExperts(plan, stack)) return (LOOP_KERNELS * work.experts) / expert
  if (fusesExperts(c)) return 2
  // torch._grouped_mm and grouped_gemm take all experts at once
  const experts = stack.id === 'transformer-engine' && isMegatronCore(plan) ? work.experts / expert : 1
  return AROUND_EXPERTS + 2 * (1 + (computesNarrow(plan) ? CASTS : 0)) * experts
}

/** Hugging Face models before version 5 call one expert after the other; since then grouped products are the default (modeling_utils.py, v5.18). */
export function loopsOverExperts({ libraries, fusedKernels }: TrainingPlan, stack: Stack): boolean {
  const isOlder = olderThan(libraries, { library: 'transformers', version: [5, 0] })
  return stack.id === 'hugging-face' && fusedKernels === 'none' && isOlder
}

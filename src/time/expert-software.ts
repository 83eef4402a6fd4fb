import { isSince, olderThan } from '../plan/library-version.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ComputeDtype } from '../plan/vocabulary.ts'
import { isMegatronCore, type Stack } from './stack.ts'
import type { StepContext } from './step-context.ts'

/**
 * Kernels around each of the two products of a pass. Scales of a tensor: the largest magnitude, then both layouts. Scales of
 * blocks: both layouts at once, and their scales in the order of the product (Transformer Engine pytorch/csrc/extensions/gemm.cpp
 * swizzle_scales_for_gemm).
 */
const CASTS: Partial<Readonly<Record<ComputeDtype, number>>> = { float8: 2, mxfp8: 2, nvfp4: 2 }

/**
 * Share of the expert layers' small kernels that are fused into grouped products. Transformer Engine called its products
 * expert by expert, with casts and activation between them, until Megatron-Bridge 26.06 fused all of it for MXFP8 and
 * SwiGLU (NVIDIA-NeMo/Megatron-Bridge issue 2885). A plan that names no release is taken as an earlier one: the time is
 * then not promised shorter than it may be, and {@link hasOpenRelease} has it said.
 */
export function fusedExperts(c: StepContext): number {
  const isFused = isSince(c.plan.libraries, { library: 'megatron-bridge', version: [26, 6] })
  return mayFuse(c) && !hasOpenRelease(c) && isFused ? 1 : 0
}

/** The release decides how fast the experts run, and the plan does not name it. */
export function hasOpenRelease(c: StepContext): boolean {
  return mayFuse(c) && c.plan.libraries['megatron-bridge'] === undefined
}

function mayFuse({ plan, stack, work }: StepContext): boolean {
  return stack.id === 'transformer-engine' && plan.precision.compute === 'mxfp8' && work.experts > 0 && work.expertGated
}

/** Mask, index, gather, three products, activation, gate, weighting and scatter of one expert (transformers 4.57 modeling_mixtral.py). */
const LOOP_KERNELS = 11

/** Kernels that one pass over an expert layer runs one after the other. */
export function expertKernels(c: StepContext): number {
  const { plan, stack, work, expert } = c
  if (loopsOverExperts(plan, stack)) return (LOOP_KERNELS * work.experts) / expert
  const unfused = 2 * (1 + (CASTS[plan.precision.compute] ?? 0))
  const fused = fusedExperts(c)
  // torch._grouped_mm and grouped_gemm take all experts at once
  const experts = stack.id === 'transformer-engine' && isMegatronCore(plan) ? work.experts / expert : 1
  return unfused * experts * (1 - fused) + 2 * fused
}

/** Hugging Face models before version 5 call one expert after the other; since then grouped products are the default (modeling_utils.py, v5.18). */
export function loopsOverExperts({ libraries, fusedKernels }: TrainingPlan, stack: Stack): boolean {
  const isOlder = olderThan(libraries, { library: 'transformers', version: [5, 0] })
  return stack.id === 'hugging-face' && fusedKernels === 'none' && isOlder
}

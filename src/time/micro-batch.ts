import type { ComputeDtype } from '../plan/vocabulary.ts'
import { branches } from './adapter-branches.ts'
import { attentionSeconds, scanSeconds } from './attention-seconds.ts'
import { dequantisationSeconds } from './dequantisation.ts'
import { adapterMultiplier } from './efficiency.ts'
import { expertKernels, fusesExperts } from './expert-software.ts'
import { hostSeconds } from './host-seconds.ts'
import { BLOCKED, computesNarrow } from './stack.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/** GPU and host time of one micro-batch on one GPU, before communication. Formulas: docs/time.md. */
export function microBatchTerms(context: StepContext): { readonly gpu: readonly LayerTerm[]; readonly host: number } {
  const gpu: LayerTerm[] = []
  const add = (term: LayerTerm) => {
    if (term.seconds > 0) gpu.push(term)
  }
  const multiplier = context.plan.adapter === null ? 1 : adapterMultiplier(context.plan.adapter.type)
  const scaled = (seconds: number) => seconds * multiplier
  add({ name: 'dense products', seconds: scaled(denseSeconds(context)), source: 'work' })
  add({ name: 'expert products', seconds: expertSeconds(context), source: 'work' })
  add({ name: 'expert permutation', seconds: permutationSeconds(context), source: 'bytes' })
  add({ name: 'output head', seconds: headSeconds(context), source: 'work' })
  add({ name: 'attention', seconds: attentionSeconds(context), source: 'work' })
  add({ name: 'state-space scan', seconds: scanSeconds(context), source: 'work' })
  add({ name: 'vision tower', seconds: visionSeconds(context), source: 'work' })
  add({ name: 'elementwise', seconds: elementwiseSeconds(context), source: 'bytes' })
  add({ name: '8-bit casts', seconds: castSeconds(context), source: 'bytes' })
  add({ name: 'adapters', seconds: adapterSeconds(context), source: 'bytes' })
  add({ name: 'de-quantisation', seconds: dequantisationSeconds(context), source: 'bytes' })
  return { gpu, host: hostSeconds(context) * multiplier }
}

/** Passes over a weight matrix: forward, gradient of the input, of the weight, recomputation. */
function passes({ trains, recompute }: StepContext): number {
  return 1 + trains.backward * (1 + recompute) + trains.weights
}

/** Matmul efficiency at a width: narrow matrices lose more on faster chips. */
function widthShare({ constants, ceilings }: StepContext, width: number): number {
  return 1 / (1 + (constants.narrow_width * (ceilings.bits16 / 271e12)) / Math.max(1, width))
}

function stackShare({ constants, stack }: StepContext): number {
  return constants[stack.efficiency]
}

/** Rate of products at the compute precision, before the width of the matrices. */
function productRate(c: StepContext): number {
  const { constants, plan, ceilings } = c
  const rate = ceilings.compute * stackShare(c)
  const blocks = BLOCKED.has(plan.precision.compute) ? constants.efficiency_blocks : 1
  return rate * blocks * (plan.precision.compute === 'nvfp4' ? constants.efficiency_fp4 : 1)
}

function cubic(compute: number, memory: number): number {
  return Math.cbrt(compute ** 3 + memory ** 3)
}

/** Bytes of one weight as the products read it. */
function weightBytes({ plan, stack }: StepContext): number {
  return stack.id === 'transformer-engine' && computesNarrow(plan) ? 1 : 2
}

function denseSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, constants, bandwidth } = c
  const parameters = work.denseParameters
  const rate = productRate(c) * widthShare(c, work.hiddenSize / tensor)
  const compute = (2 * parameters * (tokens + constants.tile_waste)) / (tensor * pipeline * rate)
  const memory = (parameters * weightBytes(c)) / (tensor * pipeline * bandwidth)
  return passes(c) * cubic(compute, memory)
}

/** Biases and clamped activations keep experts off the fused grouped kernels. */
function biasShare({ work, constants }: StepContext): number {
  return work.expertBias ? constants.efficiency_expert_bias : 1
}

function expertSeconds(c: StepContext): number {
  const { work, tokens, pipeline, expert, bandwidth, constants } = c
  if (work.activeExpertParameters === 0) return 0
  const rate = productRate(c) * widthShare(c, work.expertWidth) * biasShare(c)
  // every expert that is reached wastes half a tile
  const reached = Math.min(work.experts / expert, tokens * work.topK)
  const padded = tokens + (constants.tile_waste * reached) / work.topK
  const compute = (2 * work.activeExpertParameters * padded) / (c.tensor * pipeline * rate)
  const memory = (work.expertParameters * weightBytes(c)) / (pipeline * expert * bandwidth)
  const kernels = (constants.expert_kernel * expertKernels(c) * work.expertLayers) / pipeline
  return passes(c) * (cubic(compute, memory) + kernels)
}

/** Tokens are gathered for their experts and scattered back: 24 bytes per routed value, forward and backward. */
function permutationSeconds({ work, tokens, tensor, pipeline, bandwidth, recompute }: StepContext): number {
  const routed = work.topK * tokens * work.hiddenSize * work.expertLayers
  return (24 * routed * (1 + recompute / 3)) / (tensor * pipeline * bandwidth)
}

/** Bytes moved per logit, forward and backward: casts, softmax, gradient. Counted from the kernels. */
const LOGIT_BYTES = {
  full_logits: 20,
  full_logits_float32: 36,
  full_logits_native: 20,
  in_place: 20,
  chunked: 16,
  chunked_linear: 16,
  fused_linear: 8,
  cut_cross_entropy: 8,
  vocab_parallel: 14,
} as const

function headSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, ceilings, bandwidth, plan, trains } = c
  const products =
    ((2 + trains.head) * 2 * work.outputs * work.hiddenSize * tokens) / (tensor * ceilings.bits16 * stackShare(c))
  const logits = (LOGIT_BYTES[plan.loss] * work.outputs * tokens) / (tensor * bandwidth)
  return (products + logits) / pipeline
}

function visionSeconds(c: StepContext): number {
  const { work, sequences, tensor, ceilings } = c
  return (2 * work.visionParameters * work.visionTokens * sequences) / (tensor * ceilings.bits16 * stackShare(c))
}

/** Rate of large last-level caches (assumption: two to five times the memory of A100 to L40S). */
const CACHE_BANDWIDTH = 5e12

/**
 * Seconds for traffic between kernels: what the next kernel finds in the cache does not come from memory. The share that
 * does is cache ÷ (cache + working set), the working set being the operands of a few kernels.
 */
function streamedSeconds({ gpu, work, tokens, tensor, bandwidth, constants }: StepContext, bytes: number): number {
  const workingSet = (constants.cache_working_set * tokens * work.hiddenSize) / tensor
  const cache = gpu.cacheBytes ?? 0
  const found = cache / (cache + workingSet)
  return bytes * ((1 - found) / bandwidth + found / Math.max(CACHE_BANDWIDTH, bandwidth))
}

function elementwiseSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, recomputeElementwise, plan, trains } = c
  const split = plan.parallelism.sequenceParallel ? tensor : tensor ** 0.7
  // activations of experts: two values read and one written, unless they stay inside the grouped products
  const inside = fusesExperts(c) ? 6 * work.expertHidden : 0
  const bytes = (c.fused ? work.elementwiseFused : work.elementwiseEager) - inside
  const passes3 = 1 + trains.backward * (2 + recomputeElementwise)
  return streamedSeconds(c, (tokens * bytes * passes3) / (split * pipeline))
}

/** Bytes to cast one value: largest magnitude, read, write. Blocks find theirs on the way (4 bit: half a byte, and its scales). */
const CAST_BYTES: Partial<Readonly<Record<ComputeDtype, number>>> = { float8: 5, mxfp8: 3, nvfp4: 2.6 }

/** 8- and 4-bit operands: read, write in two layouts, largest magnitude. Inputs of recomputed products are cast again. */
function castSeconds(c: StepContext): number {
  const { plan, work, tokens, tensor, pipeline, expert, bandwidth, trains, recompute, stack } = c
  const bytes = CAST_BYTES[plan.precision.compute]
  if (bytes === undefined) return 0
  // frozen weights need no second layout: no product of the weight gradient reads it
  const features = work.linearFeatures - (fusesExperts(c) ? 3 * work.expertHidden : 0)
  const values = (4 + 2 * trains.weights) * (1 + recompute / 2) * features * tokens
  // Transformer Engine casts weights once per step; torchao for every product that reads them (float8_linear.py)
  const weights = stack.id === 'transformer-engine' ? 0 : work.denseParameters + work.expertParameters / expert
  return (values + bytes * (1 + trains.backward + recompute) * weights) / (tensor * pipeline * bandwidth)
}

/**
 * LoRA branches: 14 + 14 bytes per feature with float32 adapters (casts), 6 + 8 at 16 bit; three passes. Compiled
 * code saves about half of them, Transformer Engine's fused operation also the sum into the output (2 + 2).
 */
function adapterSeconds(c: StepContext): number {
  const { plan, tokens, tensor, pipeline, constants, stack } = c
  if (plan.adapter === null) return 0
  const [inBytes, outBytes] = plan.adapter.dtype === 'float32' ? [14, 14] : [6, 8]
  const features = branches(c).reduce(
    (sum, { tensor: t, layers }) => sum + layers * (inBytes * t.inFeatures + outBytes * t.outFeatures),
    0,
  )
  const fused = stack.id === 'transformer-engine' ? 0.35 : plan.compile ? 0.5 : 1
  return streamedSeconds(c, (3 * constants.adapter_traffic * fused * tokens * features) / (tensor * pipeline))
}

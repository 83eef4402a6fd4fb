import type { Gpu } from '../hardware/gpu.ts'
import { type Fabric, fabricOf } from '../hardware/interconnect.ts'
import type { ModelCounts } from '../models/model-counts.ts'
import { promptTokens } from '../plan/prompt-tokens.ts'
import type { Run } from '../plan/run.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { type Ceilings, ceilingsOf } from './ceilings.ts'
import type { Efficiency } from './efficiency.ts'
import { type SampleLength, sampleLength } from './padding.ts'
import { isFused, type Stack, stackOf } from './stack.ts'
import { type Work, workOf } from './work.ts'

/** Everything the terms of one step share. */
export interface StepContext {
  readonly plan: TrainingPlan
  readonly counts: ModelCounts
  readonly gpu: Gpu
  readonly work: Work
  readonly constants: Efficiency
  readonly stack: Stack
  readonly fused: boolean
  readonly ceilings: Ceilings
  /** Streaming rate of the GPU's memory. */
  readonly bandwidth: number
  readonly fabric: Fabric
  /** GPUs per NVLink domain. */
  readonly domain: number
  readonly length: SampleLength
  /** Sequences per micro-batch: a preference pair is two. */
  readonly sequences: number
  /** Tokens per GPU and micro-batch: sequences × length ÷ context ranks. */
  readonly tokens: number
  readonly tensor: number
  readonly pipeline: number
  readonly context: number
  readonly expert: number
  /** Ranks that average gradients: data × context. */
  readonly ranks: number
  /** Independent batches: the global batch is micro-batch × accumulation × this. */
  readonly dataRanks: number
  /** Shares of a forward that backward does again: products, attention, and what lies between them. */
  readonly recompute: number
  readonly recomputeAttention: number
  readonly recomputeElementwise: number
  readonly trains: TrainedShare
}

/** What of a full backward pass the plan really does. */
export interface TrainedShare {
  /** Block weights with weight gradients. */
  readonly weights: number
  /** Layers through which gradients flow. */
  readonly backward: number
  readonly head: number
}

const PAIRED: ReadonlySet<string> = new Set(['dpo', 'orpo', 'simpo', 'reward'])

export function stepContext(
  { plan, architecture, counts, gpu }: Run & { readonly gpu: Gpu },
  constants: Efficiency,
): StepContext {
  const stack = stackOf(plan)
  const { tensor, pipeline, context, expert } = plan.parallelism
  const fabric = fabricOf(gpu)
  const length = sampleLength(plan, constants.padding_variation)
  const work = workOf(architecture, length.computed)
  const sequences = plan.microBatchSize * (PAIRED.has(plan.stage) ? 2 : 1)
  const ranks = Math.max(1, plan.gpus / (tensor * pipeline))
  return {
    plan,
    counts,
    gpu,
    work,
    constants,
    stack,
    fused: isFused(plan, stack),
    ceilings: ceilingsOf(gpu, plan.precision.compute, constants),
    bandwidth: constants.bandwidth_share * gpu.memoryBandwidth,
    fabric,
    domain: fabric.nvlinkDomain ?? plan.gpusPerNode,
    length,
    sequences,
    tokens: (sequences * (length.computed + promptTokens(plan))) / context,
    tensor,
    pipeline,
    context,
    expert,
    ranks,
    dataRanks: Math.max(1, ranks / context),
    ...recomputation(plan, stack, work),
    trains: trainedShare(plan, counts, work),
  }
}

type Recomputation = Pick<StepContext, 'recompute' | 'recomputeAttention' | 'recomputeElementwise'>

function evenly(share: number): Recomputation {
  return { recompute: share, recomputeAttention: share, recomputeElementwise: share }
}

/**
 * Selective: Megatron drops the scores of unfused attention only. torch’s per-operator policy keeps attention and every
 * other product (torchtitan distributed/activation_checkpoint.py, torchtune training/_activation_checkpointing.py).
 */
function recomputation(plan: TrainingPlan, stack: Stack, work: Work): Recomputation {
  const mode = plan.gradientCheckpointing
  if (mode === 'none') return evenly(0)
  if (mode === 'full') return evenly(1)
  if (mode !== 'selective') return evenly(1 / mode.every)
  if (stack.id === 'megatron' || stack.id === 'transformer-engine') {
    const unfused = plan.attention === 'eager'
    return { recompute: 0, recomputeAttention: unfused ? 1 : 0, recomputeElementwise: unfused ? 0.5 : 0 }
  }
  const products = work.denseParameters === 0 ? 0 : work.alternateParameters / work.denseParameters
  return { recompute: products, recomputeAttention: 0, recomputeElementwise: 1 }
}

function trainedShare(plan: TrainingPlan, counts: ModelCounts, work: Work): TrainedShare {
  if (plan.adapter !== null) {
    const head = plan.adapter.modulesToSave.some(name => name.includes('lm_head')) ? 1 : 0
    return { weights: 0, backward: 1, head }
  }
  if (plan.freeze.kind === 'none') return { weights: 1, backward: 1, head: 1 }
  if (plan.freeze.kind === 'trainable_layers') {
    const share = Math.min(1, plan.freeze.layers / Math.max(1, work.layers))
    return { weights: share, backward: share, head: 0 }
  }
  return { weights: Math.min(1, counts.trainableBase / Math.max(1, counts.total)), backward: 1, head: 1 }
}

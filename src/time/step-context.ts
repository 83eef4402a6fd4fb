import type { Gpu } from '../hardware/gpu.ts'
import { type Fabric, fabricOf } from '../hardware/interconnect.ts'
import type { ModelCounts } from '../models/model-counts.ts'
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
  /** Layers recomputed in backward, as a share. */
  readonly recompute: number
  /** Extra attention forwards of selective recomputation. */
  readonly recomputeAttention: number
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
    ...recomputation(plan, stack),
    trains: trainedShare(plan, counts, work),
  }
}

function promptTokens({ adapter }: TrainingPlan): number {
  return adapter?.type === 'prompt' || adapter?.type === 'p_tuning' ? adapter.virtualTokens : 0
}

/**
 * Selective: Megatron with flash attention saves everything it needs; without it the attention is done once more;
 * torchtitan's per-operator policy redoes 0.45 of a layer's products, others a third.
 */
function recomputation(plan: TrainingPlan, stack: Stack): { recompute: number; recomputeAttention: number } {
  const kept = { recompute: 0, recomputeAttention: 0 }
  const mode = plan.gradientCheckpointing
  if (mode === 'none') return kept
  if (mode === 'full') return { recompute: 1, recomputeAttention: 0 }
  if (mode !== 'selective') return { recompute: 1 / mode.every, recomputeAttention: 0 }
  if (stack.id === 'megatron' || stack.id === 'transformer-engine') {
    return { recompute: 0, recomputeAttention: plan.attention === 'eager' ? 1 : 0 }
  }
  return { recompute: stack.id === 'torchtitan' ? 0.45 : 0.33, recomputeAttention: 0 }
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

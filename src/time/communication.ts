import { busBandwidth, domainsOf, type Group } from '../hardware/interconnect.ts'
import type { ExpertDispatcher } from '../plan/vocabulary.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/** Collectives inside one micro-batch that compute does not hide. */
export function microBatchCollectives(c: StepContext): readonly LayerTerm[] {
  const terms: LayerTerm[] = []
  if (c.tensor > 1) terms.push({ name: 'tensor-parallel collectives', seconds: tensorSeconds(c), source: 'collective' })
  if (c.context > 1) terms.push({ name: 'context-parallel exchange', seconds: contextSeconds(c), source: 'collective' })
  if (c.expert > 1 && c.work.expertLayers > 0) {
    terms.push({ name: 'expert all-to-all', seconds: expertSeconds(c), source: 'collective' })
  }
  return terms
}

/**
 * Four all-reduces (or their halves) per layer and micro-batch, two more in recomputation. The products wait for each;
 * Megatron's recipes of full training with sequence parallelism cut them into pieces that travel under the products
 * (`tp_comm_overlap` in Megatron-Bridge perf_recipes).
 */
function tensorSeconds(c: StepContext): number {
  const { work, tokens, tensor, pipeline, recompute, fabric, domain } = c
  const bytes = 2 * tokens * work.hiddenSize
  const peak = busBandwidth(fabric.allReduce, fabric, { ranks: tensor, stride: 1, domain })
  const bus = (peak * bytes) / (bytes + fabric.halfSpeedBytes)
  const volume = ((4 * (1 + recompute / 2) * work.layers) / pipeline) * bytes * ((2 * (tensor - 1)) / tensor)
  return (overlapsTensor(c) ? c.constants.exposed_tensor_overlapped : 1) * (volume / bus)
}

function overlapsTensor({ plan, stack }: StepContext): boolean {
  return stack.id === 'transformer-engine' && plan.parallelism.sequenceParallel && plan.adapter === null
}

/** Keys and values of the other context ranks, forward and backward. */
function contextSeconds(c: StepContext): number {
  const { constants, work, sequences, length, context, tensor, pipeline, recompute, fabric, domain } = c
  const rate = busBandwidth(fabric.allGather, fabric, { ranks: context, stride: tensor, domain })
  const bytes = (sequences * length.computed * 4 * work.keyValueWidth) / (tensor * pipeline)
  return (constants.exposed_context * ((context - 1) / context) * bytes * (2 + recompute)) / rate
}

/** Copies of one token's hidden state that leave its rank, and those of them that leave its domain. */
interface Copies {
  readonly all: number
  readonly remote: number
}

/**
 * Copies of a token on `ranks` ranks in `domains` domains: to every rank; one for each of its experts; or one for each domain that
 * holds one of them (DeepEP, HybridEP: k experts at random miss a domain of D with (1 − 1 ÷ D)^k), and inside it on.
 */
const COPIES: Readonly<Record<ExpertDispatcher, (ranks: number, domains: number, topK: number) => Copies>> = {
  allgather: (ranks, domains) => ({ all: ranks - 1, remote: ranks * (1 - 1 / domains) }),
  alltoall: (ranks, domains, topK) => ({ all: topK * (1 - 1 / ranks), remote: topK * (1 - 1 / domains) }),
  flex: (ranks, domains, topK) => ({
    all: topK * (1 - 1 / ranks),
    remote: (domains - 1) * (1 - (1 - 1 / domains) ** topK),
  }),
}

/**
 * Do products run while tokens travel? Megatron hides collectives under another micro-batch where it is told to. Runs with
 * DeepEP that hide nothing (bench group nemo-automodel-moe) wait no longer than the others, so that it never counts in full.
 */
export function hidesExperts({ plan }: StepContext): boolean {
  return plan.parallelism.overlapsExperts !== false || plan.parallelism.expertDispatcher === 'flex'
}

/** Dispatch and combine, forward and backward, at 75 % of the all-gather rate in a domain and the network's rate across. */
function expertSeconds(c: StepContext): number {
  const { constants, plan, work, tokens, tensor, pipeline, expert, recompute, fabric, domain } = c
  const domains = Math.max(1, expert / domain)
  const { all, remote } = COPIES[plan.parallelism.expertDispatcher ?? 'alltoall'](expert, domains, work.topK)
  const bytes = ((4 * (1 + recompute / 2) * tokens) / tensor) * work.hiddenSize * 2
  const perLayer = bytes * Math.max(all / (0.75 * fabric.allGather), remote / (0.8 * fabric.nic))
  const exposed = hidesExperts(c) ? constants.exposed_expert : 1
  return (exposed * perLayer * work.expertLayers) / pipeline
}

/** Weights themselves are spread over the ranks and gathered for use. */
export const SHARDS_WEIGHTS: ReadonlySet<string> = new Set(['zero3', 'fsdp1', 'fsdp2'])

/** Ranks that share one copy of the weights. */
export function shardRanks({ plan, ranks }: StepContext): number {
  return Math.min(plan.parallelism.shardSize ?? ranks, ranks)
}

/**
 * Averaging gradients where weights are not sharded, or between copies of a shard group: once per step, under ZeRO-2 after
 * every micro-batch, whose buckets go through an all-reduce (DeepSpeed runtime/zero/stage_1_and_2.py: `partition_gradients`,
 * `use_multi_rank_bucket_allreduce`). Experts that are spread over ranks are averaged only between the ranks that hold
 * the same ones.
 */
export function dataParallelSeconds(c: StepContext): number {
  const { plan, counts, work, ranks, fabric, tensor, pipeline, expert } = c
  if (ranks <= 1) return 0
  const data = plan.parallelism.data
  const shards = SHARDS_WEIGHTS.has(data) ? shardRanks(c) : 1
  if (shards >= ranks) return 0
  const gradientBytes = plan.precision.gradients === 'float32' ? 4 : 2
  const sharded = data === 'zero1' || data === 'zero2' || data === 'distributed_optimizer'
  const reduced = data === 'zero2' ? 2 * gradientBytes * plan.gradientAccumulationSteps : gradientBytes
  const bytes = (reduced + (sharded ? 2 : gradientBytes)) / (pipeline * shards)
  const experts = plan.adapter === null ? work.expertParameters : 0
  const average = (parameters: number, group: Group) => {
    if (group.ranks <= 1) return 0
    const bus = busBandwidth(fabric.allReduce, fabric, group)
    return (bytes * parameters * ((group.ranks - 1) / group.ranks)) / bus
  }
  const own = Math.max(0, counts.trainable - experts) / tensor
  const dense = average(own, dataGroup(c, ranks / shards))
  const routed = average(experts / expert, {
    ranks: (ranks * tensor) / shards / expert,
    stride: expert,
    domain: c.domain,
  })
  return (hidesNoAverage(c) ? 1 : c.constants[c.stack.exposedData]) * (dense + routed)
}

/** DeepSpeed reduces ZeRO-2 buckets on the stream of the products unless told otherwise (runtime/zero/config.py `overlap_comm`). */
export function hidesNoAverage({ plan }: StepContext): boolean {
  return plan.parallelism.data === 'zero2' && plan.buffers.overlapComm !== true
}

/** Ranks that share weights or average gradients, a tensor-parallel group apart. */
export function dataGroup({ tensor, domain }: StepContext, ranks: number): Group {
  return { ranks, stride: tensor, domain }
}

/** Doublings of the number of domains: stragglers and jitter grow with them. */
export function domainDoublings({ plan, domain }: StepContext): number {
  return Math.log2(Math.max(1, domainsOf({ ranks: plan.gpus, stride: 1, domain })))
}

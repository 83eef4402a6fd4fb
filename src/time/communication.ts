import { busBandwidth, domainsOf, type Group, ringLatency } from '../hardware/interconnect.ts'
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

/** Dispatch and combine, forward and backward: 75 % of the all-gather rate in a domain, the network's share across. */
function expertSeconds(c: StepContext): number {
  const { constants, work, tokens, tensor, pipeline, expert, recompute, fabric, domain } = c
  const inside = 0.75 * fabric.allGather
  const rate = expert <= domain ? inside : Math.min(inside, (0.8 * fabric.nic * expert) / (expert - domain))
  const bytes =
    ((4 * (1 + recompute / 2) * tokens) / tensor) * work.topK * work.hiddenSize * 2 * ((expert - 1) / expert)
  return (constants.exposed_expert * bytes * work.expertLayers) / pipeline / rate
}

const SHARDS_WEIGHTS: ReadonlySet<string> = new Set(['zero3', 'fsdp1', 'fsdp2'])

/**
 * Traffic of fully sharded weights in one micro-batch; 0 without sharding. FSDP gathers a layer at a time, ZeRO-3 each of
 * its linear modules; every collective pays the latency of its ring, which is what limits thousands of ranks.
 */
export function shardTraffic(c: StepContext): number {
  const { plan, counts, work, ranks, tensor, pipeline, fabric } = c
  if (!SHARDS_WEIGHTS.has(plan.parallelism.data) || ranks <= 1) return 0
  const shards = Math.min(plan.parallelism.shardSize ?? ranks, ranks)
  if (shards <= 1) return 0
  const parameters = counts.total / (tensor * pipeline)
  const gathers = plan.parallelism.reshardAfterForward ? 2 : 1
  const weightBytes = plan.quantization === 'none' ? 2 : 0.55
  const gradientBytes = plan.adapter === null ? (plan.precision.gradients === 'float32' ? 4 : 2) : 0
  const reduced = plan.parallelism.noSync ? 0 : gradientBytes * (counts.trainable / Math.max(1, counts.total))
  const group = dataGroup(c, shards)
  const bus = busBandwidth(fabric.allGather, fabric, group)
  const bytes = (gathers * weightBytes + reduced) * parameters * ((shards - 1) / shards)
  const units = plan.parallelism.data === 'zero3' ? work.linearTensors : work.layers
  const collectives = (units / pipeline) * (gathers + (reduced > 0 ? 1 : 0))
  return bytes / bus + collectives * ringLatency(c.gpu, group)
}

/**
 * Under a pipeline FSDP2 keeps a stage's weights whole and its gradients unreduced from the first to the last micro-batch
 * of a step (torch.distributed.pipelining stage.py, backward_maybe_with_nosync; torchtitan reshards by default only without it).
 */
export function gathersOnce({ plan, pipeline }: StepContext): boolean {
  return pipeline > 1 && plan.parallelism.data === 'fsdp2'
}

/**
 * Averaging gradients once per step where weights are not sharded, or between copies of a shard group. Experts that
 * are spread over ranks are averaged only between the ranks that hold the same ones.
 */
export function dataParallelSeconds(c: StepContext): number {
  const { plan, counts, work, ranks, constants, stack, fabric, tensor, pipeline, expert } = c
  if (ranks <= 1) return 0
  const data = plan.parallelism.data
  const shards = SHARDS_WEIGHTS.has(data) ? Math.min(plan.parallelism.shardSize ?? ranks, ranks) : 1
  if (shards >= ranks) return 0
  const gradientBytes = plan.precision.gradients === 'float32' ? 4 : 2
  const sharded = data === 'zero1' || data === 'zero2' || data === 'distributed_optimizer'
  const bytes = (sharded ? gradientBytes + 2 : 2 * gradientBytes) / (pipeline * shards)
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
  return constants[stack.exposedData] * (dense + routed)
}

function dataGroup({ tensor, domain }: StepContext, ranks: number): Group {
  return { ranks, stride: tensor, domain }
}

/** Doublings of the number of domains: stragglers and jitter grow with them. */
export function domainDoublings({ plan, domain }: StepContext): number {
  return Math.log2(Math.max(1, domainsOf({ ranks: plan.gpus, stride: 1, domain })))
}

import type { Gpu } from '../hardware/gpu.ts'
import { busBandwidth, type Group, ringLatency } from '../hardware/interconnect.ts'
import { dataGroup, SHARDS_WEIGHTS, shardRanks } from './communication.ts'
import { computesNarrow, isMegatronCore } from './stack.ts'
import type { StepContext } from './step-context.ts'

/** What fully sharded weights cost in one micro-batch, in seconds. */
export interface ShardTraffic {
  /** Collectives, which travel while products run. */
  readonly travel: number
  /** Copies between the buffers of the collectives and the weights, on the stream of the products. */
  readonly copies: number
}

const NOTHING: ShardTraffic = { travel: 0, copies: 0 }

/**
 * FSDP gathers a layer at a time, ZeRO-3 each of its linear modules; every collective pays the latency of its ring, which is
 * what limits thousands of ranks. Experts that are spread over ranks are gathered only between the ranks that hold the same ones.
 */
export function shardTraffic(c: StepContext): ShardTraffic {
  const { plan, counts, work, ranks, tensor, pipeline, expert, fabric, bandwidth } = c
  const { data, reshardAfterForward, noSync } = plan.parallelism
  if (!SHARDS_WEIGHTS.has(data) || ranks <= 1) return NOTHING
  const shards = shardRanks(c)
  if (shards <= 1) return NOTHING
  const gathers = (reshardAfterForward ? 2 : 1) + gathersAgain(c)
  const weightBytes = gatheredBytes(c)
  const gradientBytes = plan.precision.gradients === 'float32' ? 4 : 2
  const trained = plan.adapter === null && !noSync ? counts.trainable / Math.max(1, counts.total) : 0
  const routed = expert > 1 ? work.expertParameters : 0
  const group = dataGroup(c, shards)
  const parts: readonly (readonly [number, Group])[] = [
    [(counts.total - routed) / tensor, group],
    [routed / expert, { ranks: (shards * tensor) / expert, stride: expert, domain: c.domain }],
  ]
  const sent = gathers * weightBytes + gradientBytes * trained
  const copied = copies(c) ? 2 * gathers * weightBytes + (2 + gradientBytes) * trained : 0
  const entered = enteringBytes(c)
  const units = data === 'zero3' ? work.linearTensors : work.layers
  const collectives = (units / pipeline) * (gathers + (trained > 0 ? 1 : 0))
  let travel = collectives * ringLatency(c.gpu, group)
  let copySeconds = 0
  for (const [parameters, over] of parts) {
    if (over.ranks <= 1) continue
    const own = parameters / pipeline
    travel += (sent * own * ((over.ranks - 1) / over.ranks)) / busBandwidth(fabric.allGather, fabric, over)
    copySeconds += ((copied + (gathers * entered) / over.ranks) * own) / bandwidth
  }
  return { travel, copies: copySeconds }
}

/** ZeRO-3 keeps what is used again within a billion parameters (DeepSpeed `stage3_max_reuse_distance`): of a larger layer not all between recomputation and backward. */
const REUSE_DISTANCE = 1e9

function gathersAgain({ plan, work, recompute }: StepContext): number {
  if (plan.parallelism.data !== 'zero3') return 0
  const layer = (work.denseParameters + work.expertParameters) / work.layers
  return recompute * Math.max(0, 1 - REUSE_DISTANCE / (2 * layer))
}

/** Bytes to make a shard ready for a gather: float32 to 16 bit (FSDP1), and into the buffer of the collective (FSDP2). */
function enteringBytes({ plan }: StepContext): number {
  const { data } = plan.parallelism
  if (data === 'zero3' || isMegatronCore(plan) || plan.quantization !== 'none') return 0
  return (plan.precision.weights === 'float32' ? 6 : 0) + (data === 'fsdp2' ? 4 : 0)
}

/** Bytes of a weight as it is gathered: Megatron holds 8-bit copies where it computes in 8 bit (Megatron-Bridge training/mixed_precision.py: `fp8_param_gather`). */
function gatheredBytes({ plan }: StepContext): number {
  if (plan.quantization !== 'none') return 0.55
  return isMegatronCore(plan) && computesNarrow(plan) ? 1 : 2
}

/**
 * FSDP2 and ZeRO-3 copy each weight out of the gathered buffer and each gradient into the one that is reduced
 * (torch.distributed.fsdp _fully_shard/_fsdp_collectives.py foreach_all_gather_copy_out, foreach_reduce_scatter_copy_in;
 * DeepSpeed partition_parameters.py all_gather_coalesced). FSDP1 gathers into its flat parameter, Megatron into the weights.
 */
function copies({ plan }: StepContext): boolean {
  const { data } = plan.parallelism
  return (data === 'fsdp2' || data === 'zero3') && !isMegatronCore(plan)
}

/** Their products launch one block per multiprocessor. */
const PERSISTENT: ReadonlySet<string> = new Set(['hopper', 'blackwell'])

/** The constant for what products lose while sharded weights travel under them. */
export function exposedShard({ generation }: Gpu): 'exposed_shard_persistent' | 'exposed_shard' {
  return PERSISTENT.has(generation) ? 'exposed_shard_persistent' : 'exposed_shard'
}

/**
 * Seconds of travel that the products do not hide: `share` of what runs under them, and all of what has nothing to hide
 * under, the weights outside the blocks and one block.
 */
export function visibleTravel({ counts, work, constants, gpu }: StepContext, travel: number, products: number): number {
  const outside = Math.max(0, counts.total - work.denseParameters - work.expertParameters - work.visionParameters)
  const edge = Math.min(1, outside / Math.max(1, counts.total) + 1 / work.layers)
  const held = constants[exposedShard(gpu)]
  const share = held + (1 - held) * edge
  return Math.max(0, travel - products) + share * Math.min(travel, products)
}

/**
 * Under a pipeline FSDP2 keeps a stage's weights whole and its gradients unreduced from the first to the last micro-batch
 * of a step (torch.distributed.pipelining stage.py, backward_maybe_with_nosync; torchtitan reshards by default only without it).
 */
export function gathersOnce({ plan, pipeline }: StepContext): boolean {
  return pipeline > 1 && plan.parallelism.data === 'fsdp2'
}

import { branches } from './adapter-branches.ts'
import { loopsOverExperts } from './expert-software.ts'
import type { StepContext } from './step-context.ts'

const FOUR_BIT: ReadonlySet<string> = new Set([
  'nf4',
  'nf4-double',
  'fp4',
  'gptq-int4',
  'awq-int4',
  'hqq-int4',
  'mxfp4',
])
/** Servers of 2023 and later launch kernels faster than those that carried A100s (single-thread speed of their processors). */
const RECENT_HOSTS: ReadonlySet<string> = new Set(['ada', 'hopper', 'blackwell', 'cdna3', 'cdna4'])

/** Launching the kernels of one micro-batch, forward and backward. */
export function hostSeconds(c: StepContext): number {
  const { plan, work, constants, stack, pipeline, recompute, trains } = c
  const launch = constants[stack.host]
  const compiled = plan.compile ? constants.host_compiled : 1
  const data = plan.parallelism.data
  const sharded = (data === 'fsdp1' || data === 'fsdp2' || data === 'zero3') && stack.id !== 'transformer-engine'
  // FSDP2 hooks layers with the same code whatever model it wraps
  const shard = sharded ? constants[data === 'fsdp2' ? 'host_shard_native' : stack.hostShard] : 0
  // frozen weights launch no products for their gradients: about a sixth of a layer's kernels
  const again = (2.5 + 0.5 * trains.weights + recompute) / 3
  const targets = branches(c).reduce((sum, target) => sum + target.layers, 0)
  const quantised = FOUR_BIT.has(plan.quantization) ? (constants.host_4bit * work.layers * (2 + recompute)) / 2 : 0
  const adapters = constants.host_adapter * targets * again * compiled
  const hit = loopsOverExperts(plan, stack) ? Math.min(work.experts, c.tokens * work.topK) * work.expertLayers : 0
  const loop = constants.host_expert_loop * hit * again
  return ((work.layers * (launch * compiled + shard) * again + loop + adapters + quantised) * hostAge(c)) / pipeline
}

/** Launching one forward pass without gradients: a third of forward and backward. */
export function forwardHostSeconds(c: StepContext): number {
  const { plan, work, constants, stack, pipeline } = c
  const targets = branches(c).reduce((sum, target) => sum + target.layers, 0)
  const quantised = FOUR_BIT.has(plan.quantization) ? (constants.host_4bit * work.layers) / 2 : 0
  return (
    (((work.layers * constants[stack.host] + constants.host_adapter * targets) / 3 + quantised) * hostAge(c)) / pipeline
  )
}

function hostAge({ gpu, constants }: StepContext): number {
  return RECENT_HOSTS.has(gpu.generation) ? constants.host_recent : 1
}

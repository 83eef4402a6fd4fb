import { hostLinkBandwidth } from '../hardware/interconnect.ts'
import type { Framework, Optimizer } from '../plan/vocabulary.ts'
import { isMegatronCore } from './stack.ts'
import type { StepContext } from './step-context.ts'

/** Full-size states per parameter. */
const STATES: Partial<Readonly<Record<Optimizer, number>>> = {
  sgd: 0,
  sgd_momentum: 1,
  lion: 1,
  muon: 1,
  adafactor: 0,
  galore_adamw: 0.5,
  galore_adafactor: 0.2,
  apollo: 0.3,
  apollo_mini: 0,
  lomo: 0,
  adalomo: 0,
  adam_mini: 1,
  adagrad: 1,
  rmsprop: 1,
  ademamix: 3,
  dion: 1,
  schedule_free_sgd: 1,
}
const STATE_BYTES = { float32: 4, bfloat16: 2, float16: 2, int8: 1, fp8: 1, int4: 0.5 } as const
/** Passes over memory against one fused kernel: each foreach operation reads and writes its lists. */
const PASSES = { fused: 1, foreach: 2.6, loop: 4, in_backward: 1.1 } as const
const SHARDED: ReadonlySet<string> = new Set(['zero1', 'zero2', 'zero3', 'fsdp1', 'fsdp2', 'distributed_optimizer'])

/** One optimizer step: states and weights are read and written, gradients read and cleared. */
export function optimizerSeconds(c: StepContext): number {
  const { plan, counts, bandwidth, tensor, pipeline } = c
  const trained = counts.trainable / (tensor * pipeline * (SHARDED.has(plan.parallelism.data) ? shardCount(c) : 1))
  if (plan.parallelism.offload !== 'none') return offloadSeconds(c)
  const states = STATES[plan.optimizer] ?? 2
  const { masterWeights, masterWeightBytes, weights } = plan.precision
  const master = masterWeights ? masterWeightBytes : weights === 'float32' ? 4 : 2
  const gradients = plan.precision.gradients === 'float32' ? 4 : 2
  const copy = plan.precision.masterWeights && plan.precision.weights !== 'float32' ? 2 : 0
  const clipped = gradients * clippingPasses(c)
  const bytes = 2 * states * STATE_BYTES[plan.precision.optimizerStates] + 2 * master + 2 * gradients + copy
  return (trained * (bytes * PASSES[plan.optimizerImplementation] + clipped)) / bandwidth
}

/** These clip no gradients unless asked (torchtune recipe configs, litgpt/finetune). */
const UNCLIPPED: ReadonlySet<Framework> = new Set(['torchtune', 'litgpt'])

/** Clipping reads gradients for their norm, and reads and writes them to scale; Megatron scales only what is too long. */
function clippingPasses({ plan }: StepContext): number {
  if (UNCLIPPED.has(plan.framework) || plan.optimizerImplementation === 'in_backward') return 0
  return isMegatronCore(plan) ? 1 : 3
}

function shardCount({ plan, ranks }: StepContext): number {
  return Math.max(1, Math.min(plan.parallelism.shardSize ?? ranks, ranks))
}

/** The node's processors do the update; gradients and weights cross the host link. */
function offloadSeconds({ plan, counts, constants, gpu }: StepContext): number {
  const nodes = Math.max(1, plan.gpus / plan.gpusPerNode)
  const perGpu = counts.trainable / Math.max(1, plan.gpus)
  return (constants.cpu_optimizer * counts.trainable) / nodes + (4 * perGpu) / hostLinkBandwidth(gpu)
}

/** Weights that live in host memory are read for forward and backward of every micro-batch. */
export function parameterOffloadSeconds({ plan, counts, gpu }: StepContext): number {
  if (plan.parallelism.offload !== 'parameters_and_optimizer') return 0
  return (2 * 2 * counts.total) / Math.max(1, plan.gpus) / hostLinkBandwidth(gpu)
}

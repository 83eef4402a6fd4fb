import { busBandwidth } from '../hardware/interconnect.ts'
import type { TimeItem } from '../plan/item.ts'
import { attentionRate, usesCudnn } from './attention-seconds.ts'
import { dataGroup, hidesExperts, hidesNoAverage, shardRanks } from './communication.ts'
import { expansionRate } from './dequantisation.ts'
import { constantSource } from './efficiency.ts'
import { expertKernels, fusesExperts } from './expert-software.ts'
import { exposedShard, shardTraffic } from './shard-traffic.ts'
import { BLOCKED } from './stack.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

const tera = (flops: number) => `${(flops / 1e12).toFixed(0)} TFLOP/s`
const giga = (bytes: number) => `${(bytes / 1e9).toFixed(0)} GB/s`
const count = (value: number) => value.toExponential(2)

type Describe = (c: StepContext) => string

const tokens: Describe = ({ tokens: own, plan: { gradientAccumulationSteps: times } }) =>
  `${Math.round(own)} tokens × ${times} micro-batch${times === 1 ? '' : 'es'}`

const blocks: Describe = ({ plan, constants }) =>
  BLOCKED.has(plan.precision.compute) ? ` × ${constants.efficiency_blocks} scales by blocks` : ''

/** The inputs of each term, written out. */
const NOTES: Readonly<Record<string, Describe>> = {
  'dense products': c =>
    `${count(c.work.denseParameters)} parameters × ${tokens(c)}, ${2 + c.trains.weights + c.recompute} passes; ` +
    `${tera(c.ceilings.compute)} (${c.ceilings.from}) × ${c.constants[c.stack.efficiency]} ${c.stack.id}${blocks(c)}`,
  'expert products': c =>
    `${count(c.work.activeExpertParameters)} active of ${count(c.work.expertParameters)} parameters × ${tokens(c)}; ` +
    `${fusesExperts(c) ? 'all experts at once' : `${Math.round(expertKernels(c))} small kernels a layer and pass`}`,
  'expert permutation': c => `${tokens(c)} × ${c.work.topK} experts, gathered and scattered back`,
  'output head': c => `${c.work.outputs} outputs × ${c.work.hiddenSize}; logits of ${c.plan.loss}`,
  attention: c =>
    `${c.plan.attention}${usesCudnn(c) ? ' by cuDNN' : ''}, length ${Math.round(c.length.computed)} (${c.length.note})`,
  elementwise: c => `${c.fused ? 'fused' : 'eager'} kernels over ${giga(c.bandwidth)}`,
  adapters: c => `${c.counts.adapterTargets.length} kinds of target, ${c.plan.adapter?.dtype ?? ''}`,
  'de-quantisation': c =>
    `${count(c.counts.quantized)} ${c.plan.quantization} weights ` +
    (c.plan.quantization === 'int8' ? `and their inputs over ${giga(c.bandwidth)}` : 'expanded in every pass'),
  'host launches': c =>
    `${c.work.layers} layers launched by ${c.stack.id}${c.plan.compile ? ', compiled' : ''}; what the GPU waits for`,
  'tensor-parallel collectives': c => `${c.tensor} ranks over ${giga(c.fabric.allReduce)}`,
  'context-parallel exchange': c => `${c.context} ranks`,
  'expert all-to-all': c =>
    `${c.expert} ranks, ${c.plan.parallelism.expertDispatcher ?? 'alltoall'}` +
    `${hidesExperts(c) ? '; partly under the products' : ''}`,
  'sharded weights': c =>
    `${c.plan.parallelism.data} over ${shardRanks(c)} ranks, ${giga(busBandwidth(c.fabric.allGather, c.fabric, dataGroup(c, shardRanks(c))))}` +
    (shardTraffic(c).copies > 0 ? `; copies around the collectives over ${giga(c.bandwidth)}` : '') +
    (c.plan.parallelism.offload === 'parameters_and_optimizer' ? '; kept in host memory' : ''),
  stragglers: c => `${c.plan.gpus} GPUs in domains of ${c.domain}`,
  'reference forward': c => `one forward pass over ${tokens(c)}`,
  'policy forward': c => `log-probabilities before the update over ${tokens(c)}`,
  'reward forward': c => `one forward pass over ${tokens(c)}`,
  'pipeline bubble': c => `(${c.pipeline} − 1) ÷ ${c.plan.parallelism.pipelineInterleave} idle micro-batches`,
  'gradient averaging': c =>
    `${count(c.counts.trainable)} gradients over ${c.ranks} ranks` +
    (c.plan.parallelism.data === 'zero2' ? ', after every micro-batch' : ''),
  'weights to the engine': c => `${count(2 * c.counts.total)} bytes`,
  generation: generationNote,
  optimizer: c =>
    `${count(c.counts.trainable)} parameters, ${c.plan.optimizer} ${c.plan.optimizerImplementation}` +
    (c.plan.parallelism.offload === 'none' ? '' : ', on the host'),
}

function generationNote({ plan, sequences }: StepContext): string {
  const settings = plan.reinforcement
  if (settings === null) return ''
  const completions = sequences * plan.gradientAccumulationSteps
  const reused = settings.iterations > 1 ? `, used ${settings.iterations} times` : ''
  return `${completions} completions of up to ${settings.completionLength} tokens per GPU, ${settings.generation}${reused}`
}

/** Where the shape of a term comes from; the fitted constant behind it is named. */
const SOURCES: Readonly<Record<string, Describe>> = {
  'dense products': c => constantSource(c.stack.efficiency),
  'expert products': c => `${constantSource(c.stack.efficiency)}; ${constantSource('expert_kernel')}`,
  'output head': () => 'bytes per logit counted from the loss kernels',
  attention: c =>
    c.plan.attention === 'eager'
      ? 'bytes per score counted kernel by kernel (src/time/attention-seconds.ts) ÷ memory bandwidth, and products'
      : `FlashAttention: backward is 2.5 forwards (arXiv 2205.14135); ${constantSource(attentionRate(c))}${usesCudnn(c) ? `; ${constantSource('cudnn_attention')}` : ''}`,
  elementwise: () => 'bytes counted kernel by kernel (src/time/work.ts) ÷ memory bandwidth',
  adapters: () => constantSource('adapter_traffic'),
  'de-quantisation': c =>
    c.plan.quantization === 'int8'
      ? 'bytes counted kernel by kernel (src/time/dequantisation.ts) ÷ memory bandwidth'
      : constantSource(expansionRate(c)),
  'host launches': c => constantSource(c.stack.host),
  'tensor-parallel collectives': c => c.fabric.source,
  'context-parallel exchange': c => `${constantSource('exposed_context')}; ${c.fabric.source}`,
  'expert all-to-all': c =>
    `${hidesExperts(c) ? constantSource('exposed_expert') : 'nothing hides it'}; ${c.fabric.source}`,
  'sharded weights': c => `${constantSource(exposedShard(c.gpu))}; ${c.fabric.source}`,
  'pipeline bubble': () => constantSource('pipeline_bubble'),
  'gradient averaging': c =>
    `${hidesNoAverage(c) ? 'DeepSpeed runtime/zero/config.py overlap_comm False: none of it is hidden' : constantSource(c.stack.exposedData)}; ${c.fabric.source}`,
  stragglers: () => constantSource('domain_drift'),
}

/** A term as an item of the report; `factor` is the user's calibration. */
export function describeTerm(context: StepContext, { name, seconds, source }: LayerTerm, factor: number): TimeItem {
  return {
    name,
    seconds: seconds * factor,
    note: NOTES[name]?.(context) ?? tokens(context),
    source: SOURCES[name]?.(context) ?? (source === 'bytes' ? 'bytes moved ÷ memory bandwidth' : 'work ÷ ceiling'),
  }
}

import { fabricOf } from '../hardware/interconnect.ts'
import { adapterMultiplier } from './efficiency.ts'
import { forwardHostSeconds } from './host-seconds.ts'
import { longestOf } from './padding.ts'
import type { StepContext } from './step-context.ts'

/** Scheduling and sampling of one decoding step in vLLM (assumption). */
const ENGINE_SECONDS = 4e-3
/** Sequences that vLLM decodes together unless its cache holds fewer (`max_num_seqs`, vLLM 0.11). */
const ENGINE_SEQUENCES = 256
/** Share of the matmul ceiling that prompts and large batches reach (assumption). */
const PRODUCT_SHARE = 0.5
/** Share of a GPU that vLLM takes unless told (`gpu_memory_utilization`, vLLM 0.11). */
const ENGINE_MEMORY = 0.9

export interface Decoding {
  readonly engine: 'transformers' | 'vllm'
  /** Sequences that one GPU has to finish, and how many at most together; null: what the engine's cache holds. */
  readonly sequences: number
  readonly together: number | null
  readonly promptLength: number
  /** Tokens of a completion at most. */
  readonly newTokens: number
  /** On average; null: all are as long as they may be. */
  readonly meanNewTokens: number | null
  /** Share of the GPU's memory that the engine may use; 0: not stated. */
  readonly memoryShare: number
}

/**
 * Seconds to generate. Every token reads the weights once and the keys and values of all running sequences; prompts are
 * one forward pass. Eager Hugging Face code launches every layer for every token and keeps finished sequences in the batch
 * until its longest ends; an engine gives their place to others, and only the last ones leave it idle. An engine whose
 * weights do not fit into its share of one GPU spreads over as many as it needs, which then work on the sequences of all.
 */
export function decodingSeconds(c: StepContext, d: Decoding): number {
  const { counts, bandwidth, ceilings, plan } = c
  const isEngine = d.engine === 'vllm'
  const gpus = isEngine ? engineGpus(c, d) : c.tensor * c.pipeline
  const sequences = isEngine ? d.sequences * gpus : d.sequences
  const mean = Math.min(d.meanNewTokens ?? d.newTokens, d.newTokens)
  const longest = Math.min(d.newTokens, longestOf(sequences, mean, c.constants.padding_variation))
  const places = Math.max(1, Math.min(sequences, d.together ?? concurrent(c, { ...d, newTokens: mean }, gpus)))
  const rounds = sequences / places
  const steps = isEngine ? rounds * mean + (longest - mean) : rounds * longest
  const running = isEngine ? (sequences * mean) / steps : places
  const products = (2 * counts.active * running) / (PRODUCT_SHARE * ceilings.bits16)
  const cache = (running * (d.promptLength + mean / 2) * cacheBytes(c)) / bandwidth
  const device = (Math.max(weightsRead(c, running) / bandwidth, products) + cache) / gpus
  const multiplier = plan.adapter === null ? 1 : adapterMultiplier(plan.adapter.type)
  // eager launches hide behind long kernels; an engine's scheduling stands between them
  const step = isEngine ? device + ENGINE_SECONDS : Math.max(device, forwardHostSeconds(c) * multiplier)
  const prefill = (2 * counts.active * d.promptLength * sequences) / (PRODUCT_SHARE * ceilings.bits16 * gpus)
  return steps * step + prefill
}

/** Moving the trained weights into an engine: over the fabric in the same GPUs, over the network to others. */
export function handOverSeconds({ gpu, counts }: StepContext, where: 'vllm_colocate' | 'vllm_server'): number {
  const { allGather, nic } = fabricOf(gpu)
  return (2 * counts.total) / (where === 'vllm_colocate' ? allGather : nic)
}

/** Bytes of 16-bit weights that one token of `running` sequences touches: few sequences reach few experts. */
function weightsRead({ counts, work }: StepContext, running: number): number {
  const reached = work.experts === 0 ? 1 : Math.min(1, (running * work.topK) / work.experts)
  return 2 * (counts.total - work.expertParameters * (1 - reached))
}

/** GPUs of one engine: a power of two that leaves a third of its memory to the cache. */
function engineGpus(c: StepContext, d: Decoding): number {
  const room = (2 / 3) * engineBytes(c, d)
  return 2 ** Math.max(0, Math.ceil(Math.log2((2 * c.counts.total) / room)))
}

function engineBytes({ gpu }: StepContext, { memoryShare }: Decoding): number {
  return (memoryShare > 0 ? memoryShare : ENGINE_MEMORY) * gpu.usableBytes
}

/** Sequences whose keys and values fit beside the weights. */
function concurrent(c: StepContext, d: Decoding, gpus: number): number {
  const free = gpus * engineBytes(c, d) - 2 * c.counts.total
  const each = (d.promptLength + d.newTokens) * cacheBytes(c)
  return Math.min(ENGINE_SEQUENCES, Math.max(1, Math.floor(free / Math.max(1, each))))
}

/** Keys and values of one token, 16 bit. */
function cacheBytes({ work }: StepContext): number {
  return 4 * work.keyValueWidth
}

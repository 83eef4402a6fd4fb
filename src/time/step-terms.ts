import type { Seconds } from '../plan/units.ts'
import { dataParallelSeconds, domainDoublings, microBatchCollectives } from './communication.ts'
import { microBatchTerms } from './micro-batch.ts'
import { optimizerSeconds, parameterOffloadSeconds } from './optimizer-step.ts'
import { gathersOnce, shardTraffic, visibleTravel } from './shard-traffic.ts'
import type { StepContext } from './step-context.ts'
import type { LayerTerm } from './term.ts'

/** One optimizer step as exclusive terms that sum to its time, and the micro-batch inside it. */
export interface StepTerms {
  readonly terms: readonly LayerTerm[]
  readonly seconds: Seconds
  /** One micro-batch on one pipeline stage, communication included. */
  readonly microBatchSeconds: Seconds
  /** GPU-busy share of the step. */
  readonly busyShare: number
}

/** Host time below this share of the stream is hidden and not worth a line. */
const NOTICEABLE = 1e-5

/**
 * What runs on the GPU's stream (kernels and collectives) and host launches overlap: (stream⁴ + host⁴)^¼. Fully sharded weights travel under compute, of which a share of
 * the smaller of both stays visible. Pipelines add (stages − 1) / interleave idle micro-batches.
 */
export function stepTerms(c: StepContext): StepTerms {
  const { constants, plan, pipeline } = c
  const count = plan.gradientAccumulationSteps
  const { gpu, host } = microBatchTerms(c)
  const collectives = microBatchCollectives(c)
  const gpuSeconds = sum(gpu)
  const streamSeconds = gpuSeconds + sum(collectives)
  const overlapped = quartic(streamSeconds, host)
  const own = overlapped - streamSeconds < NOTICEABLE * streamSeconds ? streamSeconds : overlapped
  const { travel, copies } = shardTraffic(c)
  const visible = copies + visibleTravel(c, travel + parameterOffloadSeconds(c), own)
  const once = gathersOnce(c)
  const microBatchSeconds = once ? own : own + visible
  const terms: LayerTerm[] = []
  const add = (name: string, seconds: number, source: LayerTerm['source']) => {
    if (seconds > 0) terms.push({ name, seconds, source })
  }
  for (const { name, seconds, source } of gpu) add(name, count * seconds, source)
  add('host launches', count * (own - streamSeconds), 'host')
  for (const { name, seconds, source } of collectives) add(name, count * seconds, source)
  add('sharded weights', (once ? 1 : count) * visible, 'collective')
  const idle = (constants.pipeline_bubble * (pipeline - 1)) / plan.parallelism.pipelineInterleave
  add('pipeline bubble', idle * microBatchSeconds, 'schedule')
  add('gradient averaging', dataParallelSeconds(c), 'collective')
  add('optimizer', optimizerSeconds(c), 'bytes')
  add('stragglers', sum(terms) * constants.domain_drift * domainDoublings(c), 'schedule')
  const seconds = sum(terms)
  return { terms, seconds, microBatchSeconds, busyShare: Math.min(1, (count * gpuSeconds) / seconds) }
}

function quartic(a: number, b: number): number {
  return Math.sqrt(Math.sqrt(a ** 4 + b ** 4))
}

function sum(terms: readonly LayerTerm[]): number {
  let total = 0
  for (const { seconds } of terms) total += seconds
  return total
}

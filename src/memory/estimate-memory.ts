import type { Run } from '../plan/run.ts'
import { deviceInterval, intervalFactors } from './interval.ts'
import type { MemoryEstimate, Moment, MomentName } from './memory-estimate.ts'
import { sumBytes } from './memory-item.ts'
import { outsideItems } from './overheads/outside-tensors.ts'
import { cachedBlocks, leastCachedBytes } from './overheads/reserved.ts'
import { cardKey, type RankTimeline, rankTimeline } from './rank-timeline.ts'
import type { IdleStreams } from './sharding/buffer-items.ts'
import type { PipelineStage } from './sharding/rank-parameters.ts'

/** Timelines of one plan by what of a card and a rank they depend on. */
export type Timelines = Map<string, RankTimeline>

/** Per-GPU peak memory of a steady-state step on the worst rank. `timelines`: of the same plan on other cards. */
export function estimateMemory(run: Run, timelines: Timelines = new Map()): MemoryEstimate {
  if (run.plan.parallelism.pipeline === 1) return estimateRank(run, 'only', timelines)
  const [first, last] = [estimateRank(run, 'first', timelines), estimateRank(run, 'last', timelines)]
  return first.deviceBytes >= last.deviceBytes ? first : last
}

/** Which streams lie idle at a moment. */
const STREAMS_AT: Readonly<Record<MomentName, keyof IdleStreams>> = {
  'after load': 'step',
  'end of forward': 'forward',
  loss: 'forward',
  'head backward': 'forward',
  backward: 'backward',
  'gradients complete': 'backward',
  'optimizer step': 'step',
  evaluation: 'forward',
  generation: 'step',
}

/** The same for one pipeline rank. */
export function estimateRank(run: Run, stage: PipelineStage, timelines: Timelines = new Map()): MemoryEstimate {
  const { plan, gpu } = run
  const key = `${stage} ${cardKey(run)}`
  const timeline = timelines.get(key) ?? rankTimeline(run, stage)
  timelines.set(key, timeline)
  const peak = timeline.moments.reduce((most, entry) => (entry.bytes > most.bytes ? entry : most))
  // a loss that adds nothing to what forward ends with peaks there too
  const peaksInLoss = timeline.moments.some(({ name, bytes }) => name === 'loss' && bytes === peak.bytes)
  const usableBytes = gpu?.usableBytes ?? null
  const outside = outsideItems(plan, gpu)
  const dynamicBytes = peak.bytes - timeline.persistentBytes
  const outsideBytes = sumBytes(outside)
  const { held, reclaimable } = cachedBlocks(plan, {
    dynamicBytes,
    passBytes: timeline.passBytes,
    stepBytes: timeline.stepBytes,
    stepTemporaryBytes: timeline.stepTemporaryBytes,
    smallerHumpBytes: timeline.smallerHumpBytes,
    retainedBytes: timeline.retainedBytes,
    idleStreamBytes: timeline.idleStreams[STREAMS_AT[peak.name]],
    stepPeaks: peak.name === 'optimizer step',
    logitsBytes: timeline.logitsBytes,
    idleLogitsBytes: peaksInLoss ? timeline.idleLogitsBytes : 0,
    usableBytes,
    allocatedBytes: peak.bytes,
    outsideBytes,
  })
  const components = [...peak.items, held, ...(reclaimable.bytes > 0 ? [reclaimable] : []), ...outside]
  const deviceBytes = sumBytes(components)
  const requiredBytes = deviceBytes - reclaimable.bytes
  const factors = intervalFactors(run)
  const figures = {
    allocatedBytes: peak.bytes,
    besideBytes: outsideBytes + leastCachedBytes(dynamicBytes),
    usableBytes,
  }
  const interval = deviceInterval(factors, { ...figures, deviceBytes })
  const required = deviceInterval(factors, { ...figures, deviceBytes: requiredBytes })
  return {
    allocatedBytes: peak.bytes,
    reservedBytes: peak.bytes + held.bytes + reclaimable.bytes,
    deviceBytes,
    requiredBytes,
    requiredHighBytes: required.high,
    lowBytes: interval.low,
    highBytes: interval.high,
    allocatedLowBytes: peak.bytes * factors.neededLow,
    allocatedHighBytes: peak.bytes * factors.neededHigh,
    usableBytes,
    peakAt: peak.name,
    components,
    moments: timeline.moments satisfies readonly Moment[],
    hostBytes: timeline.hostBytes * Math.min(plan.gpus, plan.gpusPerNode),
    intervalClass: factors.name,
    findings: [],
  }
}

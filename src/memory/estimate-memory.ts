import type { Run } from '../plan/run.ts'
import { deviceInterval, intervalFactors } from './interval.ts'
import type { MemoryEstimate, Moment } from './memory-estimate.ts'
import { sumBytes } from './memory-item.ts'
import { outsideItems } from './overheads/outside-tensors.ts'
import { leastCachedBytes, reservedItem } from './overheads/reserved.ts'
import { rankTimeline } from './rank-timeline.ts'
import type { PipelineStage } from './sharding/rank-parameters.ts'

/** Per-GPU peak memory of a steady-state step on the worst rank. */
export function estimateMemory(run: Run): MemoryEstimate {
  if (run.plan.parallelism.pipeline === 1) return estimateRank(run, 'only')
  const [first, last] = [estimateRank(run, 'first'), estimateRank(run, 'last')]
  return first.deviceBytes >= last.deviceBytes ? first : last
}

/** The same for one pipeline rank. */
export function estimateRank(run: Run, stage: PipelineStage): MemoryEstimate {
  const { plan, gpu } = run
  const timeline = rankTimeline(run, stage)
  const peak = timeline.moments.reduce((most, entry) => (entry.bytes > most.bytes ? entry : most))
  const usableBytes = gpu?.usableBytes ?? null
  const outside = outsideItems(plan, gpu)
  const dynamicBytes = peak.bytes - timeline.persistentBytes
  const outsideBytes = sumBytes(outside)
  const cached = reservedItem(plan, {
    dynamicBytes,
    smallerHumpBytes: timeline.smallerHumpBytes,
    logitsBytes: timeline.logitsBytes,
    usableBytes,
    allocatedBytes: peak.bytes,
    outsideBytes,
  })
  const components = [...peak.items, cached, ...outside]
  const deviceBytes = sumBytes(components)
  const factors = intervalFactors(run)
  const interval = deviceInterval(factors, {
    deviceBytes,
    allocatedBytes: peak.bytes,
    besideBytes: outsideBytes + leastCachedBytes(dynamicBytes),
    usableBytes,
  })
  return {
    allocatedBytes: peak.bytes,
    reservedBytes: peak.bytes + cached.bytes,
    deviceBytes,
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

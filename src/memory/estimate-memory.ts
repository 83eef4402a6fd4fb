import type { Run } from '../plan/run.ts'
import { intervalFactors } from './interval.ts'
import type { MemoryEstimate, Moment } from './memory-estimate.ts'
import { sumBytes } from './memory-item.ts'
import { outsideItems } from './overheads/outside-tensors.ts'
import { reservedItem } from './overheads/reserved.ts'
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
  const cached = reservedItem(plan, {
    dynamicBytes: peak.bytes - timeline.persistentBytes,
    smallerHumpBytes: timeline.smallerHumpBytes,
    logits: timeline.logits,
    usableBytes,
    allocatedBytes: peak.bytes,
    outsideBytes: sumBytes(outside),
  })
  const components = [...peak.items, cached, ...outside]
  const deviceBytes = sumBytes(components)
  const interval = intervalFactors(run)
  return {
    allocatedBytes: peak.bytes,
    reservedBytes: peak.bytes + cached.bytes,
    deviceBytes,
    lowBytes: deviceBytes * interval.low,
    highBytes: deviceBytes * interval.high,
    usableBytes,
    peakAt: peak.name,
    components,
    moments: timeline.moments satisfies readonly Moment[],
    hostBytes: timeline.hostBytes * Math.min(plan.gpus, plan.gpusPerNode),
    intervalClass: interval.name,
    findings: [],
  }
}

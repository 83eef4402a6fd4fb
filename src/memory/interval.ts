import intervals from '../../data/memory-intervals.json' with { type: 'json' }
import type { Run } from '../plan/run.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { variesInLength } from './overheads/varying-length.ts'

type IntervalClass = keyof typeof intervals.classes

export interface IntervalFactors {
  readonly name: string
  /** On the device figure. */
  readonly low: number
  readonly high: number
  /** On the allocated figure. */
  readonly neededLow: number
  readonly neededHigh: number
}

export interface DeviceFigures {
  readonly deviceBytes: number
  readonly allocatedBytes: number
  /** Context, communication and the blocks that cannot be given back. */
  readonly besideBytes: number
  /** null: GPU unknown. */
  readonly usableBytes: number | null
}

/**
 * Interval of the device figure. Cached blocks are given back before an allocation fails (c10/cuda/CUDACachingAllocator.cpp
 * release_cached_blocks), so a run whose tensors fit shows no more than the card has, and one that overflows is as uncertain as its tensors.
 */
export function deviceInterval(factors: IntervalFactors, figures: DeviceFigures): { low: number; high: number } {
  const { deviceBytes, allocatedBytes, besideBytes, usableBytes } = figures
  const needed = (factor: number) => allocatedBytes * factor + besideBytes
  const [low, high] = [deviceBytes * factors.low, deviceBytes * factors.high]
  if (usableBytes === null) return { low, high }
  const overflows = deviceBytes > usableBytes
  return {
    low: overflows ? Math.max(low, Math.min(deviceBytes, needed(factors.neededLow))) : low,
    high: Math.max(deviceBytes, Math.min(high, Math.max(usableBytes, needed(factors.neededHigh)))),
  }
}

/** Class of run and the factors that cover 90 % of its measured residuals; wider for kinds of which no run was measured. */
export function intervalFactors(run: Run): IntervalFactors {
  const name = classOf(run.plan)
  const { low, high, neededLow, neededHigh } = intervals.classes[name]
  const reason = UNMEASURED.find(entry => entry.applies(run))
  const wider = (factor: number) => 1 + (factor - 1) * (reason === undefined ? 1 : intervals.unmeasuredWidening)
  return {
    name: reason === undefined ? name : `${name}, ${reason.name}`,
    low: wider(low),
    high: wider(high),
    neededLow: wider(neededLow),
    neededHigh: wider(neededHigh),
  }
}

interface UnmeasuredKind {
  readonly name: string
  readonly applies: (run: Run) => boolean
}

/** Kinds of run without a row in bench/memory.jsonl. */
const UNMEASURED: readonly UnmeasuredKind[] = [
  { name: 'assumed architecture', applies: run => !run.architecture.exact },
  {
    name: 'state-space layers',
    applies: run => run.architecture.layers.some(({ layer }) => layer.attention.mixer !== null),
  },
  { name: 'expert parallelism', applies: ({ plan }) => plan.parallelism.expert > 1 },
  { name: 'vision tower', applies: run => run.architecture.vision !== null },
  { name: 'unknown optimizer', applies: ({ plan }) => plan.optimizer === 'other' },
  { name: 'adapter kind', applies: ({ plan }) => plan.adapter !== null && plan.adapter.type !== 'lora' },
  { name: 'reinforcement', applies: ({ plan }) => plan.reinforcement !== null },
]

function classOf(plan: TrainingPlan): IntervalClass {
  const { tensor, pipeline, context, expert, data } = plan.parallelism
  if (tensor * pipeline * context * expert > 1) return 'model parallel'
  if (plan.gpus > 1 && data !== 'ddp' && data !== 'none') return 'sharded'
  if (plan.quantization !== 'none') return 'quantised weights'
  return variesInLength(plan) ? 'varying length' : 'fixed length'
}

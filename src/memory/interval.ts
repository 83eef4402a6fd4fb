import intervals from '../../data/memory-intervals.json' with { type: 'json' }
import type { Run } from '../plan/run.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import { variesInLength } from './overheads/varying-length.ts'

type IntervalClass = keyof typeof intervals.classes

export interface IntervalFactors {
  readonly name: string
  readonly low: number
  readonly high: number
}

/** Class of run and the factors that cover 90 % of its measured residuals; wider for kinds of which no run was measured. */
export function intervalFactors(run: Run): IntervalFactors {
  const name = classOf(run.plan)
  const { low, high } = intervals.classes[name]
  const reason = UNMEASURED.find(entry => entry.applies(run))
  if (reason === undefined) return { name, low, high }
  const wider = intervals.unmeasuredWidening
  return { name: `${name}, ${reason.name}`, low: 1 - (1 - low) * wider, high: 1 + (high - 1) * wider }
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

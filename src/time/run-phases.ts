import type { TimeItem } from '../plan/item.ts'
import type { EvaluationPlan, TrainingPlan } from '../plan/training-plan.ts'
import { decodingSeconds } from './decoding.ts'
import type { StepContext } from './step-context.ts'

const STARTUP_SOURCE =
  'MLPerf training logs v4–v5 (70B adapter: median 76 s to 8 GPUs, 130 s from 64; 8B from scratch: 44 and 133 s); ' +
  'stas00/ml-engineering storage @744d01e (one NVMe disk reads 2.4 to 2.8 GiB/s)'
const COMPILE_SOURCE = 'stas00/ml-engineering training/performance @744d01e (22 s for 1B, 47 s for 8B)'
const EVALUATION_SOURCE = 'MLPerf training logs (0.43 of a LoRA step per batch); others from passes'
const CHECKPOINT_SOURCE = 'stas00/ml-engineering storage @744d01e (1.9 GB/s for one NVMe writer); speed assumed'

export interface PhaseInputs {
  readonly context: StepContext
  readonly steps: number
  readonly microBatchSeconds: number
}

/** What a run does besides its steps. */
export function runPhases(inputs: PhaseInputs): readonly TimeItem[] {
  return [startUp(inputs), compile(inputs), evaluation(inputs), checkpoints(inputs)].filter(item => item.seconds > 0)
}

const nodesOf = ({ gpus, gpusPerNode }: TrainingPlan) => Math.max(1, gpus / gpusPerNode)

/** Processes and first step, weights read from each node's disk, and more nodes take longer to meet. */
function startUp({ context: { plan, counts } }: PhaseInputs): TimeItem {
  const stated = plan.overheads.startUpSeconds
  if (stated !== null) return { name: 'start-up', seconds: stated, note: `${stated} s stated`, source: 'policy' }
  const gigabytes = (2 * counts.total) / 1e9
  const doublings = Math.log2(nodesOf(plan))
  const meeting = doublings > 0 ? ` + 10 s × ${doublings.toFixed(1)} doublings of nodes` : ''
  return {
    name: 'start-up',
    seconds: 40 + gigabytes / 2.5 + 10 * doublings,
    note: `40 s + ${gigabytes.toFixed(1)} GB of weights ÷ 2.5 GB/s${meeting}`,
    source: STARTUP_SOURCE,
  }
}

function compile({ context: { plan, counts } }: PhaseInputs): TimeItem {
  const seconds = plan.compile ? 20 + (4 * counts.total) / 1e9 : 0
  return { name: 'compile', seconds, note: '20 s + 4 s per 1e9 parameters', source: COMPILE_SOURCE }
}

/** Forward passes only: a third of a full micro-batch, a quarter with recomputation. */
function evaluationShare({ adapter, gradientCheckpointing }: TrainingPlan): number {
  const recomputes = gradientCheckpointing !== 'none'
  if (adapter !== null) return recomputes ? 0.33 : 0.43
  return recomputes ? 0.25 : 1 / 3
}

function evaluation(inputs: PhaseInputs): TimeItem {
  const { context, steps, microBatchSeconds } = inputs
  const { plan, dataRanks } = context
  const set = plan.evaluation
  const held = set === null ? null : heldOut(set, plan.dataset.samples)
  const times = occurrences(set, steps) + (set?.atEnd ? 1 : 0)
  if (set === null || held === null || times === 0) return { name: 'evaluation', seconds: 0, note: '', source: '' }
  const batches = Math.ceil(held / (set.microBatchSize * dataRanks))
  const scored = (microBatchSeconds * evaluationShare(plan) * set.microBatchSize) / plan.microBatchSize
  const answers = set.newTokens ? (set.answers ?? null) : 0
  const perBatch = scored + (answers === null ? generated(context, set.microBatchSize, set.newTokens) : 0)
  const apart = (answers ?? 0) * generated(context, 1, set.newTokens)
  const tokens = set.newTokens ? `, ${set.newTokens} tokens generated in each` : ''
  const note =
    apart > 0
      ? `${times} × (${batches} batches × ${perBatch.toFixed(3)} s + ${apart.toFixed(1)} s for ${answers} × ${set.newTokens} tokens)`
      : `${times} × ${batches} batches × ${perBatch.toFixed(3)} s${tokens}`
  return { name: 'evaluation', seconds: times * (batches * perBatch + apart), note, source: EVALUATION_SOURCE }
}

/** Samples of one evaluation; where both are known, the set is cut at `samples`. */
function heldOut({ samples, share }: EvaluationPlan, trained: number | null): number | null {
  const split = trained === null || share === 0 ? null : trained * share
  return samples === null || split === null ? (samples ?? split) : Math.min(samples, split)
}

/** Evaluation that generates answers: a batch ends with its longest one. */
function generated(context: StepContext, sequences: number, newTokens: number | null | undefined): number {
  if (!newTokens) return 0
  return decodingSeconds(context, {
    engine: 'transformers',
    sequences,
    together: sequences,
    promptLength: context.length.real,
    newTokens,
    meanNewTokens: null,
    memoryShare: 0,
  })
}

function checkpoints({ context: { plan, counts }, steps }: PhaseInputs): TimeItem {
  const set = plan.checkpoints
  const times = Math.max(1, occurrences(set, steps))
  const states = set?.includesOptimizer ?? false
  const adapter = plan.adapter !== null
  const bytes = adapter ? counts.trainable * (states ? 12 : 2) : counts.total * 2 + (states ? 12 * counts.trainable : 0)
  const writers = plan.parallelism.data === 'none' || plan.parallelism.data === 'ddp' ? 1 : nodesOf(plan)
  const note = `${times} × ${(bytes / 1e9).toFixed(1)} GB ÷ 1 GB/s${writers === 1 ? '' : ` ÷ ${writers} nodes`}`
  return { name: 'checkpoints', seconds: (times * bytes) / 1e9 / writers, note, source: CHECKPOINT_SOURCE }
}

interface Schedule {
  readonly everySteps: number | null
  readonly timesTotal: number | null
}

function occurrences(schedule: Schedule | null, steps: number): number {
  if (schedule === null) return 0
  if (schedule.timesTotal !== null) return schedule.timesTotal
  return schedule.everySteps === null || schedule.everySteps <= 0 ? 0 : Math.floor(steps / schedule.everySteps)
}

/** Work lost to interruptions and restarts of a spot run, as the policy says; null: none. */
export function interruptions({ hardware, overheads }: TrainingPlan, runSeconds: number): TimeItem | null {
  const share = hardware.price?.spot ? overheads.interruptionShare : 0
  if (share === 0) return null
  const note = `${Number((share * 100).toFixed(2))} % of the run, on spot machines`
  return { name: 'spot interruptions', seconds: share * runSeconds, note, source: 'policy' }
}

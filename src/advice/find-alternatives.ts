import { GPUS } from '../hardware/gpu-catalogue.ts'
import type { TrainingPlan } from '../plan/training-plan.ts'
import type { AlternativeReport } from '../report/report.ts'
import type { Evaluate } from './evaluation.ts'

interface AlternativeOptions {
  readonly plan: TrainingPlan
  readonly evaluate: Evaluate
  /** Share of the usable memory that may be used. */
  readonly memoryShare: number
  /** Cost, hours and GPU-hours are within the policy's limits. */
  readonly passesAmounts: (plan: TrainingPlan) => boolean
}

/** Cards that clouds rent for training, one per class, smallest first. */
const OFFERED = [
  'rtx-4090',
  'l40s',
  'a100-sxm-40gb',
  'a100-sxm-80gb',
  'h100-sxm-80gb',
  'h200-sxm-141gb',
  'b200-sxm-180gb',
] as const
const COUNTS = [1, 2, 4, 8, 16] as const
const MAX_SHOWN = 5

/**
 * Other hardware on which the run as written passes: GPU × count, with time and cost where a price is known for it.
 * A stated price belongs to the GPU it was stated for and is not lent to another; a named provider offers what its
 * price list has.
 */
export function findAlternatives({
  plan,
  evaluate,
  memoryShare,
  passesAmounts,
}: AlternativeOptions): readonly AlternativeReport[] {
  const modelRanks = plan.parallelism.tensor * plan.parallelism.pipeline * plan.parallelism.context
  const found: AlternativeReport[] = []
  for (const id of OFFERED) {
    const gpu = GPUS.find(candidate => candidate.id === id)
    if (!gpu) continue
    for (const gpus of COUNTS) {
      if (gpus % modelRanks !== 0 || (id === plan.hardware.gpu && gpus === plan.gpus)) continue
      if (gpus !== plan.gpus && (plan.parallelism.data === 'none' || plan.parallelism.data === 'ddp')) continue
      const other = { ...plan, gpus, gpusPerNode: Math.min(8, gpus), hardware: hardwareOn(plan, id) }
      const result = evaluate(other)
      if (!result || result.memory.usableBytes === null) continue
      if (result.memory.requiredHighBytes > result.memory.usableBytes * memoryShare || !passesAmounts(other)) continue
      if (plan.hardware.price?.provider && result.time?.runSeconds != null && result.cost === null) break
      found.push({
        gpu: id,
        gpuName: gpu.name,
        gpus,
        memoryBytes: result.memory.requiredBytes,
        usableBytes: result.memory.usableBytes,
        runSeconds: result.time?.runSeconds ?? null,
        cost: result.cost?.total ?? null,
        currency: result.cost?.currency ?? null,
        fits: true,
        note: '',
      })
      break
    }
  }
  const fastest = best(found, ({ runSeconds }) => runSeconds)
  const cheapest = best(found, ({ cost }) => cost)
  const marked = new Set([cheapest, fastest])
  const others = found.filter(option => !marked.has(option)).slice(0, MAX_SHOWN - marked.size)
  const shown = found.filter(option => marked.has(option) || others.includes(option))
  return shown.map(option => ({
    ...option,
    note: [option === cheapest ? 'cheapest that fits' : '', option === fastest ? 'fastest' : '']
      .filter(Boolean)
      .join(', '),
  }))
}

function hardwareOn(plan: TrainingPlan, gpu: string): TrainingPlan['hardware'] {
  const { price } = plan.hardware
  return { gpu, price: price && gpu !== plan.hardware.gpu ? { ...price, perGpuHour: null } : price }
}

function best(
  options: readonly AlternativeReport[],
  figure: (option: AlternativeReport) => number | null,
): AlternativeReport | undefined {
  const known = options.filter(option => figure(option) !== null)
  return known.toSorted((a, b) => (figure(a) ?? 0) - (figure(b) ?? 0))[0]
}

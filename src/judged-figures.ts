import type { Evaluation } from './advice/evaluation.ts'
import { convertMoney } from './cost/convert-money.ts'
import type { RunEstimate } from './estimate-run.ts'
import { sharesOpenly } from './gpu-count.ts'
import type { JudgedFigures } from './policy/judge.ts'
import type { Policy } from './policy/policy.ts'

/** What limits are held against, by the policy's estimator. */
export function judgedFigures(
  { memory, time, cost, ruleOfThumb, gpus, shortest = null, memoryByGpus = null }: Figures,
  policy: Policy,
): JudgedFigures {
  const usableBytes = memory?.usableBytes ?? null
  if (policy.estimator === 'rule-of-thumb') {
    const hours = ruleOfThumb?.billedHours ?? null
    return {
      deviceBytes: ruleOfThumb?.peakBytes ?? null,
      highBytes: ruleOfThumb?.peakBytes ?? null,
      usableBytes,
      shortest: null,
      byGpus: null,
      cost: ruleOfThumb?.cost == null ? null : convertMoney(ruleOfThumb.cost, ruleOfThumb.currency, policy),
      hours,
      gpuHours: hours === null ? null : hours * gpus,
    }
  }
  const hours = time?.totalSeconds == null ? null : time.totalSeconds / 3600
  return {
    deviceBytes: memory?.requiredBytes ?? null,
    highBytes: memory?.requiredHighBytes ?? null,
    usableBytes,
    shortest,
    byGpus: memoryByGpus,
    cost: cost ? convertMoney(cost.total, cost.currency, policy) : null,
    hours,
    gpuHours: hours === null ? null : hours * gpus,
  }
}

interface Figures extends Pick<Evaluation, 'time' | 'cost' | 'ruleOfThumb'> {
  readonly memory: Evaluation['memory'] | null
  readonly gpus: number
  /** Absent: of the plan as it is. */
  readonly shortest?: JudgedFigures['shortest']
  /** Absent: the number of GPUs is known. */
  readonly memoryByGpus?: JudgedFigures['byGpus']
}

/** The same of a run that was read from files. */
export function estimatedFigures(estimate: RunEstimate, policy: Policy): JudgedFigures {
  const figures = judgedFigures({ ...estimate, gpus: estimate.resolved.plan.gpus }, policy)
  return sharesOpenly(estimate) ? { ...figures, cost: null, hours: null, gpuHours: null } : figures
}

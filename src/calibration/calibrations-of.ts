import type { CalibrationPlan } from '../plan/training-plan.ts'
import type { ComparedRun } from './compare-run.ts'

/** One factor for each GPU, kind of training and framework: the geometric mean over its runs, with the lowest and highest. */
export function calibrationsOf(runs: readonly ComparedRun[]): readonly CalibrationPlan[] {
  const groups = new Map<string, ComparedRun[]>()
  for (const run of runs) {
    if (run.stepFactor === null) continue
    const key = `${run.gpu} ${run.training} ${run.framework}`
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].flatMap(group => {
    const [first] = group
    const factors = group.flatMap(({ stepFactor }) => (stepFactor === null ? [] : [stepFactor]))
    if (!first) return []
    const mean = Math.exp(factors.reduce((sum, factor) => sum + Math.log(factor), 0) / factors.length)
    return [
      {
        gpu: first.gpu,
        training: first.training,
        framework: first.framework,
        stepFactor: rounded(mean),
        low: rounded(Math.min(...factors)),
        high: rounded(Math.max(...factors)),
        runs: factors.length,
      },
    ]
  })
}

/** Earlier factors stay where no new run of their kind was measured. */
export function mergeCalibrations(
  earlier: readonly CalibrationPlan[],
  added: readonly CalibrationPlan[],
): readonly CalibrationPlan[] {
  const isReplaced = (old: CalibrationPlan): boolean =>
    added.some(
      ({ gpu, training, framework }) => gpu === old.gpu && training === old.training && framework === old.framework,
    )
  return [...earlier.filter(old => !isReplaced(old)), ...added]
}

function rounded(factor: number): number {
  return Number(factor.toPrecision(5))
}

import type { ReportTotals, RunReport } from './report/report.ts'

/** Sums and extremes over the runs of a report; `unaffected`: configs that a change leaves alone, null without one. */
export function totalsOf(runs: readonly RunReport[], unaffected: number | null): ReportTotals {
  const sum = (values: readonly (number | null | undefined)[]): number | null => {
    const known = values.filter(value => value !== null && value !== undefined)
    return known.length > 0 ? known.reduce((total, value) => total + value, 0) : null
  }
  const count = (verdict: RunReport['verdict']): number => runs.filter(run => run.verdict === verdict).length
  const memories = runs.flatMap(({ memory }) => (memory ? [memory.deviceBytes] : []))
  const currencies = new Set(runs.flatMap(({ cost }) => (cost ? [cost.currency] : [])))
  const isOneCurrency = currencies.size <= 1
  const deltas = runs.map(({ cost, base, change }) =>
    cost && change !== 'not-compared' ? cost.total - (base?.cost ?? (change === 'new' ? 0 : cost.total)) : null,
  )
  return {
    checked: runs.length,
    failed: count('fail'),
    warned: count('warn'),
    unknown: count('unknown'),
    unaffected,
    maxMemoryBytes: memories.length > 0 ? Math.max(...memories) : null,
    hours: sum(runs.map(({ time }) => (time?.totalSeconds == null ? null : time.totalSeconds / 3600))),
    gpuHours: sum(
      runs.map(({ time, plan }) =>
        time?.totalSeconds == null || !plan ? null : (time.totalSeconds / 3600) * plan.gpus,
      ),
    ),
    cost: isOneCurrency ? sum(runs.map(({ cost }) => cost?.total)) : null,
    costDelta: isOneCurrency ? sum(deltas) : null,
    currency: [...currencies][0] && isOneCurrency ? ([...currencies][0] ?? null) : null,
  }
}

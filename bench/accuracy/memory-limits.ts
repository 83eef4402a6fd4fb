import type { MemoryScores } from './memory.ts'

/** Largest errors that pass, as shares. Written by `--write` with a tenth of slack, then only lowered by hand or by a better model. */
export interface MemoryLimits {
  readonly median: Readonly<Record<string, number>>
  readonly p90: Readonly<Record<string, number>>
  readonly falseFits: number
}

export function memoryLimits(scores: MemoryScores): MemoryLimits {
  const rows = [...scores.headline, ...[...scores.groups, ...scores.held].filter(group => group.readings >= 3)]
  const slack = (value: number) => Math.ceil((value * 1.1 + 0.002) * 1000) / 1000
  return {
    median: Object.fromEntries(rows.map(row => [row.name, slack(row.median)])),
    p90: Object.fromEntries(scores.headline.map(row => [row.name, slack(row.p90)])),
    falseFits: scores.outcomes.falseFits.length,
  }
}

/** What got worse than its limit. */
export function memoryRegressions(scores: MemoryScores, limits: MemoryLimits): string[] {
  const rows = new Map([...scores.headline, ...scores.groups, ...scores.held].map(row => [row.name, row]))
  const worse = (kind: 'median' | 'p90') =>
    Object.entries(limits[kind]).flatMap(([name, limit]) => {
      const value = rows.get(name)?.[kind]
      return value === undefined || !(value <= limit) ? [`${name}: ${kind} ${value ?? 'missing'} above ${limit}`] : []
    })
  const falseFits = scores.outcomes.falseFits.length
  return [
    ...worse('median'),
    ...worse('p90'),
    ...(falseFits > limits.falseFits ? [`${falseFits} runs said to fit that did not, limit ${limits.falseFits}`] : []),
  ]
}

import type { SpeedScores } from './speed.ts'

/** Largest errors of step time that pass, by slice, as shares. */
export type SpeedLimits = Readonly<Record<string, { readonly median: number; readonly p90: number }>>

export function speedLimits(scores: SpeedScores): SpeedLimits {
  const slack = (value: number) => Math.ceil((value * 1.1 + 0.002) * 1000) / 1000
  return Object.fromEntries(
    Object.entries(scores.slices).map(([name, slice]) => [
      name,
      { median: slack(slice.median), p90: slack(slice.p90) },
    ]),
  )
}

export function speedRegressions(scores: SpeedScores, limits: SpeedLimits): string[] {
  return Object.entries(limits).flatMap(([name, limit]) => {
    const slice = scores.slices[name]
    if (slice === undefined) return [`step time, ${name}: not scored`]
    return (['median', 'p90'] as const).flatMap(kind =>
      slice[kind] <= limit[kind] ? [] : [`step time, ${name}: ${kind} ${slice[kind]} above ${limit[kind]}`],
    )
  })
}

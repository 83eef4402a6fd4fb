import type { Score, SpeedScores } from './speed.ts'

/** Largest errors of step time that pass, by slice and by group that is only scored, as shares. */
export type SpeedLimits = Readonly<Record<string, { readonly median: number; readonly p90: number }>>

export function speedLimits(scores: SpeedScores, held: SpeedScores): SpeedLimits {
  const slack = (value: number) => Math.ceil((value * 1.1 + 0.002) * 1000) / 1000
  return Object.fromEntries(
    Object.entries(limited(scores, held)).map(([name, slice]) => [
      name,
      { median: slack(slice.median), p90: slack(slice.p90) },
    ]),
  )
}

/** Fewer runs of one source say too little to hold a change to them. */
const LEAST_ROWS = 10

function limited(scores: SpeedScores, held: SpeedScores): Readonly<Record<string, Pick<Score, 'median' | 'p90'>>> {
  const groups = held.groups.filter(({ rows }) => rows >= LEAST_ROWS)
  const named = Object.entries(scores.named).map(([name, score]) => [`${name}, release named`, score] as const)
  const stated = Object.entries(scores.stated).map(([name, score]) => [`${name}, as stated`, score] as const)
  const grouped = groups.map(group => [group.group, group] as const)
  return { ...scores.slices, ...Object.fromEntries([...named, ...stated, ...grouped]) }
}

export function speedRegressions(scores: SpeedScores, held: SpeedScores, limits: SpeedLimits): string[] {
  const slices = limited(scores, held)
  return Object.entries(limits).flatMap(([name, limit]) => {
    const slice = slices[name]
    if (slice === undefined) return [`step time, ${name}: not scored`]
    return (['median', 'p90'] as const).flatMap(kind =>
      slice[kind] <= limit[kind] ? [] : [`step time, ${name}: ${kind} ${slice[kind]} above ${limit[kind]}`],
    )
  })
}

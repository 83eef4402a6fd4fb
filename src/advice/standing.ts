import { type JudgedFigures, judgeRun } from '../policy/judge.ts'
import type { Policy } from '../policy/policy.ts'
import type { LimitKind } from '../policy/verdict.ts'

/** How a run stands to the limits, whatever the base, a label or `fail_on` excuse. */
export interface Standing {
  readonly broken: readonly LimitKind[]
  /** Limits whose figure is not known. */
  readonly unknown: readonly LimitKind[]
  /** The policy warns about memory, or the interval crosses the limit. */
  readonly isTight: boolean
  /** By limit; null: not known. */
  readonly figures: Readonly<Record<LimitKind, number | null>>
}

interface StandingOptions {
  readonly policy: Policy
  /** Increases are held against it; null: there is nothing to compare with. */
  readonly base: JudgedFigures | null
}

export function standingOf(head: JudgedFigures, { policy, base }: StandingOptions): Standing {
  const { limits } = judgeRun({
    policy: { ...policy, failOn: 'any' },
    head,
    base,
    currency: policy.currency,
    overridden: false,
    place: { path: '', line: null, column: null },
  })
  const kinds = (level: 'fail' | 'unknown'): LimitKind[] =>
    limits.flatMap(limit => (limit.level === level ? [limit.kind] : []))
  return {
    broken: kinds('fail'),
    unknown: kinds('unknown'),
    figures: {
      memory: head.deviceBytes,
      cost: head.cost,
      cost_increase: head.cost,
      hours: head.hours,
      gpu_hours: head.gpuHours,
    },
    isTight: limits.some(({ kind, level }) => kind === 'memory' && level === 'warn'),
  }
}

/**
 * Limits that a change of a run leaves broken; null: it breaks one that held, or makes one worse. An amount that is not known is no answer to
 * one that is over its limit.
 */
export function remainingLimits(before: Standing, after: Standing): readonly LimitKind[] | null {
  if (after.broken.some(kind => !before.broken.includes(kind))) return null
  const remaining = before.broken.filter(kind => after.broken.includes(kind) || after.unknown.includes(kind))
  // what a run costs that does not start is no figure to compare with
  const starts = before.broken.includes('memory') && !after.broken.includes('memory')
  const gotWorse = !starts && remaining.some(kind => (after.figures[kind] ?? 0) > (before.figures[kind] ?? Infinity))
  return gotWorse ? null : remaining
}

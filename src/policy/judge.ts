import { gib, group, percent } from '../plan/figure-text.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { deltaShare, moneyBeside, moneyDelta, statedMoney } from '../plan/money-text.ts'
import type { Increase, Policy } from './policy.ts'
import type { LimitKind, LimitReport, Verdict } from './verdict.ts'

/** The figures of one run that limits are held against; null: not known. Retries are included in money and hours. */
export interface JudgedFigures {
  readonly deviceBytes: number | null
  readonly highBytes: number | null
  readonly usableBytes: number | null
  /** What short samples would need where the files do not say how long they are; null: they do. */
  readonly shortest: { readonly bytes: number; readonly assumedTokens: number; readonly tokens: number } | null
  /** Memory by number of GPUs, fewest first, where that number is not known; null: it is. */
  readonly byGpus: readonly { readonly gpus: number; readonly bytes: number }[] | null
  readonly cost: number | null
  readonly hours: number | null
  readonly gpuHours: number | null
}

export interface Judgement {
  readonly verdict: Verdict
  readonly limits: readonly LimitReport[]
  readonly findings: readonly Finding[]
  readonly preExisting: boolean
}

interface JudgeOptions {
  readonly policy: Policy
  readonly head: JudgedFigures
  /** null: nothing to compare with. */
  readonly base: JudgedFigures | null
  readonly currency: string | null
  /** The override label is set on the pull request. */
  readonly overridden: boolean
  readonly place: { readonly path: string; readonly line: number | null; readonly column: number | null }
}

type Level = LimitReport['level']

interface Check {
  readonly kind: LimitKind
  readonly level: Level
  readonly value: string
  readonly limit: string
  /** Same limit at the base, and whether the figure got worse by more than 1 %. */
  readonly wasBroken: boolean
  readonly finding: Finding | null
}

/** DESIGN §4 verdict of one run. */
export function judgeRun(options: JudgeOptions): Judgement {
  const checks = [memoryCheck(options), ...amountChecks(options), increaseCheck(options)].filter(
    check => check !== null,
  )
  const limits: LimitReport[] = []
  const findings: Finding[] = []
  let preExisting = false
  for (const check of checks) {
    const isOld = check.level === 'fail' && options.policy.failOn === 'new' && check.wasBroken
    const isOverridden = check.level === 'fail' && !isOld && options.overridden && check.kind !== 'memory'
    preExisting ||= isOld
    const level = isOld || isOverridden ? 'warn' : check.level
    limits.push({
      kind: check.kind,
      level,
      value: check.value,
      limit: check.limit,
      overridden: isOverridden,
      preExisting: isOld,
    })
    if (check.finding) findings.push(level === 'warn' ? { ...check.finding, severity: 'warning' } : check.finding)
    if (isOverridden)
      findings.push(
        finding('override-applied', {
          ...options.place,
          message: `The label \`${options.policy.overrideLabel}\` turns the failed ${check.kind.replaceAll('_', ' ')} limit into a warning.`,
        }),
      )
  }
  return { verdict: worst(limits.map(({ level }) => level)), limits, findings, preExisting }
}

/** fail over unknown over warn over pass for one run: an unknown part is never hidden by a warning. */
function worst(levels: readonly Level[]): Verdict {
  for (const level of ['fail', 'unknown', 'warn'] as const) if (levels.includes(level)) return level
  return 'pass'
}

/** Over all runs: unknown ones count as `on_unknown` says; `unknown` only when nothing could be judged. */
export function judgeAll(
  runs: readonly { readonly verdict: Verdict; readonly onUnknown: Policy['onUnknown'] }[],
): Verdict {
  if (
    runs.length > 0 &&
    runs.every(({ verdict }) => verdict === 'unknown') &&
    runs.every(({ onUnknown }) => onUnknown !== 'fail')
  )
    return 'unknown'
  const levels = runs.map(({ verdict, onUnknown }) => (verdict === 'unknown' ? onUnknown : verdict))
  for (const level of ['fail', 'warn'] as const) if (levels.includes(level)) return level
  return 'pass'
}

function memoryCheck({ policy, head, base, place }: JudgeOptions): Check | null {
  const limit = policy.budget.memory
  if (limit.warn === null && limit.fail === null) return null
  if (head.deviceBytes === null || head.usableBytes === null || head.highBytes === null)
    return {
      kind: 'memory',
      level: 'unknown',
      value: head.deviceBytes === null ? 'not known' : `${gib(head.deviceBytes)} GiB`,
      limit: describe(limit, percent),
      wasBroken: false,
      finding: null,
    }
  if (limit.fail !== null && fewestFitting(head, limit.fail * head.usableBytes) !== null)
    return {
      kind: 'memory',
      level: 'unknown',
      value: `${percent(head.deviceBytes / head.usableBytes)} on an assumed number of GPUs`,
      limit: describe(limit, percent),
      wasBroken: false,
      finding: null,
    }
  const share = head.deviceBytes / head.usableBytes
  const highShare = head.highBytes / head.usableBytes
  const needs = `Needs ${gib(head.deviceBytes)} GiB per GPU, ${percent(share)} of the ${gib(head.usableBytes)} GiB usable`
  const exceeds = limit.fail !== null && share > limit.fail
  const byLength = exceeds && head.shortest !== null && head.shortest.bytes <= head.usableBytes * (limit.fail ?? 1)
  const fails = exceeds && !byLength
  const isClose = byLength || (!fails && limit.fail !== null && highShare > limit.fail)
  const warns = limit.warn !== null && share > limit.warn
  const level = fails ? 'fail' : isClose || warns ? 'warn' : 'pass'
  const wasBroken =
    fails &&
    base !== null &&
    brokenBefore(
      base.deviceBytes,
      head.deviceBytes,
      base.usableBytes === null || limit.fail === null ? null : base.usableBytes * limit.fail,
    )
  const problem = fails
    ? finding('over-memory', {
        ...place,
        message: `${needs}; the limit is ${percent(limit.fail ?? 1)}.`,
      })
    : isClose
      ? finding('too-close-to-call', {
          ...place,
          message:
            byLength && head.shortest !== null
              ? `${needs} if every sample has ${head.shortest.assumedTokens} tokens and ${gib(head.shortest.bytes)} GiB if each has ${head.shortest.tokens}; the files do not say how long they are.`
              : `${needs}; the interval reaches ${gib(head.highBytes)} GiB.`,
        })
      : warns
        ? finding('near-memory', {
            ...place,
            message: `${needs}; the policy warns above ${percent(limit.warn ?? 1)}.`,
          })
        : null
  return {
    kind: 'memory',
    level,
    value: percent(share),
    limit: describe(limit, percent),
    wasBroken,
    finding: problem,
  }
}

/** The fewest GPUs on which the run fits, where their number is not known and decides; null: it does not. */
export function fewestFitting({ byGpus }: Pick<JudgedFigures, 'byGpus'>, limitBytes: number): number | null {
  const fitting = byGpus?.filter(({ bytes }) => bytes <= limitBytes) ?? []
  return byGpus && fitting.length < byGpus.length ? (fitting[0]?.gpus ?? null) : null
}

/** The limit was broken at the base by these very figures and the head is not worse by more than 1 %. */
function brokenBefore(base: number | null, head: number, limit: number | null): boolean {
  return base !== null && limit !== null && base > limit && head <= base * 1.01
}

const AMOUNTS = [
  {
    kind: 'cost',
    code: 'over-cost',
    verb: 'Costs',
    of: (figures: JudgedFigures) => figures.cost,
    limit: (policy: Policy) => policy.budget.cost,
    stated: statedMoney,
    beside: moneyBeside,
  },
  {
    kind: 'hours',
    code: 'over-hours',
    verb: 'Takes',
    of: (figures: JudgedFigures) => figures.hours,
    limit: (policy: Policy) => policy.budget.hours,
    stated: (hours: number) => `${group(String(hours))} h`,
    beside: (hours: number, limit: number) => `${hoursBeside(hours, limit)} h`,
  },
  {
    kind: 'gpu_hours',
    code: 'over-gpu-hours',
    verb: 'Uses',
    of: (figures: JudgedFigures) => figures.gpuHours,
    limit: (policy: Policy) => policy.budget.gpuHours,
    stated: (hours: number) => `${group(String(hours))} GPU-hours`,
    beside: (hours: number, limit: number) => `${hoursBeside(hours, limit)} GPU-hours`,
  },
] as const

/** Tenths, unless they would hide which of the two is larger. */
function hoursBeside(hours: number, limit: number): string {
  const shown = hours.toFixed(1)
  return group(Number(shown) > limit === hours > limit ? shown : hours.toFixed(3))
}

function amountChecks({ policy, head, base, currency: own, place }: JudgeOptions): (Check | null)[] {
  const currency = policy.currency ?? own
  return AMOUNTS.map(({ kind, code, verb, of, limit: limitOf, stated, beside }) => {
    const limit = limitOf(policy)
    if (limit.warn === null && limit.fail === null) return null
    const described = describe(limit, value => stated(value, currency))
    const value = of(head)
    if (value === null)
      return { kind, level: 'unknown', value: 'not known', limit: described, wasBroken: false, finding: null }
    const level =
      limit.fail !== null && value > limit.fail ? 'fail' : limit.warn !== null && value > limit.warn ? 'warn' : 'pass'
    const nearest = level === 'warn' ? limit.warn : (limit.fail ?? limit.warn)
    const shown = beside(value, nearest ?? 0, currency)
    const problem =
      level === 'pass' || nearest === null
        ? null
        : finding(code, {
            ...place,
            severity: level === 'fail' ? 'error' : 'warning',
            message: `${verb} ${shown}, all attempts together; the ${level} limit is ${stated(nearest, currency)}.`,
          })
    const wasBroken = level === 'fail' && base !== null && brokenBefore(of(base), value, limit.fail)
    return { kind, level, value: shown, limit: described, wasBroken, finding: problem }
  })
}

function increaseCheck({ policy, head, base, currency: own, place }: JudgeOptions): Check | null {
  const currency = policy.currency ?? own
  const limit = policy.budget.costIncrease
  if ((limit.warn === null && limit.fail === null) || base === null) return null
  const show = (increase: Increase): string =>
    increase.kind === 'share' ? percent(increase.share) : statedMoney(increase.amount, currency)
  const described = describe(limit, show)
  if (head.cost === null || base.cost === null)
    return {
      kind: 'cost_increase',
      level: 'unknown',
      value: 'not known',
      limit: described,
      wasBroken: false,
      finding: null,
    }
  const headCost = head.cost
  const baseCost = base.cost
  const exceeds = (increase: Increase | null): boolean =>
    increase !== null &&
    headCost - baseCost > (increase.kind === 'amount' ? increase.amount : increase.share * baseCost)
  const level = exceeds(limit.fail) ? 'fail' : exceeds(limit.warn) ? 'warn' : 'pass'
  const broken = level === 'fail' ? limit.fail : limit.warn
  const share = deltaShare(headCost, baseCost)
  const grown = moneyDelta(headCost, baseCost, currency)
  const value = `${grown}${share === '' ? '' : ` (${share})`}`
  const problem =
    level === 'pass' || broken === null
      ? null
      : finding('over-cost-increase', {
          ...place,
          severity: level === 'fail' ? 'error' : 'warning',
          message: `The cost changes by ${value}; the ${level} limit is +${show(broken)}.`,
        })
  return { kind: 'cost_increase', level, value, limit: described, wasBroken: false, finding: problem }
}

function describe<T>(limit: { readonly warn: T | null; readonly fail: T | null }, show: (value: T) => string): string {
  const parts = [
    limit.fail === null ? null : `fail above ${show(limit.fail)}`,
    limit.warn === null ? null : `warn above ${show(limit.warn)}`,
  ]
  return parts.filter(part => part !== null).join(', ')
}

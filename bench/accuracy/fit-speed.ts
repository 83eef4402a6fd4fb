import data from '../../data/efficiency.json' with { type: 'json' }
import {
  CONSTANT_NAMES,
  type ConstantName,
  EFFICIENCY,
  type Efficiency,
  withValues,
} from '../../src/time/efficiency.ts'
import { runPhases } from '../../src/time/run-phases.ts'
import { stepContext } from '../../src/time/step-context.ts'
import { stepTerms } from '../../src/time/step-terms.ts'
import { stepCount } from '../../src/time/steps.ts'
import { quantile } from './speed.ts'
import { asStated, type SpeedRow } from './speed-rows.ts'

/**
 * Width of the prior of each fitted constant, in log units around `PRIORS`; a constant that is not listed is fixed.
 * First-principles values are held near theirs; what only a stack can tell is free.
 */
const WIDTHS: Partial<Readonly<Record<ConstantName, number>>> = {
  efficiency_transformer_engine: 0.15,
  efficiency_native: 0.15,
  efficiency_expert_bias: 0.4,
  expert_kernel: 0.7,
  attention_ampere: 0.15,
  host_hugging_face: 0.3,
  gpu_a10g: 0.2,
}

/** First-principles or earlier values towards which the fit is held. */
export const PRIORS: Efficiency = withValues(name => priorOf(data.constants[name]))

function priorOf(row: { readonly value: number; readonly prior?: number }): number {
  return row.prior ?? row.value
}

export const FITTED: readonly ConstantName[] = CONSTANT_NAMES.filter(name => name in WIDTHS)

/** Shares cannot exceed one. */
const AT_MOST_ONE = /^(efficiency|exposed|attention|pipeline)_/

/** Expected scatter of log time in a row, and where residuals stop growing in weight (Huber). */
const SCATTER = 0.05
const HUBER = 2

export function predictSeconds({ run, stepSeconds }: SpeedRow, constants: Efficiency): number {
  const context = stepContext(run, constants)
  const { seconds, microBatchSeconds } = stepTerms(context)
  if (stepSeconds !== null) return seconds
  const steps = stepCount(run.plan, context.dataRanks, context.length)?.steps ?? Number.NaN
  const others = runPhases({ context, steps, microBatchSeconds }).filter(({ name }) => name !== 'start-up')
  return others.reduce((sum, phase) => sum + phase.seconds, seconds * steps)
}

/**
 * Robust least squares on log time with priors at the shipped values: Gauss–Newton with Huber weights, on plans with what
 * their source says beside them.
 */
export function fitSpeed(
  given: readonly SpeedRow[],
  { start = EFFICIENCY, prior = PRIORS, iterations = 12, fitted = FITTED }: FitOptions = {},
): Efficiency {
  const rows = given.map(asStated)
  const sizes = new Map<string, number>()
  for (const { group } of rows) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  const weights = rows.map(({ group }) => 1 / Math.sqrt(sizes.get(group) ?? 1))
  const measured = rows.map(row => Math.log(row.stepSeconds ?? row.totalSeconds ?? Number.NaN))
  const priors = fitted.map(name => Math.log(prior[name]))
  const widths = fitted.map(name => WIDTHS[name] ?? 0.1)
  const caps = fitted.map(name => (AT_MOST_ONE.test(name) ? 0 : Number.POSITIVE_INFINITY))
  const all = (x: readonly number[]) => {
    const index = new Map(fitted.map((name, i) => [name, Math.exp(x[i] ?? 0)]))
    return withValues(name => index.get(name) ?? start[name])
  }
  const residuals = (x: readonly number[]) => {
    const constants = all(x)
    return rows.map((row, i) => (Math.log(predictSeconds(row, constants)) - (measured[i] ?? 0)) / SCATTER)
  }
  const loss = (x: readonly number[], r: readonly number[]) => {
    let value = 0
    for (let i = 0; i < r.length; i++) {
      const size = Math.abs(r[i] ?? 0)
      value += (weights[i] ?? 0) * (size <= HUBER ? size * size : 2 * HUBER * size - HUBER * HUBER)
    }
    for (let j = 0; j < x.length; j++) value += (((x[j] ?? 0) - (priors[j] ?? 0)) / (widths[j] ?? 1)) ** 2
    return value
  }
  let x: readonly number[] = fitted.map((name, j) => Math.min(caps[j] ?? 0, Math.log(start[name])))
  let r = residuals(x)
  let best = loss(x, r)
  let damping = 1e-2
  for (let iteration = 0; iteration < iterations; iteration++) {
    const columns = x.map((_, j) => {
      const shifted = x.map((value, k) => (k === j ? value - 0.02 : value))
      const moved = residuals(shifted)
      return moved.map((value, i) => ((r[i] ?? 0) - value) / 0.02)
    })
    const n = x.length
    const matrix = Array.from({ length: n }, () => new Array<number>(n).fill(0))
    const right = new Array<number>(n).fill(0)
    for (let i = 0; i < r.length; i++) {
      const size = Math.abs(r[i] ?? 0)
      const weight = (weights[i] ?? 0) * (size <= HUBER ? 1 : HUBER / size)
      for (let a = 0; a < n; a++) {
        const ca = columns[a]?.[i] ?? 0
        if (ca === 0) continue
        right[a] = (right[a] ?? 0) - weight * ca * (r[i] ?? 0)
        const line = matrix[a]
        if (line === undefined) continue
        for (let b = 0; b < n; b++) line[b] = (line[b] ?? 0) + weight * ca * (columns[b]?.[i] ?? 0)
      }
    }
    for (let j = 0; j < n; j++) {
      const precision = 1 / (widths[j] ?? 1) ** 2
      const line = matrix[j]
      if (line !== undefined) line[j] = (line[j] ?? 0) + precision
      right[j] = (right[j] ?? 0) - precision * ((x[j] ?? 0) - (priors[j] ?? 0))
    }
    let improved = false
    for (let attempt = 0; attempt < 6 && !improved; attempt++) {
      const damped = matrix.map((line, j) => line.map((value, k) => (k === j ? value * (1 + damping) : value)))
      const step = solve(damped, right)
      const next = x.map((value, j) => Math.min(caps[j] ?? 0, value + Math.max(-0.5, Math.min(0.5, step[j] ?? 0))))
      const nextResiduals = residuals(next)
      const nextLoss = loss(next, nextResiduals)
      if (nextLoss < best) {
        improved = true
        damping /= 4
        const gain = best - nextLoss
        x = next
        r = nextResiduals
        best = nextLoss
        if (gain < 1e-3 * best) return all(x)
      } else damping *= 6
    }
    if (!improved) break
  }
  return all(x)
}

export interface ConstantError {
  readonly name: ConstantName
  /** Rows whose log time it moves by more than 2 % of its own change. */
  readonly rows: number
  /** Relative standard error: curvature of the fit, scaled by the scatter of its residuals. */
  readonly error: number
}

/** How well the rows settle each fitted constant. */
export function constantErrors(given: readonly SpeedRow[], constants: Efficiency): readonly ConstantError[] {
  const rows = given.map(asStated)
  const sizes = new Map<string, number>()
  for (const { group } of rows) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  const weights = rows.map(({ group }) => 1 / Math.sqrt(sizes.get(group) ?? 1) / SCATTER ** 2)
  const logs = (at: Efficiency) => rows.map(row => Math.log(predictSeconds(row, at)))
  const base = logs(constants)
  const columns = FITTED.map(name => {
    const moved = logs(withValues(other => constants[other] * (other === name ? Math.exp(-0.02) : 1)))
    return base.map((value, i) => (value - (moved[i] ?? 0)) / 0.02)
  })
  const matrix = FITTED.map((name, a) =>
    FITTED.map((_, b) => {
      const prior = a === b ? 1 / (WIDTHS[name] ?? 1) ** 2 : 0
      return weights.reduce((sum, w, i) => sum + w * (columns[a]?.[i] ?? 0) * (columns[b]?.[i] ?? 0), prior)
    }),
  )
  const residuals = rows.map((row, i) =>
    Math.abs((base[i] ?? 0) - Math.log(row.stepSeconds ?? row.totalSeconds ?? Number.NaN)),
  )
  // the median of a normal law's magnitude is 0.6745 of its deviation
  const scale = quantile(residuals, 0.5) / 0.6745 / SCATTER
  return FITTED.map((name, j) => {
    const unit = FITTED.map((_, k) => (k === j ? 1 : 0))
    const variance = solve(matrix, unit)[j] ?? 0
    return {
      name,
      rows: columns[j]?.filter(value => Math.abs(value) > 0.02).length ?? 0,
      error: Math.sqrt(variance) * scale,
    }
  })
}

interface FitOptions {
  readonly start?: Efficiency
  readonly prior?: Efficiency
  readonly iterations?: number
  readonly fitted?: readonly ConstantName[]
}

/** Gaussian elimination with partial pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): readonly number[] {
  const n = right.length
  const rows = matrix.map((line, i) => [...line, right[i] ?? 0])
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column + 1; i < n; i++) {
      if (Math.abs(rows[i]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = i
    }
    const [a, b] = [rows[column], rows[pivot]]
    if (a === undefined || b === undefined) continue
    rows[column] = b
    rows[pivot] = a
    const top = rows[column] ?? []
    for (let i = column + 1; i < n; i++) {
      const line = rows[i]
      if (line === undefined) continue
      const factor = (line[column] ?? 0) / (top[column] ?? 1)
      for (let k = column; k <= n; k++) line[k] = (line[k] ?? 0) - factor * (top[k] ?? 0)
    }
  }
  const x = new Array<number>(n).fill(0)
  for (let i = n - 1; i >= 0; i--) {
    let value = rows[i]?.[n] ?? 0
    for (let k = i + 1; k < n; k++) value -= (rows[i]?.[k] ?? 0) * (x[k] ?? 0)
    x[i] = value / (rows[i]?.[i] ?? 1)
  }
  return x
}

import { type ConstantName, EFFICIENCY, withValues } from '../../src/time/efficiency.ts'
import { FITTED, fitSpeed, PRIORS, predictSeconds } from './fit-speed.ts'
import { quantile, type Score, type SpeedScores, scoreRows } from './speed.ts'
import type { SpeedRow } from './speed-rows.ts'

/** Groups that come from one source; a source is left out whole. */
const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/^llm-foundry/, 'llm-foundry'],
  [/^megatron-bridge/, 'megatron-bridge'],
  [/^megatron-paper/, 'megatron-paper'],
  [/^mlperf/, 'mlperf'],
  [/^nemo/, 'nemo'],
  [/^vtrain/, 'vtrain'],
  [/^litgpt/, 'litgpt'],
  [/^(deepspeed|hf-)/, 'hf-misc'],
]

export interface FamilyScore {
  readonly family: string
  readonly rows: number
  readonly median: number
  readonly p90: number
  readonly bias: number
}

export function familyOf({ group }: SpeedRow): string {
  return FAMILIES.find(([pattern]) => pattern.test(group))?.[1] ?? group
}

/** Constants refitted from neutral priors without a family, then asked for it. */
export function scoreUnseen(
  rows: readonly SpeedRow[],
  fitted: readonly ConstantName[] = FITTED,
): readonly FamilyScore[] {
  const families = [...new Set(rows.map(familyOf))].sort()
  const start = withValues(name => (FITTED.includes(name) ? PRIORS[name] : EFFICIENCY[name]))
  return families.map(family => {
    const constants = fitSpeed(
      rows.filter(row => familyOf(row) !== family),
      { start, fitted },
    )
    const { scored } = scoreRows(
      rows.filter(row => familyOf(row) === family),
      constants,
    )
    const errors = scored.map(({ ratio }) => Math.abs(ratio - 1))
    return {
      family,
      rows: scored.length,
      median: quantile(errors, 0.5),
      p90: quantile(errors, 0.9),
      bias: quantile(
        scored.map(({ ratio }) => ratio - 1),
        0.5,
      ),
    }
  })
}

export interface Ablation {
  /** null: nothing held, the fit as it is. */
  readonly name: ConstantName | null
  /** Mean over families of the median unseen error with this constant held at its prior. */
  readonly unseen: number
  readonly pooled: Score
  /** Median error of the rows that this constant moves: as fitted, and with it held at its prior. */
  readonly own: { readonly rows: number; readonly fitted: number; readonly held: number }
}

/** What each fitted constant is worth: the errors with it held at its prior; first the fit itself. */
export function ablate(rows: readonly SpeedRow[], names: readonly ConstantName[] = FITTED): readonly Ablation[] {
  const fitted = scoreRows(rows, EFFICIENCY)
  const whole: Ablation = {
    name: null,
    unseen: meanOfMedians(rows, FITTED),
    pooled: fitted.stated['all'] ?? NOTHING,
    own: { rows: rows.length, fitted: medianError(fitted.scored), held: medianError(fitted.scored) },
  }
  const held = names.map(name => {
    const others = FITTED.filter(other => other !== name)
    const start = withValues(other => (other === name ? PRIORS[other] : EFFICIENCY[other]))
    const without = scoreRows(rows, fitSpeed(rows, { start, fitted: others, iterations: 4 }))
    const moved = new Set(rows.filter(row => moves(name, row)).map(({ id }) => id))
    const own = ({ scored }: SpeedScores) => medianError(scored.filter(({ row }) => moved.has(row.id)))
    return {
      name,
      unseen: meanOfMedians(rows, others),
      pooled: without.stated['all'] ?? NOTHING,
      own: { rows: moved.size, fitted: own(fitted), held: own(without) },
    }
  })
  return [whole, ...held]
}

const NOTHING: Score = { rows: 0, groups: 0, median: 0, p90: 0 }

function meanOfMedians(rows: readonly SpeedRow[], fitted: readonly ConstantName[]): number {
  const medians = scoreUnseen(rows, fitted).map(({ median }) => median)
  return medians.reduce((sum, median) => sum + median, 0) / medians.length
}

function medianError(scored: SpeedScores['scored']): number {
  return quantile(
    scored.map(({ ratio }) => Math.abs(ratio - 1)),
    0.5,
  )
}

/** Does a tenth of this constant move the row by more than a thousandth? */
function moves(name: ConstantName, row: SpeedRow): boolean {
  const changed = withValues(other => EFFICIENCY[other] * (other === name ? 0.9 : 1))
  return Math.abs(predictSeconds(row, changed) / predictSeconds(row, EFFICIENCY) - 1) > 1e-3
}

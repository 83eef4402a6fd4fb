import { type ConstantName, EFFICIENCY, withValues } from '../../src/time/efficiency.ts'
import { FITTED, fitSpeed, PRIORS } from './fit-speed.ts'
import { quantile, type Score, scoreRows } from './speed.ts'
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
  readonly name: ConstantName
  /** Mean over families of the median unseen error with this constant held at its prior. */
  readonly unseen: number
  readonly pooled: Score
}

/** What each fitted constant is worth: the errors with it held at its prior. */
export function ablate(rows: readonly SpeedRow[], names: readonly ConstantName[] = FITTED): readonly Ablation[] {
  return names.map(name => {
    const others = FITTED.filter(other => other !== name)
    const held = withValues(other => (other === name ? PRIORS[other] : EFFICIENCY[other]))
    const pooled = scoreRows(rows, fitSpeed(rows, { start: held, fitted: others, iterations: 4 })).slices['all']
    const medians = scoreUnseen(rows, others).map(({ median }) => median)
    return {
      name,
      unseen: medians.reduce((sum, median) => sum + median, 0) / medians.length,
      pooled: pooled ?? { rows: 0, groups: 0, median: 0, p90: 0 },
    }
  })
}

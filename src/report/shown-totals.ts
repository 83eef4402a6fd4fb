import { shownMoney } from '../plan/money-text.ts'
import type { Report } from './report.ts'

/** Sums of the amounts as the rows show them, so that the reader's addition agrees. null: nothing to add up. */
export interface ShownTotals {
  readonly cost: number | null
  readonly costDelta: number | null
}

export function shownTotals({ runs, totals }: Report): ShownTotals {
  if (totals.cost === null) return { cost: null, costDelta: null }
  let cost = 0
  let costDelta = 0
  for (const { cost: own, base, change } of runs) {
    if (!own) continue
    const amount = shownMoney(own.total)
    cost += amount
    if (change === 'new') costDelta += amount
    else if (base?.cost != null) costDelta += amount - shownMoney(base.cost)
  }
  return { cost, costDelta: totals.costDelta === null ? null : costDelta }
}

import { inCurrency } from '../plan/money-text.ts'

/** One factor of a cost: `3 h`, `8 GPUs`, `$1.80`, `27.08 CNY`. */
export interface CostTerm {
  readonly value: number
  /** What follows the number, or the currency that it is an amount of. */
  readonly unit: string | { readonly currency: string }
  /** Decimals that are exact; null: as many as the product needs. */
  readonly decimals: number | null
}

const MAX_DECIMALS = 9

/**
 * `2.7165 h × 8 GPUs × 27.08 CNY × 3 attempts = 1,765.53 CNY`: the figures as shown multiply to the total as shown, to the
 * cent, so that a reader's calculator agrees.
 */
export function costFormula(terms: readonly CostTerm[], currency: string): string {
  const total = product(terms).toFixed(2)
  for (let decimals = 2; decimals < MAX_DECIMALS; decimals += 1)
    if (product(terms.map(term => ({ ...term, value: Number(shown(term, decimals)) }))).toFixed(2) === total)
      return written(terms, decimals, inCurrency(total, currency))
  return written(terms, MAX_DECIMALS, inCurrency(total, currency))
}

/** All factors multiplied. */
export function product(terms: readonly CostTerm[]): number {
  return terms.reduce((total, { value }) => total * value, 1)
}

function written(terms: readonly CostTerm[], decimals: number, total: string): string {
  return `${terms.map(term => withUnit(shown(term, decimals), term.unit)).join(' × ')} = ${total}`
}

function withUnit(figure: string, unit: CostTerm['unit']): string {
  return typeof unit === 'string' ? `${figure}${unit}` : inCurrency(figure, unit.currency)
}

function shown({ value, decimals }: CostTerm, needed: number): string {
  return value.toFixed(decimals ?? needed)
}

/** Decimals with which a stated figure is exact; at least two for money. */
export function decimalsOf(value: number, least = 2): number | null {
  for (let decimals = least; decimals <= 6; decimals += 1)
    if (Number(value.toFixed(decimals)) === value) return decimals
  return null
}

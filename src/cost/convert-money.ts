interface Rates {
  /** null: no common currency was asked for. */
  readonly currency: string | null
  /** Value of one unit of a currency in `currency`. */
  readonly exchangeRates: Readonly<Record<string, number>>
}

/** An amount in the policy's currency; null when there is no rate for it. */
export function convertMoney(amount: number, from: string | null, { currency, exchangeRates }: Rates): number | null {
  if (currency === null || from === null || from === currency) return amount
  const rate = Object.hasOwn(exchangeRates, from) ? exchangeRates[from] : undefined
  return rate === undefined ? null : amount * rate
}

/** How a price's currency becomes the policy's; null: nothing to convert, or no rate for it. */
export function exchangeOf(from: string, rates: Rates): { readonly currency: string; readonly rate: number } | null {
  const rate = convertMoney(1, from, rates)
  return rates.currency === null || rates.currency === from || rate === null ? null : { currency: rates.currency, rate }
}

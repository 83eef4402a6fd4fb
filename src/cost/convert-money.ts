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

import { group, MINUS, percent, signed } from './figure-text.ts'

const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['USD', '$'],
  ['EUR', '€'],
  ['GBP', '£'],
])

/** Digits in a currency, the one way in which every amount is written: `$164`, `€1,530.66`, `81.24 CNY`. */
export function inCurrency(digits: string, currency: string | null): string {
  const grouped = group(digits)
  const symbol = currency === null ? undefined : SYMBOLS.get(currency)
  return symbol ? `${symbol}${grouped}` : `${grouped}${currency ? ` ${currency}` : ''}`
}

/** An estimate: `$164`, `$4.50`. Cents matter below ten; above they are noise beside its interval. */
export function money(amount: number, currency: string | null): string {
  return `${amount < 0 ? MINUS : ''}${inCurrency(Math.abs(amount).toFixed(moneyDigits(amount)), currency)}`
}

/** A price or a product that is exact: always with cents. */
export function exactMoney(amount: number, currency: string | null): string {
  return inCurrency(amount.toFixed(2), currency)
}

/** What somebody wrote, a limit or a sum of amounts as shown: cents only where it has some. */
export function statedMoney(amount: number, currency: string | null): string {
  if (amount > 0 && amount < 0.005) return inCurrency(String(amount), currency)
  return inCurrency(amount.toFixed(sumDigits(amount)), currency)
}

/** An estimate beside a limit that it is held against: with cents where whole units would hide which of the two is larger. */
export function moneyBeside(amount: number, limit: number, currency: string | null): string {
  return shownMoney(amount) > limit === amount > limit ? money(amount, currency) : exactMoney(amount, currency)
}

/** The amount that {@link money} shows: sums and differences are taken of these. */
export function shownMoney(amount: number): number {
  return Number(amount.toFixed(moneyDigits(amount)))
}

/** Difference of the two amounts as shown. */
export function moneyDelta(amount: number, base: number, currency: string | null): string {
  const delta = shownMoney(amount) - shownMoney(base)
  return signedMoney(delta, currency, Math.max(moneyDigits(amount), moneyDigits(base)))
}

/** The difference as a share of the base, `+9 %`; empty below half a per cent. */
export function deltaShare(amount: number, base: number): string {
  const delta = amount - base
  return base > 0 && Math.abs(delta) >= base / 200 ? signed(delta, percent(Math.abs(delta) / base)) : ''
}

/** `+$13`, `−4.50 CNY`, `0`. */
export function signedMoney(delta: number, currency: string | null, digits = sumDigits(delta)): string {
  return signed(delta, inCurrency(Math.abs(delta).toFixed(digits), currency))
}

function moneyDigits(amount: number): number {
  return Math.abs(amount) >= 10 ? 0 : 2
}

function sumDigits(sum: number): number {
  return Number.isInteger(Number(sum.toFixed(2))) ? 0 : 2
}

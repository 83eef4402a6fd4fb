import { GIB } from '../plan/units.ts'

const MINUS = '−'

export function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1)
}

/** Difference of the two figures as shown, so that the reader's subtraction agrees. */
export function gibDelta(bytes: number, base: number): string {
  const delta = Number(gib(bytes)) - Number(gib(base))
  return signed(delta, delta.toFixed(1).replace('-', ''))
}

export function percent(share: number): string {
  const value = share * 100
  const digits = value > 99 && value < 101 && Math.round(value * 10) % 10 !== 0 ? 1 : 0
  return `${value.toFixed(digits)} %`
}

const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ['USD', '$'],
  ['EUR', '€'],
  ['GBP', '£'],
])

export function money(amount: number, currency: string | null): string {
  const digits = moneyDigits(amount)
  return `${amount < 0 ? MINUS : ''}${moneyText(Math.abs(amount), currency, digits)}`
}

/** The amount that {@link money} shows: sums and differences are taken of these. */
export function shownMoney(amount: number): number {
  return Number(amount.toFixed(moneyDigits(amount)))
}

/** Difference of the two amounts as shown. */
export function moneyDelta(amount: number, base: number, currency: string | null): string {
  const delta = shownMoney(amount) - shownMoney(base)
  const share =
    base > 0 && Math.abs(amount - base) >= base / 200
      ? ` ${unbroken(`(${signed(delta, percent(Math.abs(amount - base) / base))})`)}`
      : ''
  return `${signedMoney(delta, currency, Math.max(moneyDigits(amount), moneyDigits(base)))}${share}`
}

/** A sum of amounts as shown: whole when they are all whole. */
export function moneySum(sum: number, currency: string | null): string {
  return moneyText(sum, currency, sumDigits(sum))
}

/** `+$13`, `−4.50 CNY`, `0`. */
export function signedMoney(delta: number, currency: string | null, digits = sumDigits(delta)): string {
  return signed(delta, moneyText(Math.abs(delta), currency, digits))
}

/** Cents matter below ten; above they are noise beside the interval of the estimate. */
function moneyDigits(amount: number): number {
  return Math.abs(amount) >= 10 ? 0 : 2
}

function sumDigits(sum: number): number {
  return Number.isInteger(Number(sum.toFixed(2))) ? 0 : 2
}

function moneyText(amount: number, currency: string | null, digits: number): string {
  const grouped = group(amount.toFixed(digits))
  const symbol = currency === null ? undefined : SYMBOLS.get(currency)
  return symbol ? `${symbol}${grouped}` : `${grouped}${currency ? ` ${currency}` : ''}`
}

function signed(delta: number, text: string): string {
  return Number(Math.abs(delta).toFixed(2)) === 0 ? '0' : `${delta < 0 ? MINUS : '+'}${text}`
}

/** `15.3 h`, `4.2 min`, `0.52 s`: three figures at most. */
export function duration(seconds: number): string {
  if (seconds >= 3600) return `${group((seconds / 3600).toFixed(1))} h`
  if (seconds >= 120) return `${(seconds / 60).toFixed(1)} min`
  return seconds >= 10 ? `${seconds.toFixed(1)} s` : `${seconds.toPrecision(3)} s`
}

export function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} B`
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`
  return group(String(Math.round(value)))
}

export function group(digits: string): string {
  const [whole = '', rest] = digits.split('.')
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (rest === undefined ? '' : `.${rest}`)
}

/** Shown tenths that sum to the shown total (largest remainder). */
export function roundedParts(parts: readonly number[], unit: number): readonly number[] {
  const total = Math.round(parts.reduce((sum, part) => sum + part, 0) / unit)
  const floors = parts.map(part => Math.floor(part / unit))
  const order = parts
    .map((part, index) => ({ index, rest: part / unit - Math.floor(part / unit) }))
    .toSorted((a, b) => b.rest - a.rest || a.index - b.index)
  let missing = total - floors.reduce((sum, part) => sum + part, 0)
  for (const { index } of order) {
    if (missing <= 0) break
    floors[index] = (floors[index] ?? 0) + 1
    missing -= 1
  }
  return floors
}

/** Keeps a short figure on one line: every space becomes a no-break space. */
export function unbroken(text: string): string {
  return text.replaceAll(' ', '\u00A0')
}

/** A name in a narrow cell: browsers break lines at hyphens, too. */
export function unbrokenName(text: string): string {
  return unbroken(text).replaceAll('-', '\u2011')
}

/** `1 config`, `3 configs`. */
export function plural(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

import { gib, group, signed } from '../plan/figure-text.ts'
import { deltaShare, moneyDelta } from '../plan/money-text.ts'

/** Difference of the two figures as shown, so that the reader's subtraction agrees. */
export function gibDelta(bytes: number, base: number): string {
  const delta = Number(gib(bytes)) - Number(gib(base))
  return signed(delta, delta.toFixed(1).replace('-', ''))
}

/** `+$123 (+300 %)`; a line may break between the two. */
export function moneyChange(amount: number, base: number, currency: string | null): string {
  const share = deltaShare(amount, base)
  return `${moneyDelta(amount, base, currency)}${share === '' ? '' : ` ${unbroken(`(${share})`)}`}`
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

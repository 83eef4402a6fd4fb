import { GIB } from './units.ts'

/** U+2212, as wide as the plus. */
export const MINUS = '−'

/** `44.3`, in GiB. */
export function gib(bytes: number): string {
  return (bytes / GIB).toFixed(1)
}

/** `112 %`; one decimal close to 100 so that 99.8 % never reads as 100 %. */
export function percent(share: number): string {
  const value = share * 100
  const digits = value > 99 && value < 101 && Math.round(value * 10) % 10 !== 0 ? 1 : 0
  return `${value.toFixed(digits)} %`
}

/** `1408.5` as `1,408.5`. */
export function group(digits: string): string {
  const [whole = '', rest] = digits.split('.')
  return whole.replace(/\B(?=(\d{3})+$)/g, ',') + (rest === undefined ? '' : `.${rest}`)
}

/** The text of an amount with the sign of the change; `0` for less than a hundredth. */
export function signed(delta: number, text: string): string {
  return Number(Math.abs(delta).toFixed(2)) === 0 ? '0' : `${delta < 0 ? MINUS : '+'}${text}`
}

import { GIB } from '../plan/units.ts'

/** `44.3 GiB`. */
export function formatGib(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`
}

/** `112 %`; one decimal close to 100 so that 99.8 % never reads as 100 %. */
export function formatShare(share: number): string {
  const percent = share * 100
  const digits = percent > 99 && percent < 101 && Math.round(percent * 10) % 10 !== 0 ? 1 : 0
  return `${percent.toFixed(digits)} %`
}

/** `1,234.50 CNY`. */
export function formatMoney(amount: number, currency: string | null): string {
  const [whole = '0', cents = '00'] = amount.toFixed(2).split('.')
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}${currency ? ` ${currency}` : ''}`
}

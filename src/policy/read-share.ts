import type { Fields } from '../formats/fields.ts'

/** `90%` and `90` are the same share, 0.9. */
export function parseShare(text: string | number): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(String(text))
  const percent = match?.[1] === undefined ? Number.NaN : Number(match[1])
  return percent > 0 && percent <= 1000 ? percent / 100 : null
}

/** The share at a key; null when absent or, with a finding, when it is none. */
export function readShare(fields: Fields, key: string): number | null {
  if (!fields.isSet(key)) return null
  const written = fields.raw(key)?.scalar
  const share = typeof written === 'string' || typeof written === 'number' ? parseShare(written) : null
  if (share === null) fields.invalid(key, 'a percentage such as 90%')
  return share
}

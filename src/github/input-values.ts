/** How one input's text is read. `expected` completes “expected …”. */
export interface InputKind<T> {
  readonly expected: string
  /** undefined: not of this kind. Called with trimmed, non-empty text only. */
  readonly parse: (text: string) => T | undefined
}

const NUMBER = /^\d+(?:\.\d+)?(?:e\+?\d{1,2})?$/i

function positive(text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(value) && value > 0 ? value : undefined
}

export const POSITIVE_NUMBER: InputKind<number> = { expected: 'a number above 0', parse: positive }

export const POSITIVE_INTEGER: InputKind<number> = {
  expected: 'a whole number above 0',
  parse: text => {
    const value = positive(text)
    return Number.isSafeInteger(value) ? value : undefined
  },
}

/** `90` and `90%` are both 0.9. */
export const PERCENTAGE: InputKind<number> = {
  expected: 'a percentage such as `90` or `90%`',
  parse: text => {
    const value = positive(text.replace(/\s*%$/, ''))
    return value === undefined || value <= 1 || value > 1000 ? undefined : value / 100
  },
}

/** YAML 1.2 core schema, as @actions/core `getBooleanInput`. */
export const BOOLEAN: InputKind<boolean> = {
  expected: '`true` or `false`',
  parse: text => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined),
}

export const TEXT: InputKind<string> = { expected: 'text', parse: text => text }

export const CURRENCY: InputKind<string> = {
  expected: 'a currency code of three letters such as `USD`',
  parse: text => (/^[A-Za-z]{3}$/.test(text) ? text.toUpperCase() : undefined),
}

export const COMMENT_KEY: InputKind<string> = {
  expected: 'at most 64 letters, digits, `.`, `_` or `-`',
  parse: text => (/^[A-Za-z0-9._-]{1,64}$/.test(text) ? text : undefined),
}

/** Only the endpoint's own host ever gets the token, so it has to be a plain https address (http for this machine only). */
export const ENDPOINT: InputKind<string> = {
  expected: 'an https address without user, query or fragment',
  parse: text => {
    if (!URL.canParse(text)) return undefined
    const { protocol, hostname, username, password, search, hash } = new URL(text)
    const local = hostname === 'localhost' || hostname === '127.0.0.1'
    const plain = username === '' && password === '' && search === '' && hash === ''
    return plain && (protocol === 'https:' || (protocol === 'http:' && local)) ? text.replace(/\/+$/, '') : undefined
  },
}

/** One glob a line; empty lines and lines of `#` comments do not count. */
export const GLOBS: InputKind<readonly string[]> = {
  expected: 'globs, one a line',
  parse: text =>
    text
      .split(/\r\n|[\r\n]/)
      .map(line => line.trim())
      .filter(line => line !== '' && !line.startsWith('# ')),
}

export function oneOf<T extends string>(...values: readonly T[]): InputKind<T> {
  return {
    expected: values.map(value => `\`${value}\``).join(', '),
    parse: text => values.find(value => value === text.toLowerCase()),
  }
}

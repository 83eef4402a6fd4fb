/** Shapes of tokens that services give out, with their own prefixes, and addresses that carry a password. */
const SECRET = new RegExp(
  [
    'gh[pousr]_[A-Za-z0-9]{20,}',
    'github_pat_[A-Za-z0-9_]{20,}',
    'hf_[A-Za-z0-9]{20,}',
    'api_org_[A-Za-z0-9]{20,}',
    'sk-[A-Za-z0-9_-]{20,}',
    '(?:AKIA|ASIA)[A-Z0-9]{16}',
    'xox[abeprs]-[A-Za-z0-9-]{10,}',
    'glpat-[A-Za-z0-9_-]{16,}',
    'npm_[A-Za-z0-9]{30,}',
    'dckr_pat_[A-Za-z0-9_-]{20,}',
    'AIza[A-Za-z0-9_-]{30,}',
    'eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}',
    '-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----',
    '(?<=[a-z][a-z0-9+.-]{0,20}://)[^\\s/@:]{1,100}:[^\\s/@]{1,200}(?=@)',
  ].join('|'),
  'g',
)
/** What every such shape has somewhere: texts without are not searched. */
const HINT = /[_-]|AKIA|ASIA|AIza|eyJ|:\/\//
const SHOWN = '[secret]'

/** The text with what looks like a token or a password taken out. */
function redactSecrets(text: string): string {
  return text.length >= 8 && HINT.test(text) ? text.replace(SECRET, SHOWN) : text
}

/** Plain data with every text in it redacted; the same object where nothing was. */
export function withoutSecrets<T>(value: T): T {
  return redacted(value) as T
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactSecrets(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map(redacted)
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  const isClean = Object.keys(value).every(key => {
    const item: unknown = Reflect.get(value, key)
    return redacted(item) === item && redactSecrets(key) === key
  })
  return isClean
    ? value
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [redactSecrets(key), redacted(item)]))
}

/** Names under which configs hold secrets: their values are never shown. */
export function isSecretKey(key: string): boolean {
  return /(?:^|[_.-])(?:api_?key|access_?key|auth|token|hf_token|secret|password|passwd|credentials?)$/i.test(key)
}

/**
 * `line` with the scalar value of `key` replaced; null when the line does not plainly hold `key` with the value `from`
 * (flow collections, anchors, quoted keys with escapes: then nobody should click a button).
 */
export function editLine(line: string, change: { key: string; from: unknown; to: unknown }): string | null {
  const name = change.key.split('.').at(-1) ?? change.key
  const to = scalarText(change.to)
  if (to === null) return null
  const match = LINE.exec(line)
  const { before, key, value, after } = match?.groups ?? {}
  if (before === undefined || key === undefined || value === undefined || after === undefined) return null
  if (unquoted(key) !== name || !isSameScalar(unquoted(value), change.from)) return null
  const json = key.startsWith('"')
  return `${before}${json && typeof change.to === 'string' ? JSON.stringify(change.to) : to}${after}`
}

/** A line that is one item of a list with the value `from`: the same with `to`, in its own quotes. */
export function editItem(line: string, { from, to }: { from: unknown; to: unknown }): string | null {
  const { before, quote, value, after } = ITEM.exec(line)?.groups ?? {}
  if (before === undefined || value === undefined || !isSameScalar(value, from)) return null
  return `${before}${quote}${String(to)}${quote}${after}`
}

const ITEM = /^(?<before>\s*-\s+)(?<quote>["']?)(?<value>[\w.+-]+)\k<quote>(?<after>\s*(?:#.*)?)$/

/** Indent, key, `:` or `=`, one scalar without structure, then a comma or comment. */
const LINE =
  /^(?<before>\s*(?:- )?(?<key>"[\w.-]+"|'[\w.-]+'|[\w.-]+)\s*[:=]\s*)(?<value>"[^"\\]*"|'[^'\\]*'|[^\s"'#,&*![\]{}|>][^\s"'#,[\]{}]*)(?<after>\s*,?\s*(?:\s#.*)?)$/

/**
 * The lines that add a key at the top of a YAML file; null when this syntax or place is not for a click: JSON needs a
 * comma, a dotted key its mapping, TOML its table.
 */
export function addedLines(path: string, { key, to }: { key: string; to: unknown }): readonly string[] | null {
  if (!/\.ya?ml$/i.test(path) || key.includes('.')) return null
  if (!Array.isArray(to)) {
    const text = scalarText(to)
    return text === null ? null : [`${key}: ${text}`]
  }
  const items = to.map(scalarText)
  return items.length > 0 && items.every(item => item !== null)
    ? [`${key}:`, ...items.map(item => `  - ${item}`)]
    : null
}

/** A key with its whole value on one line, not indented, in a file of one document: another key can follow it. */
export function isWholeEntry(lines: readonly string[], line: number): boolean {
  const text = lines[line - 1] ?? ''
  const follows = lines[line] ?? ''
  const isSeveral = lines.slice(1).some(own => /^(?:---|\.\.\.)/.test(own))
  return LINE.test(text) && /^[\w"']/.test(text) && text.includes(':') && !/^\s+\S/.test(follows) && !isSeveral
}

function unquoted(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text
}

function isSameScalar(text: string, from: unknown): boolean {
  if (typeof from === 'number') return Number(text.replaceAll('_', '')) === from
  if (typeof from === 'boolean') return text.toLowerCase() === String(from)
  return text === String(from)
}

/** Only words that mean themselves in YAML, JSON and TOML need no quotes here. */
function scalarText(value: unknown): string | null {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return String(value)
  return typeof value === 'string' && /^[A-Za-z_][\w./-]{0,100}$/.test(value) ? value : null
}

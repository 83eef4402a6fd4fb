/** TOML text with dotted keys set: the line that has one is replaced, a missing one is added under its table. */
export function writeTomlKeys(
  text: string,
  changes: readonly { readonly key: string; readonly to: unknown }[],
): string | null {
  let lines = text.split('\n')
  for (const { key, to } of changes) {
    const parts = key.split('.')
    const name = parts.at(-1) ?? key
    const table = parts.slice(0, -1).join('.')
    const value = tomlValue(to)
    if (value === null) return null
    lines = withKey(lines, { table, line: `${name} = ${value}`, name })
  }
  return lines.join('\n')
}

function withKey(
  lines: readonly string[],
  { table, line, name }: { readonly table: string; readonly line: string; readonly name: string },
): string[] {
  let current = ''
  let tableAt = table === '' ? 0 : -1
  for (const [index, text] of lines.entries()) {
    const header = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(text)?.[1]
    if (header !== undefined) {
      current = header.trim()
      if (current === table) tableAt = index + 1
    } else if (current === table && /^\s*([\w-]+)\s*=/.exec(text)?.[1] === name)
      return [...lines.slice(0, index), line, ...lines.slice(index + 1)]
  }
  return tableAt < 0 ? [...lines, `[${table}]`, line, ''] : [...lines.slice(0, tableAt), line, ...lines.slice(tableAt)]
}

function tomlValue(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : null
}

import type { ConfigNode, Scalar } from './config-document.ts'

interface Place {
  readonly line: number
  readonly column: number
}

/** smol-toml gives values without positions; the line of `key = …` under its table header is found in the text. */
export function locateTomlKeys(path: string, text: string, data: unknown): ConfigNode {
  const places = indexKeys(text)
  const build = (value: unknown, key: string): ConfigNode => {
    const at = places.get(key) ?? { line: 1, column: 1 }
    const place = { path, ...at, keyLine: at.line, keyColumn: at.column }
    if (Array.isArray(value))
      return {
        ...place,
        kind: 'sequence',
        scalar: null,
        items: value.map(item => build(item, key)),
        entries: new Map(),
      }
    if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
      const children = Object.entries(value).map(
        ([name, child]) => [name, build(child, key ? `${key}.${name}` : name)] as const,
      )
      return { ...place, kind: 'mapping', scalar: null, items: [], entries: new Map(children) }
    }
    return { ...place, kind: 'scalar', scalar: toScalar(value), items: [], entries: new Map() }
  }
  return build(data, '')
}

function indexKeys(text: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  let table = ''
  text.split('\n').forEach((line, index) => {
    const header = /^\s*\[{1,2}([^\]]+)\]/.exec(line)
    if (header?.[1] !== undefined) {
      const name = unquote(header[1].trim())
      table = `${name}.`
      places.set(name, { line: index + 1, column: 1 })
      return
    }
    const key = /^(\s*)([A-Za-z0-9_."'-]+)\s*=/.exec(line)
    if (key?.[2] !== undefined)
      places.set(table + unquote(key[2]), { line: index + 1, column: (key[1]?.length ?? 0) + 1 })
  })
  return places
}

function unquote(key: string): string {
  return key.replaceAll(/["']/g, '')
}

function toScalar(value: unknown): Scalar {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value)
}

import type { Finding } from '../plan/finding.ts'
import type { ConfigNode, Scalar } from './config-document.ts'
import { NodeBudget } from './node-budget.ts'

interface Place {
  readonly line: number
  readonly column: number
}

interface LocatedToml {
  /** null: a limit was reached. */
  readonly root: ConfigNode | null
  readonly findings: readonly Finding[]
}

/** smol-toml gives values without positions; the line of `key = …` under its table header is found in the text. */
export function locateTomlKeys(path: string, text: string, data: unknown): LocatedToml {
  const places = indexKeys(text)
  const budget = new NodeBudget()
  const build = (value: unknown, key: string, depth: number): ConfigNode | null => {
    const at = places.get(key) ?? { line: 1, column: 1 }
    if (!budget.admits(depth, () => ({ path, ...at }))) return null
    const place = { path, ...at, keyLine: at.line, keyColumn: at.column }
    if (Array.isArray(value)) {
      const items = value.map(item => build(item, key, depth + 1)).filter(item => item !== null)
      return { ...place, kind: 'sequence', scalar: null, items, entries: new Map() }
    }
    if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
      const entries = new Map<string, ConfigNode>()
      for (const [name, child] of Object.entries(value)) {
        const node = build(child, key ? `${key}.${name}` : name, depth + 1)
        if (node) entries.set(name, node)
      }
      return { ...place, kind: 'mapping', scalar: null, items: [], entries }
    }
    return { ...place, kind: 'scalar', scalar: toScalar(value), items: [], entries: new Map() }
  }
  const root = build(data, '', 0)
  return budget.problem ? { root: null, findings: [budget.problem] } : { root, findings: [] }
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

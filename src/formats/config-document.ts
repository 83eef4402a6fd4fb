import type { Finding } from '../plan/finding.ts'

/** A config file as text with positions: every value knows its line and column (from 1). */
export interface ConfigDocument {
  readonly path: string
  readonly text: string
  readonly syntax: 'yaml' | 'json' | 'toml' | 'shell' | 'text'
  /** One root per YAML document; empty when the text could not be parsed. */
  readonly roots: readonly ConfigNode[]
  readonly findings: readonly Finding[]
}

export type Scalar = string | number | boolean | null

export interface ConfigNode {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly kind: 'scalar' | 'sequence' | 'mapping'
  /** The scalar's value as the trainer's parser reads it (YAML 1.1); null for collections. */
  readonly scalar: Scalar
  readonly items: readonly ConfigNode[]
  /** Insertion order; keys as text. The last of duplicate keys. */
  readonly entries: ReadonlyMap<string, ConfigNode>
  /** Keys of a mapping that are written and whose values are known only at start; absent: none. */
  readonly open?: ReadonlySet<string>
  /** Where the key itself stands, for mapping entries. */
  readonly keyLine: number
  readonly keyColumn: number
}

/** The node at a dotted path of mapping keys, or undefined. */
export function nodeAt(node: ConfigNode | undefined, dotted: string): ConfigNode | undefined {
  let current = node
  for (const key of dotted.split('.')) {
    if (current === undefined) return undefined
    current = current.entries.get(key)
  }
  return current
}

/** True when the mapping has every key. */
export function hasKeys(node: ConfigNode | undefined, ...keys: readonly string[]): boolean {
  return node !== undefined && keys.every(key => node.entries.has(key))
}

/** True when the mapping has at least one of the keys. */
export function hasAnyKey(node: ConfigNode | undefined, ...keys: readonly string[]): boolean {
  return node !== undefined && keys.some(key => node.entries.has(key))
}

/** The subtree as plain data (mappings become null-prototype objects). */
export function plainData(node: ConfigNode): unknown {
  if (node.kind === 'scalar') return node.scalar
  if (node.kind === 'sequence') return node.items.map(plainData)
  const result: Record<string, unknown> = Object.create(null)
  for (const [key, child] of node.entries) result[key] = plainData(child)
  return result
}

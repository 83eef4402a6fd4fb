import type { Finding } from '../plan/finding.ts'
import { byDefault } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { type ConfigNode, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import type { FormatKey } from './reader.ts'

/** The mapping at a dotted path as fields; empty when the config does not have it. */
export function section(root: ConfigNode, dotted: string, findings: Finding[]): Fields {
  const node = dotted === '' ? root : nodeAt(root, dotted)
  const empty: ConfigNode = { ...root, kind: 'mapping', scalar: null, items: [], entries: new Map() }
  const prefix = dotted === '' ? '' : `${dotted}.`
  return new Fields({ node: node?.kind === 'mapping' ? node : empty, findings, prefix })
}

/** The value under a function, with the same provenance. */
export function mapped<A, B>(read: Sourced<A>, convert: (value: A) => B): Sourced<B> {
  return { ...read, value: convert(read.value) }
}

/** What the file says, else the framework's default. */
export function orDefault<T>(read: Sourced<T> | undefined, value: T, note: string): Sourced<T> {
  return read ?? byDefault(value, note)
}

/** `{[key]: value}` when there is a value. */
export function when<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  const result: { [P in K]?: T } = {}
  if (value !== undefined) result[key] = value
  return result
}

/** Rows of a format's documentation with one source. */
export function keyTable(
  source: string,
  rows: readonly (readonly [key: string, effect: string, fallback: string])[],
): readonly FormatKey[] {
  return rows.map(([key, effect, fallback]) => ({ key, effect, default: fallback, source }))
}

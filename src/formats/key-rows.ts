import type { Libraries } from '../launch/version-defaults.ts'
import type { DraftValue, MutablePlanDraft, PlanKey, PlanValues } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Fields } from './fields.ts'
import type { FormatKey } from './reader.ts'

export type Getter<T> = (fields: Fields, key: string) => Sourced<T> | undefined

/** One key of a format: how it is read, what it sets, what holds without it. */
export interface KeyRow extends FormatKey {
  readonly names: readonly string[]
  readonly apply: (fields: Fields, draft: MutablePlanDraft, libraries: Libraries) => void
}

interface RowOptions<K extends PlanKey> {
  /** The key and its older spellings: the first that is set counts. */
  readonly key: string | readonly string[]
  readonly plan: K
  readonly read: Getter<PlanValues[K]>
  /** Absent: the resolver's generic default. */
  readonly fallback?: (libraries: Libraries) => DraftValue<PlanValues[K]>
  /** The default as text for the documentation. */
  readonly default: string
  readonly source: string
}

/** A key that sets one plan value. */
export function keyRow<K extends PlanKey>(options: RowOptions<K>): KeyRow {
  const names = typeof options.key === 'string' ? [options.key] : options.key
  const { plan, read, fallback, source } = options
  const apply: KeyRow['apply'] = (fields, draft, libraries) => {
    const key = setKey(fields, names)
    const value = key === undefined ? undefined : read(fields, key)
    const chosen = value ?? fallback?.(libraries)
    if (chosen !== undefined) Object.assign(draft, { [plan]: chosen })
  }
  return { key: names.join(', '), names, effect: plan, default: options.default, source, apply }
}

/** A key whose effect depends on others; the reader's code applies it. */
export function describedKey(key: string, effect: string, fallback: string, source: string): KeyRow {
  return { key, names: key.split(', '), effect, default: fallback, source, apply: () => undefined }
}

/** A fixed default with its place, for {@link keyRow}. */
export function fixed<T>(value: T, note: string): () => Sourced<T> {
  return () => ({ value, from: 'default', note })
}

/** `over` replaces rows of the same first key, and is appended otherwise. */
export function replaceRows(rows: readonly KeyRow[], over: readonly KeyRow[]): readonly KeyRow[] {
  const own = new Set(over.flatMap(row => row.names))
  return [...rows.filter(row => !row.names.some(name => own.has(name))), ...over]
}

export function applyRows(rows: readonly KeyRow[], fields: Fields, libraries: Libraries): MutablePlanDraft {
  const draft: MutablePlanDraft = {}
  for (const row of rows) row.apply(fields, draft, libraries)
  return draft
}

/** The rows as documentation. */
export function formatKeys(rows: readonly KeyRow[]): readonly FormatKey[] {
  return rows.map(({ key, effect, default: fallback, source }) => ({ key, effect, default: fallback, source }))
}

/** The first of the spellings that is written with a value. */
export function setKey(fields: Fields, names: readonly string[]): string | undefined {
  return names.find(name => fields.isSet(name))
}

export const positive: Getter<number> = (fields, key) => fields.integer(key, { min: 1, max: 1e12 })
export const flag: Getter<boolean> = (fields, key) => fields.boolean(key)

/** −1 and 0 mean "not limited by this key". */
export const positiveOrNone: Getter<number | null> = (fields, key) => {
  const read = fields.number(key, { min: -1, max: 1e12 })
  return read && { ...read, value: read.value > 0 ? read.value : null }
}

/** A boolean through a table of two values. */
export function choice<T>(whenTrue: T, whenFalse: T): Getter<T> {
  return (fields, key) => {
    const read = fields.boolean(key)
    return read && { ...read, value: read.value ? whenTrue : whenFalse }
  }
}

/** A word through a table; unknown words read as absent with a finding. */
export function fromTable<T>(table: Readonly<Record<string, T>>): Getter<T> {
  return (fields, key) => {
    const read = fields.string(key)
    if (read === undefined) return undefined
    const name = read.value.toLowerCase()
    const value = Object.hasOwn(table, name) ? table[name] : undefined
    return value === undefined ? fields.invalid(key, `one of ${Object.keys(table).join(', ')}`) : { ...read, value }
  }
}

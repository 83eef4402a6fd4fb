import data from '../../data/models.json' with { type: 'json' }
import type { Quantization } from '../plan/vocabulary.ts'

export interface CatalogueModel {
  readonly id: string
  readonly aliases: readonly string[]
  readonly config: object
  readonly parameters: number | null
  readonly source: string
  readonly asOf: string
  /** Storage scheme that the asked-for name implies (`-bnb-4bit`, `-AWQ` …). */
  readonly quantization: Quantization
}

/** Suffixes by which quantised copies are published, and their scheme. */
const QUANTIZED_SUFFIXES: readonly (readonly [RegExp, Quantization])[] = [
  [/-(unsloth-)?bnb-4bit$/i, 'nf4-double'],
  [/-bnb-8bit$/i, 'int8'],
  [/-awq(-int4)?$/i, 'awq-int4'],
  [/-gptq(-int4|-4bit)?$/i, 'gptq-int4'],
  [/-gptq-int8$/i, 'gptq-int8'],
  [/-int4$/i, 'gptq-int4'],
  [/-int8$/i, 'gptq-int8'],
  [/-fp8(-dynamic)?$/i, 'fp8'],
]

interface Row {
  readonly id: string
  readonly parameters: number | null
  readonly source: string
  readonly aliases: readonly string[]
  readonly config: object
}

/** Marks a field of a packed row that config.json does not have; null is a value. */
const ABSENT = ''

let rows: readonly Row[] | undefined
let index: ReadonlyMap<string, Row> | undefined

/** data/models.json: [id, parameters, source, aliases, values of `fields`, other fields, what surrounds a text model]. */
function allRows(): readonly Row[] {
  rows ??= data.models.map(unpack)
  return rows
}

function unpack([id, parameters, source, aliases, values, other, outer]: readonly unknown[]): Row {
  const named = Array.isArray(values) ? values.map((value, at) => [data.fields[at], value] as const) : []
  const flat = { ...Object.fromEntries(named.filter(([, value]) => value !== ABSENT)), ...asObject(other) }
  return {
    id: String(id),
    parameters: typeof parameters === 'number' ? parameters : null,
    source: String(source),
    aliases: Array.isArray(aliases) ? aliases.map(String) : [],
    config: outer === undefined ? flat : { ...asObject(outer), text_config: flat },
  }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function rowsByName(): ReadonlyMap<string, Row> {
  index ??= new Map(allRows().flatMap(row => [row.id, ...row.aliases].map(name => [name.toLowerCase(), row] as const)))
  return index
}

/** A model of the embedded catalogue by id, alias, mirror or quantised copy; null: not there. */
export function findInCatalogue(id: string): CatalogueModel | null {
  const name = id.toLowerCase()
  const exact = rowsByName().get(name)
  const suffix = QUANTIZED_SUFFIXES.find(([pattern]) => pattern.test(name))
  if (exact) return toModel(exact, suffix?.[1] ?? 'none')
  if (suffix) {
    const base = rowsByName().get(name.replace(suffix[0], ''))
    if (base) return toModel(base, suffix[1])
  }
  const mirrored = /^(unsloth|nousresearch|modelscope|llm-research|ai-modelscope)\/(.+)$/.exec(
    suffix ? name.replace(suffix[0], '') : name,
  )
  const leaf = mirrored?.[2]
  const original = leaf === undefined ? undefined : uniqueLeaf(leaf)
  return original ? toModel(original, suffix?.[1] ?? 'none') : null
}

/** The one row whose name after the owner is `leaf`. */
function uniqueLeaf(leaf: string): Row | undefined {
  const rows = new Set([...rowsByName()].filter(([name]) => name.split('/')[1] === leaf).map(([, row]) => row))
  return rows.size === 1 ? [...rows][0] : undefined
}

/** Rows whose id or alias contains every word; all for an empty query. */
export function searchCatalogue(query: string): readonly CatalogueModel[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return allRows()
    .filter(row => {
      const names = [row.id, ...row.aliases].join(' ').toLowerCase()
      return words.every(word => names.includes(word))
    })
    .map(row => toModel(row, 'none'))
}

function toModel(row: Row, quantization: Quantization): CatalogueModel {
  return {
    id: row.id,
    aliases: row.aliases,
    config: { ...row.config, ...(quantization === 'none' ? {} : { checkpoint_quantization: quantization }) },
    parameters: row.parameters,
    source: row.source,
    asOf: data.asOf,
    quantization,
  }
}

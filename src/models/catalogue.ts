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

/** Suffixes by which quantised and converted copies are published, and their scheme; GGUF files are unpacked at loading. */
const COPY_SUFFIXES: readonly (readonly [RegExp, Quantization])[] = [
  [/-(unsloth-)?bnb-4bit$/i, 'nf4-double'],
  [/-bnb-8bit$/i, 'int8'],
  [/-bnb-nf4(-bf16)?$/i, 'nf4'],
  [/-awq(-int4|-4bit)?$/i, 'awq-int4'],
  [/-gptq-(int8|8bit)$/i, 'gptq-int8'],
  [/-gptq(-int4|-4bit)?$/i, 'gptq-int4'],
  [/[-.](quantized\.)?w4a16(-g?\d+)?$/i, 'gptq-int4'],
  [/[-.](quantized\.)?w8a(8|16)$/i, 'gptq-int8'],
  [/-int4$/i, 'gptq-int4'],
  [/-int8$/i, 'gptq-int8'],
  [/-fp8([-_](dynamic|block|kv|static-pertensor))?$/i, 'fp8'],
  [/-(nvfp4|fp4)(-fp8)?$/i, 'fp4'],
  [/-mxfp4$/i, 'mxfp4'],
  [/-(bf16|fp16)$/i, 'none'],
  [/-gguf$/i, 'none'],
]

/** data/models.json: [id, parameters, source, aliases, values of `fields`, other fields, what surrounds a text model]. */
type Row = readonly unknown[]

/** Marks a field of a packed row that config.json does not have; null is a value. */
const ABSENT = ''

let index: ReadonlyMap<string, Row> | undefined
let leaves: ReadonlyMap<string, ReadonlySet<Row>> | undefined

function namesOf([id, , , aliases]: Row): readonly string[] {
  return [id, ...(Array.isArray(aliases) ? aliases : [])].map(String)
}

function configOf([, , , , values, other, outer]: Row): object {
  const named = Array.isArray(values) ? values.map((value, at) => [data.fields[at], value] as const) : []
  const flat = { ...Object.fromEntries(named.filter(([, value]) => value !== ABSENT)), ...asObject(other) }
  return outer === undefined ? flat : { ...asObject(outer), text_config: flat }
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function rowsByName(): ReadonlyMap<string, Row> {
  index ??= new Map(data.models.flatMap(row => namesOf(row).map(name => [name.toLowerCase(), row] as const)))
  return index
}

/** Owners whose repositories are copies of others' under the same name. */
const MIRRORS = new Set([
  'unsloth',
  'nousresearch',
  'modelscope',
  'llm-research',
  'ai-modelscope',
  'lmstudio-community',
])

/** Under this owner a name is looked up whoever publishes it. */
const ANY_MIRROR = 'unsloth'

/** A model of the embedded catalogue by id, alias, mirror or quantised copy; null: not there. */
export function findInCatalogue(id: string): CatalogueModel | null {
  const name = id.toLowerCase()
  const suffix = COPY_SUFFIXES.find(([pattern]) => pattern.test(name))
  const scheme = suffix?.[1] ?? 'none'
  const exact = rowsByName().get(name)
  if (exact) return toModel(exact, scheme)
  const base = suffix ? name.replace(suffix[0], '') : name
  const [owner = '', leaf] = name.split('/')
  // a name that says it is a quantised copy names its original whoever publishes it
  const original =
    (MIRRORS.has(owner) ? uniqueLeaf(leaf) : undefined) ??
    (suffix ? (rowsByName().get(base) ?? uniqueLeaf(base.split('/')[1])) : undefined)
  return original ? toModel(original, scheme) : null
}

/** A name that says how large the model is: folders called so hold it, or what was trained from it. */
const SIZED_NAME = /(?:^|[-_.])\d+(?:\.\d+)?[bm](?:[-_.]|$)/i

/**
 * The model that a folder outside the repository is named after: by the Hub cache's `models--OWNER--NAME`, by its last two
 * names, or by its last name alone where that says a size and one model of the catalogue bears it. null: none.
 */
export function findByFolder(path: string): CatalogueModel | null {
  const names = path.split('/').filter(name => name !== '' && name !== 'config.json')
  const cached = names.map(name => /^models--(.+?)--(.+)$/.exec(name)).find(match => match !== null)
  if (cached) return findInCatalogue(`${cached[1]}/${cached[2]}`)
  const [owner, leaf] = [names.at(-2), names.at(-1)]
  if (leaf === undefined || !SIZED_NAME.test(leaf)) return null
  const named = owner === undefined ? null : findInCatalogue(`${owner}/${leaf}`)
  return named ?? findInCatalogue(leaf.replace('__', '/')) ?? findInCatalogue(`${ANY_MIRROR}/${leaf}`)
}

/** The one row whose name after the owner is `leaf`, or that and `-hf`. */
function uniqueLeaf(leaf: string | undefined): Row | undefined {
  if (leaf === undefined) return undefined
  leaves ??= groupByLeaf()
  const rows = leaves.get(leaf) ?? leaves.get(`${leaf}-hf`)
  return rows?.size === 1 ? [...rows][0] : undefined
}

function groupByLeaf(): ReadonlyMap<string, ReadonlySet<Row>> {
  const groups = new Map<string, Set<Row>>()
  for (const [name, row] of rowsByName()) {
    const leaf = name.split('/')[1] ?? name
    groups.set(leaf, (groups.get(leaf) ?? new Set()).add(row))
  }
  return groups
}

/** Rows whose id or alias contains every word; all for an empty query. */
export function searchCatalogue(query: string): readonly CatalogueModel[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  return data.models
    .filter(row => {
      const names = namesOf(row).join(' ').toLowerCase()
      return words.every(word => names.includes(word))
    })
    .map(row => toModel(row, 'none'))
}

/** One object per row and scheme, so that what is read from its config can be remembered. */
const models = new Map<Row, Map<Quantization, CatalogueModel>>()

function toModel(row: Row, quantization: Quantization): CatalogueModel {
  const known = models.get(row) ?? new Map<Quantization, CatalogueModel>()
  models.set(row, known)
  const model = known.get(quantization) ?? createModel(row, quantization)
  known.set(quantization, model)
  return model
}

function createModel(row: Row, quantization: Quantization): CatalogueModel {
  const [id = '', ...aliases] = namesOf(row)
  const [, parameters, source] = row
  return {
    id,
    aliases,
    config: { ...configOf(row), ...(quantization === 'none' ? {} : { checkpoint_quantization: quantization }) },
    parameters: typeof parameters === 'number' ? parameters : null,
    source: String(source),
    asOf: data.asOf,
    quantization,
  }
}

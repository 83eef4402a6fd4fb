import type { ConfigNode, Scalar } from '../formats/config-document.ts'
import { parseDocument } from '../formats/parse-document.ts'
import { searchCatalogue } from '../models/catalogue.ts'
import type { LaunchArgument } from './launch-arguments.ts'
import type { Place, ShellWord } from './shell/shell-word.ts'

/** A command's arguments as the mapping a config file would hold. */
export interface ArgumentNode {
  readonly root: ConfigNode
  /** Keys that a reader asked for whose value hangs on a variable nobody set. */
  askedUnresolved(): readonly UnresolvedArgument[]
}

export interface UnresolvedArgument extends Place {
  readonly key: string
  readonly variables: readonly string[]
}

type Tree = Map<string, Tree | ConfigNode | UnresolvedArgument>

/** Entries that note which unresolved keys were asked for; those read as absent. */
class ArgumentEntries extends Map<string, ConfigNode> {
  readonly #unresolved: ReadonlyMap<string, UnresolvedArgument>
  readonly #asked: Set<UnresolvedArgument>

  constructor(unresolved: ReadonlyMap<string, UnresolvedArgument>, asked: Set<UnresolvedArgument>) {
    super()
    this.#unresolved = unresolved
    this.#asked = asked
  }

  override get(key: string): ConfigNode | undefined {
    this.#note(key)
    return super.get(key)
  }

  override has(key: string): boolean {
    this.#note(key)
    return super.has(key)
  }

  #note(key: string): void {
    const unresolved = this.#unresolved.get(key)
    if (unresolved !== undefined) this.#asked.add(unresolved)
  }
}

/**
 * Arguments to a mapping with the places of the script. Dotted keys nest, a bare flag is true, several values are a
 * list, `[…]` and `{…}` are read as YAML; the last of repeated keys wins. `under` is the config file that the
 * arguments override.
 */
export function argumentsToNode(path: string, named: readonly LaunchArgument[], under?: ConfigNode): ArgumentNode {
  const tree: Tree = new Map()
  for (const argument of named) {
    const keys = argument.key.split('.').slice(0, 16)
    insert(tree, keys, valueNode(path, argument))
    const negated = argument.values.length === 0 && /^no_(\w+)$/.exec(argument.key)?.[1]
    if (negated && !tree.has(negated)) insert(tree, [negated], scalarNode(path, argument, false))
  }
  const asked = new Set<UnresolvedArgument>()
  const root = build({ path, tree, under, asked, place: named[0]?.flag ?? { line: 1, column: 1 } })
  return { root, askedUnresolved: () => [...asked] }
}

/** One more entry with a plain value, e.g. what the launcher says about the run. */
export function syntheticArgument(key: string, value: ShellWord): LaunchArgument {
  return { key, flag: value, values: [value], style: 'flag' }
}

interface BuildOptions {
  readonly path: string
  readonly tree: Tree
  readonly under: ConfigNode | undefined
  readonly asked: Set<UnresolvedArgument>
  readonly place: Place
}

function build({ path, tree, under, asked, place }: BuildOptions): ConfigNode {
  const unresolved = new Map<string, UnresolvedArgument>()
  const entries = new ArgumentEntries(unresolved, asked)
  const below = under?.kind === 'mapping' ? under.entries : new Map<string, ConfigNode>()
  for (const [key, node] of below) if (!tree.has(key)) entries.set(key, node)
  for (const [key, value] of tree) {
    if (value instanceof Map)
      entries.set(key, build({ path, tree: value, under: below.get(key), asked, place: firstPlace(value) ?? place }))
    else if ('variables' in value) unresolved.set(key, value)
    else entries.set(key, value)
  }
  const at = under ?? { path, line: place.line, column: place.column, keyLine: place.line, keyColumn: place.column }
  const { line, column, keyLine, keyColumn } = at
  const open = new Set(unresolved.keys())
  return { path: at.path, line, column, keyLine, keyColumn, kind: 'mapping', scalar: null, items: [], entries, open }
}

function firstPlace(tree: Tree): Place | undefined {
  for (const value of tree.values()) {
    const place = value instanceof Map ? firstPlace(value) : value
    if (place !== undefined) return place
  }
  return undefined
}

function insert(tree: Tree, keys: readonly string[], value: ConfigNode | UnresolvedArgument): void {
  const [key = '', ...rest] = keys
  if (rest.length === 0) {
    tree.delete(key)
    tree.set(key, value)
    return
  }
  const known = tree.get(key)
  const child: Tree = known instanceof Map ? known : new Map()
  tree.set(key, child)
  insert(child, rest, value)
}

function valueNode(path: string, argument: LaunchArgument): ConfigNode | UnresolvedArgument {
  const { flag, key, values } = argument
  const [first] = values
  const known = values.map(tailOfPath)
  const variables = [...new Set(known.flatMap(value => value.unresolved))]
  if (variables.length > 0) return { key, variables, line: flag.line, column: flag.column }
  if (first === undefined) return scalarNode(path, argument, true)
  const items = known.map(value => textNode(path, argument, value))
  const [only] = items
  if (items.length === 1 && only !== undefined) return only
  return { ...scalarNode(path, argument, null), kind: 'sequence', items }
}

const STORAGE_FOLDER =
  /^(?:models?|ckpts?|checkpoints?|data\w*|weights|hub|huggingface|hf_?\w*|outputs?|pretrained\w*)\//i

/**
 * `$ROOT/…/Org/Name`: a model kept below a folder that only the machine knows; its Hub name is the end of the path, or
 * the one model of the catalogue with that last name.
 */
function tailOfPath(word: ShellWord): ShellWord {
  if (word.unresolved.length === 0) return word
  const match = /^\$[^/]*(?:\/[^/$]+)*?\/(?:([\w.-]+)\/)?([\w.-]+)\/?$/.exec(word.text)
  const name = match?.[2]
  if (name === undefined || !/\d+(?:\.\d+)?[bBmM](?:\b|-|_)/.test(name)) return word
  const full = `${match?.[1] ?? ''}/${name}`
  if (match?.[1] !== undefined && !STORAGE_FOLDER.test(full) && /^\$[^$]*\/[^/]+\/[^/]+\/?$/.test(word.text))
    return { ...word, text: full, unresolved: [] }
  const known = searchCatalogue(name).filter(({ id }) => id.toLowerCase().endsWith(`/${name.toLowerCase()}`))
  const [only] = known
  return known.length === 1 && only !== undefined ? { ...word, text: only.id, unresolved: [] } : word
}

function textNode(path: string, argument: LaunchArgument, value: ShellWord): ConfigNode {
  if (/^\s*[[{]/.test(value.text)) {
    const root = parseDocument(`${path}.yaml`, value.text).roots[0]
    if (root !== undefined) return relocated(root, path, argument, value)
  }
  return { ...scalarNode(path, argument, scalarOf(value.text)), line: value.line, column: value.column }
}

function relocated(node: ConfigNode, path: string, argument: LaunchArgument, value: Place): ConfigNode {
  const { flag } = argument
  const place = { path, line: value.line, column: value.column, keyLine: flag.line, keyColumn: flag.column }
  const items = node.items.map(item => relocated(item, path, argument, value))
  const entries = new Map(
    [...node.entries].map(([key, child]) => [key, relocated(child, path, argument, value)] as const),
  )
  return { ...place, kind: node.kind, scalar: node.scalar, items, entries }
}

function scalarNode(path: string, { flag }: LaunchArgument, scalar: Scalar): ConfigNode {
  const place = { line: flag.line, column: flag.column, keyLine: flag.line, keyColumn: flag.column }
  return { path, ...place, kind: 'scalar', scalar, items: [], entries: new Map() }
}

function scalarOf(written: string): Scalar {
  const text = /^(['"])([\s\S]*)\1$/.exec(written)?.[2] ?? written
  if (/^(?:null|None|~)$/.test(text)) return null
  if (/^[Tt]rue$/.test(text)) return true
  if (/^[Ff]alse$/.test(text)) return false
  const number = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN
  return Number.isFinite(number) && !/^[-+]?0\d/.test(text) ? number : text
}

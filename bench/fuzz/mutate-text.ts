import fc from 'fast-check'
import { parseDocument, stringify } from 'yaml'
import { INJECTIONS, OBJECT_WORDS, PATTERNS, PLACES, SCALARS, SECRETS } from './hostile-values.ts'

/** One change of a config. `at` and `choice` are reduced to what the text has. */
export interface Mutation {
  readonly kind: (typeof KINDS)[number]
  readonly at: number
  readonly choice: number
}

/** Often the gentle ones: a text that nobody recognises tests little. */
const KINDS = [
  'value',
  'value',
  'value',
  'text',
  'text',
  'key',
  'remove',
  'repeat',
  'wrap',
  'graft',
  'tag',
  'cut',
  'flip',
  'insert',
  'line',
] as const

export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), at: fc.nat(100_000), choice: fc.nat(100_000) }),
  { minLength: 1, maxLength: 4 },
)

const TEXTS = [...INJECTIONS, ...PLACES, ...OBJECT_WORDS, ...PATTERNS, ...SECRETS]

/** The text after the changes, made on its tree while it is YAML or JSON, on its lines else. */
export function mutateText(text: string, changes: readonly Mutation[], others: readonly string[]): string {
  return changes.reduce((current, change) => {
    if (change.kind === 'cut') return current.slice(0, change.at % (current.length + 1))
    if (change.kind === 'flip') return flip(current, change)
    if (change.kind === 'insert') return insert(current, pick(TEXTS, change.choice), change.at)
    if (change.kind === 'line') return repeatLine(current, change)
    return mutateTree(current, change, others) ?? mutateWord(current, change)
  }, text)
}

function pick<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length]
  if (item === undefined) throw new Error('an empty list')
  return item
}

function flip(text: string, { at, choice }: Mutation): string {
  const place = at % Math.max(1, text.length)
  const code = (text.charCodeAt(place) || 32) ^ (1 << (choice % 7))
  return text.slice(0, place) + String.fromCharCode(code) + text.slice(place + 1)
}

function insert(text: string, added: string, at: number): string {
  const place = at % (text.length + 1)
  return text.slice(0, place) + added + text.slice(place)
}

function repeatLine(text: string, { at, choice }: Mutation): string {
  const lines = text.split('\n')
  const times = 2 + (choice % 3)
  return lines
    .flatMap((line, index) => (index === at % lines.length ? Array.from({ length: times }, () => line) : line))
    .join('\n')
}

/** A word after `key=` or `--key ` in text that is no tree. */
function mutateWord(text: string, { at, choice }: Mutation): string {
  const words = [...text.matchAll(/(?<=[=: ])[^\s=:'"\\]+(?=\s|$)/g)]
  const word = words[at % Math.max(1, words.length)]
  if (word === undefined) return text
  const value = choice % 2 === 0 ? pick(SCALARS, choice >> 1) : pick(TEXTS, choice >> 1)
  return text.slice(0, word.index) + value + text.slice(word.index + word[0].length)
}

interface Slot {
  readonly holder: object
  readonly key: string | number
}

function slotsOf(value: unknown): readonly Slot[] {
  if (typeof value !== 'object' || value === null) return []
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value)
  return keys.flatMap(key => [{ holder: value, key }, ...slotsOf(Reflect.get(value, key))])
}

/** Stands for YAML source until the tree is written. */
const SOURCE_MARK = '\uE000'

/** null: the text is no tree. */
function mutateTree(text: string, { kind, at, choice }: Mutation, others: readonly string[]): string | null {
  const tree = treeOf(text)
  const slots = slotsOf(tree)
  if (slots.length === 0) return null
  const { holder, key } = pick(slots, at)
  const value: unknown = Reflect.get(holder, key)
  const set = (name: string | number, next: unknown): void => {
    Object.defineProperty(holder, name, { value: next, enumerable: true, configurable: true, writable: true })
  }
  let source = ''
  if (kind === 'value' || kind === 'tag') {
    source = kind === 'tag' ? `!${pick(OBJECT_WORDS, choice)} x` : pick(SCALARS, choice)
    set(key, SOURCE_MARK)
  } else if (kind === 'text') set(key, pick(TEXTS, choice))
  else if (kind === 'repeat') set(key, Array(choice % 5).fill(value))
  else if (kind === 'wrap') set(key, { [pick(OBJECT_WORDS, choice)]: value, x: [value] })
  else if (kind === 'graft') {
    const graft = slotsOf(treeOf(pick(others, choice))).at(choice % 7)
    if (graft)
      set(
        typeof graft.key === 'string' && !Array.isArray(holder) ? graft.key : key,
        Reflect.get(graft.holder, graft.key),
      )
  } else {
    Reflect.deleteProperty(holder, key)
    if (kind === 'key' && !Array.isArray(holder)) set(pick(TEXTS, choice), value)
  }
  return stringify(tree, { lineWidth: 0, aliasDuplicateObjects: false }).replace(SOURCE_MARK, () => source)
}

function treeOf(text: string): unknown {
  const document = parseDocument(text, { logLevel: 'silent' })
  try {
    return document.errors.length > 0 ? null : document.toJS({ maxAliasCount: 0 })
  } catch {
    return null
  }
}

import type { ConfigNode } from '../config-document.ts'

/** Words that a parser of arguments reads as false or nothing. */
const OFF = new Set(['', 'false', 'no', 'off', 'none', 'null', '0'])

/**
 * A config as its framework's checks look at it: what is written, as literals. A value that is known only at start is written,
 * and neither on, nor off, nor a number, nor a word: no check fires on it.
 */
export class Settings {
  readonly #root: ConfigNode
  readonly #entries = new Map<ConfigNode, ReadonlyMap<string, ConfigNode>>()

  constructor(root: ConfigNode) {
    this.#root = root
  }

  /** The value at a dotted path; null reads as absent. */
  node(key: string): ConfigNode | undefined {
    const node = this.#child(this.#root, key) ?? this.#at(key)
    return node === undefined || (node.kind === 'scalar' && node.scalar === null) ? undefined : node
  }

  isWritten(key: string): boolean {
    return this.node(key) !== undefined
  }

  /** Python's truth: neither false, nor nothing, nor zero, nor empty. */
  isOn(key: string): boolean {
    const node = this.node(key)
    if (node === undefined || isOpen(node)) return false
    if (node.kind !== 'scalar') return node.items.length > 0 || node.entries.size > 0
    return typeof node.scalar === 'string' ? !OFF.has(node.scalar.toLowerCase()) : Boolean(node.scalar)
  }

  /** Absent, or false in the same sense. */
  isOff(key: string): boolean {
    const node = this.node(key)
    return node === undefined || (!isOpen(node) && !this.isOn(key))
  }

  /** Written and false. */
  isFalse(key: string): boolean {
    return this.isWritten(key) && this.isOff(key)
  }

  /** Absent, or true in the same sense. */
  isNotFalse(key: string): boolean {
    return !this.isWritten(key) || this.isOn(key)
  }

  number(key: string): number | undefined {
    const scalar = this.node(key)?.scalar
    if (typeof scalar !== 'number' && (typeof scalar !== 'string' || scalar.trim() === '')) return undefined
    const value = Number(scalar)
    return Number.isFinite(value) ? value : undefined
  }

  /** The number, or what holds where none is written; undefined: known only at start. */
  numberOr(key: string, fallback: number): number | undefined {
    return this.isWritten(key) ? this.number(key) : fallback
  }

  /** A word in small letters; YAML's `no` is one. */
  word(key: string): string | undefined {
    const node = this.node(key)
    if (node === undefined || isOpen(node)) return undefined
    if (node.scalar === false) return 'no'
    return typeof node.scalar === 'string' ? node.scalar.toLowerCase() : undefined
  }

  /** The word, or what holds where none is written; undefined: known only at start. */
  wordOr(key: string, fallback: string): string | undefined {
    return this.isWritten(key) ? this.word(key) : fallback
  }

  #at(key: string): ConfigNode | undefined {
    return key.split('.').reduce<ConfigNode | undefined>((node, part) => node && this.#child(node, part), this.#root)
  }

  /** Looked up beside the reader's own reading, which notes what it asks for. */
  #child(node: ConfigNode, key: string): ConfigNode | undefined {
    const entries = this.#entries.get(node) ?? new Map(node.entries)
    this.#entries.set(node, entries)
    if (entries.has(key) || !node.open?.has(key)) return entries.get(key)
    return { ...node, kind: 'scalar', scalar: `$${key}`, items: [], entries: new Map() }
  }
}

/** Not a multiple of the other; false where one of the two is not known. */
export function isNoMultiple(a: number | undefined, b: number | undefined): boolean {
  return a !== undefined && b !== undefined && b !== 0 && a % b !== 0
}

/** A variable, or a hole of a template. */
function isOpen({ scalar }: ConfigNode): boolean {
  return typeof scalar === 'string' && /\$|\{\{/.test(scalar)
}

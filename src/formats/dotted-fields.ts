import type { Sourced } from '../plan/provenance.ts'
import type { ConfigNode } from './config-document.ts'
import type { Fields } from './fields.ts'

interface Range {
  readonly min?: number
  readonly max?: number
}

/** {@link Fields} by dotted path, for configs that nest as deep as Hydra's. Absent on any level reads as absent. */
export class DottedFields {
  readonly #root: Fields
  readonly #scopes = new Map<string, Fields | undefined>()

  constructor(root: Fields) {
    this.#root = root
  }

  isSet(path: string): boolean {
    const [scope, key] = this.#place(path)
    return scope?.isSet(key) ?? false
  }

  node(path: string): ConfigNode | undefined {
    const [scope, key] = this.#place(path)
    return scope?.raw(key)
  }

  string(path: string): Sourced<string> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.string(key)
  }

  strings(path: string): Sourced<readonly string[]> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.strings(key)
  }

  oneOf<T extends string>(path: string, values: readonly T[]): Sourced<T> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.oneOf(key, values)
  }

  boolean(path: string): Sourced<boolean> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.boolean(key)
  }

  number(path: string, range: Range = {}): Sourced<number> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.number(key, range)
  }

  integer(path: string, range: Range = {}): Sourced<number> | undefined {
    const [scope, key] = this.#place(path)
    return scope?.integer(key, range)
  }

  /** −1, 0 and `False` read as absent. */
  positive(path: string): Sourced<number> | undefined {
    if (this.node(path)?.scalar === false) return undefined
    const read = this.integer(path, { min: -1, max: 1e12 })
    return read && read.value > 0 ? read : undefined
  }

  isOn(path: string): boolean {
    return this.boolean(path)?.value === true
  }

  /** The mapping at a path as flat fields. */
  scope(path: string): Fields | undefined {
    if (path === '') return this.#root
    if (!this.#scopes.has(path)) {
      const [parent, key] = this.#place(path)
      this.#scopes.set(path, parent?.raw(key)?.kind === 'mapping' ? parent.mapping(key) : undefined)
    }
    return this.#scopes.get(path)
  }

  #place(path: string): readonly [Fields | undefined, string] {
    const dot = path.lastIndexOf('.')
    return dot < 0 ? [this.#root, path] : [this.scope(path.slice(0, dot)), path.slice(dot + 1)]
  }
}

/** The tree without values that interpolate others (`${…}`), which only the framework can fill in; itself if it has none. */
export function withoutInterpolations(node: ConfigNode): ConfigNode {
  const entries = new Map<string, ConfigNode>()
  let changed = false
  for (const [key, child] of node.entries) {
    const interpolated = typeof child.scalar === 'string' && child.scalar.includes('${')
    const kept = interpolated ? undefined : withoutInterpolations(child)
    changed ||= kept !== child
    if (kept !== undefined) entries.set(key, kept)
  }
  return changed ? { ...node, entries } : node
}

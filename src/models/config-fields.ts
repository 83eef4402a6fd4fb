/** The fields of a Hugging Face config.json, read by any of their spellings. Values of the wrong kind read as absent. */
export class ConfigFields {
  readonly #fields: ReadonlyMap<string, unknown>
  readonly #defaults: Readonly<Record<string, unknown>>

  constructor(config: unknown, defaults: Readonly<Record<string, unknown>> = {}) {
    this.#fields = new Map(typeof config === 'object' && config !== null ? Object.entries(config) : [])
    this.#defaults = defaults
  }

  withDefaults(defaults: Readonly<Record<string, unknown>>): ConfigFields {
    return new ConfigFields(Object.fromEntries(this.#fields), defaults)
  }

  /** The keys of nested blocks counted as the model's own; what the model writes itself wins. */
  including(blocks: readonly string[]): ConfigFields {
    const inner = blocks.flatMap(key => Object.entries(this.nested(key)?.plain() ?? {}))
    return new ConfigFields({ ...Object.fromEntries(inner), ...this.plain() }, this.#defaults)
  }

  /** Fields under the canonical names of one stack: `{num_hidden_layers: ['encoder_layers']}`. */
  renamed(names: Readonly<Record<string, readonly string[]>>): ConfigFields {
    const own = Object.entries(names).flatMap(([name, keys]) => {
      const value = this.raw(...keys)
      return value === undefined || value === null ? [] : [[name, value] as const]
    })
    return new ConfigFields({ ...this.plain(), ...Object.fromEntries(own) }, this.#defaults)
  }

  plain(): Readonly<Record<string, unknown>> {
    return Object.fromEntries(this.#fields)
  }

  /** Number of keys. */
  get size(): number {
    return this.#fields.size
  }

  /** The key is written, possibly as null. */
  has(key: string): boolean {
    return this.#fields.has(key)
  }

  /** The written value of the first spelling that is present; else the class default of the first that has one. */
  raw(...keys: readonly string[]): unknown {
    for (const key of keys) if (this.#fields.has(key)) return this.#fields.get(key)
    for (const key of keys) if (Object.hasOwn(this.#defaults, key)) return this.#defaults[key]
    return undefined
  }

  number(...keys: readonly string[]): number | null {
    const value = this.raw(...keys)
    return typeof value === 'number' && Number.isFinite(value) ? value : null
  }

  boolean(key: string, otherwise = false): boolean {
    const value = this.raw(key)
    return typeof value === 'boolean' ? value : otherwise
  }

  text(...keys: readonly string[]): string | null {
    const value = this.raw(...keys)
    return typeof value === 'string' ? value : null
  }

  texts(key: string): readonly string[] {
    const value = this.raw(key)
    return Array.isArray(value) ? value.filter(item => typeof item === 'string') : []
  }

  nested(key: string): ConfigFields | null {
    const value = this.raw(key)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? new ConfigFields(value) : null
  }
}

import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { Origin, Sourced } from '../plan/provenance.ts'
import { isSecretKey } from '../plan/without-secrets.ts'
import type { ConfigNode, Scalar } from './config-document.ts'

interface FieldsOptions {
  readonly node: ConfigNode
  /** Collects what is wrong. */
  readonly findings: Finding[]
  readonly from?: Origin
  /** Dotted prefix for messages and provenance keys. */
  readonly prefix?: string
}

interface Range {
  readonly min?: number
  readonly max?: number
}

/**
 * Typed access to one mapping. Every getter returns the value with its provenance, or undefined when the key is absent
 * or null (PyYAML's None); a value of the wrong kind adds an `invalid-value` finding and reads as absent. Strings that
 * hold numbers are accepted as the trainers' dataclass parsers accept them.
 */
export class Fields {
  readonly node: ConfigNode
  readonly #findings: Finding[]
  readonly #from: Origin
  readonly #prefix: string
  readonly #read = new Set<string>()

  constructor(options: FieldsOptions) {
    this.node = options.node
    this.#findings = options.findings
    this.#from = options.from ?? 'file'
    this.#prefix = options.prefix ?? ''
  }

  has(key: string): boolean {
    return this.node.entries.has(key)
  }

  /** The key is written and its value is not null. */
  isSet(key: string): boolean {
    const node = this.node.entries.get(key)
    return node !== undefined && !(node.kind === 'scalar' && node.scalar === null)
  }

  raw(key: string): ConfigNode | undefined {
    this.#read.add(key)
    return this.node.entries.get(key)
  }

  string(key: string): Sourced<string> | undefined {
    return this.#scalar(key, 'text', value => (typeof value === 'boolean' ? undefined : String(value)))
  }

  /** A currency code, in capitals. */
  currency(key: string): Sourced<string> | undefined {
    return this.#scalar(key, 'a currency code of three letters such as USD', value =>
      typeof value === 'string' && /^[A-Za-z]{3}$/.test(value) ? value.toUpperCase() : undefined,
    )
  }

  boolean(key: string): Sourced<boolean> | undefined {
    return this.#scalar(key, 'true or false', readBoolean)
  }

  number(key: string, range: Range = {}): Sourced<number> | undefined {
    return this.#scalar(key, describeRange('a number', range), value => within(readNumber(value), range))
  }

  integer(key: string, range: Range = {}): Sourced<number> | undefined {
    return this.#scalar(key, describeRange('a whole number', range), value => {
      const number = within(readNumber(value), range)
      return number !== undefined && Number.isSafeInteger(number) ? number : undefined
    })
  }

  oneOf<T extends string>(key: string, values: readonly T[]): Sourced<T> | undefined {
    return this.#scalar(key, `one of ${values.join(', ')}`, value => values.find(candidate => candidate === value))
  }

  /** A list of texts; a single text counts as a list of one. */
  strings(key: string): Sourced<readonly string[]> | undefined {
    const node = this.#present(key)
    if (node === undefined) return undefined
    const scalars = node.kind === 'sequence' ? node.items : [node]
    const values: string[] = []
    for (const item of scalars) {
      if (item.kind !== 'scalar' || item.scalar === null) return this.#invalid(key, node, 'a list of names')
      values.push(String(item.scalar))
    }
    return this.#sourced(key, node, values)
  }

  /** A nested mapping; undefined when absent, null or something else (then with a finding). */
  mapping(key: string): Fields | undefined {
    const node = this.#present(key)
    if (node === undefined) return undefined
    if (node.kind !== 'mapping') return this.#invalid(key, node, 'a mapping')
    return new Fields({ node, findings: this.#findings, from: this.#from, prefix: `${this.#prefix}${key}.` })
  }

  /** Provenance of a key that was read through {@link raw}. */
  sourced<T>(key: string, value: T, note?: string): Sourced<T> {
    const node = this.node.entries.get(key)
    const base: Sourced<T> = { value, from: this.#from, path: this.node.path, key: this.#prefix + key }
    return { ...base, ...(node ? { line: node.keyLine, column: node.keyColumn } : {}), ...(note ? { note } : {}) }
  }

  /** Adds `invalid-value` for a key that was read through {@link raw}. */
  invalid(key: string, expected: string): undefined {
    const node = this.node.entries.get(key)
    return node ? this.#invalid(key, node, expected) : undefined
  }

  /** Keys nobody asked for. */
  unread(): readonly string[] {
    return [...this.node.entries.keys()].filter(key => !this.#read.has(key))
  }

  #present(key: string): ConfigNode | undefined {
    this.#read.add(key)
    const node = this.node.entries.get(key)
    return node === undefined || (node.kind === 'scalar' && node.scalar === null) ? undefined : node
  }

  #scalar<T>(
    key: string,
    expected: string,
    convert: (value: string | number | boolean) => T | undefined,
  ): Sourced<T> | undefined {
    const node = this.#present(key)
    if (node === undefined) return undefined
    const variable = unsetVariable(node.scalar)
    if (variable?.fallback !== undefined) {
      const value = convert(variable.fallback)
      if (value !== undefined) return this.#sourced(key, node, value)
    }
    if (variable) return this.#unresolved(key, node, variable.name)
    const value = node.kind === 'scalar' && node.scalar !== null ? convert(node.scalar) : undefined
    if (value !== undefined) return this.#sourced(key, node, value)
    const swept = sweptValues(node).map(convert)
    const numbers = swept.filter(candidate => typeof candidate === 'number')
    if (numbers.length > 1 && numbers.length === swept.length) return this.#mostDemanding(key, node, numbers, convert)
    return this.#invalid(key, node, expected)
  }

  /** A list of values to try: memory grows with every number that may be swept, so the largest counts. */
  #mostDemanding<T>(
    key: string,
    node: ConfigNode,
    numbers: readonly number[],
    convert: (value: number) => T | undefined,
  ): Sourced<T> | undefined {
    const most = Math.max(...numbers)
    const value = convert(most)
    if (value === undefined) return undefined
    const list = numbers.slice(0, 8).join(', ')
    const message = `\`${this.#prefix}${key}\` lists ${list}; read with ${most}, the most demanding.`
    this.#findings.push(finding('swept-values', { path: node.path, line: node.line, column: node.column, message }))
    return this.#sourced(key, node, value)
  }

  #unresolved(key: string, node: ConfigNode, name: string): undefined {
    const message = `\`${this.#prefix}${key}\` is the variable ${name}, which the repository does not set.`
    this.#findings.push(
      finding('unresolved-variable', { path: node.path, line: node.line, column: node.column, message }),
    )
    return undefined
  }

  #sourced<T>(key: string, node: ConfigNode, value: T): Sourced<T> {
    const place = { path: node.path, line: node.keyLine, column: node.keyColumn }
    return { value, from: this.#from, ...place, key: this.#prefix + key }
  }

  #invalid(key: string, node: ConfigNode, expected: string): undefined {
    const scalar = isSecretKey(key) ? 'a value that is not shown' : JSON.stringify(node.scalar)
    const found = node.kind === 'scalar' ? shortened(scalar) : `a ${node.kind}`
    const message = `\`${this.#prefix}${key}\` is ${found}; expected ${expected}.`
    this.#findings.push(finding('invalid-value', { path: node.path, line: node.line, column: node.column, message }))
    return undefined
  }
}

/** A message names a value; it does not repeat a page of it. */
function shortened(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 198)}…"`
}

const BOOLEAN_WORDS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  t: true,
  '1': true,
  false: false,
  no: false,
  off: false,
  n: false,
  f: false,
  '0': false,
}

function readBoolean(value: string | number | boolean): boolean | undefined {
  if (typeof value === 'boolean') return value
  const word = String(value).toLowerCase()
  return Object.hasOwn(BOOLEAN_WORDS, word) ? BOOLEAN_WORDS[word] : undefined
}

function readNumber(value: string | number | boolean): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || !/^[-+]?\d*\.?\d*([eE][-+]?\d+)?$/.test(value.replaceAll('_', ''))) return undefined
  const number = /\d/.test(value) ? Number(value.replaceAll('_', '')) : Number.NaN
  return Number.isFinite(number) ? number : undefined
}

function within(value: number | undefined, range: Range): number | undefined {
  if (value === undefined) return undefined
  return value >= (range.min ?? -Infinity) && value <= (range.max ?? Infinity) ? value : undefined
}

function describeRange(kind: string, range: Range): string {
  if (range.min !== undefined && range.min === range.max) return String(range.min)
  if (range.min !== undefined && range.max !== undefined)
    return `${kind} from ${range.min} to ${range.max.toLocaleString('en-US')}`
  if (range.min !== undefined) return `${kind} of at least ${range.min}`
  return range.max !== undefined ? `${kind} of at most ${range.max}` : kind
}

/** `${NAME}`, `$NAME`, `${NAME:-fallback}`, OmegaConf’s `${oc.env:NAME,fallback}` or a template’s `{{ name }}` as the whole value. */
function unsetVariable(scalar: Scalar): { readonly name: string; readonly fallback: string | undefined } | undefined {
  if (typeof scalar !== 'string' || !/^(?:\$|\{\{)/.test(scalar)) return undefined
  const template = /^\{\{[-~]?([^{}]{1,80})\}\}$/.exec(scalar)?.[1]
  if (template !== undefined) return { name: template.replace(/-$/, '').trim(), fallback: undefined }
  const shell = /^\$(?:\{([A-Za-z_]\w*)(?::?-([^{}]*))?\}|([A-Za-z_]\w*))$/.exec(scalar)
  if (shell) return { name: shell[1] ?? shell[3] ?? '', fallback: shell[2] }
  const omega = /^\$\{(?:oc\.)?env:\s*([A-Za-z_]\w*)\s*(?:,\s*([^{}]*))?\}$/.exec(scalar)
  return omega ? { name: omega[1] ?? '', fallback: omega[2] } : undefined
}

/** The scalars of a list, or of a text with commas as Hydra’s multirun takes it. */
function sweptValues(node: ConfigNode): readonly (string | number | boolean)[] {
  if (node.kind === 'sequence') return node.items.map(({ scalar }) => scalar ?? '')
  return typeof node.scalar === 'string' && node.scalar.includes(',')
    ? node.scalar.split(',').map(part => part.trim())
    : []
}

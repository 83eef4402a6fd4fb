import { arithmetic } from './shell-arithmetic.ts'
import { substitution } from './shell-substitution.ts'
import type { ExpansionBudget, ShellVariables, Variable } from './shell-variables.ts'
import type { Fragment, ParameterPart, Place, RawWord, ShellWord, WordPart } from './shell-word.ts'

const MAX_DEPTH = 32

/** Expands words as bash does: parameters, arrays, arithmetic, word splitting. Unknown values stay as `$NAME`. */
export class ShellExpander {
  readonly #variables: ShellVariables
  readonly #budget: ExpansionBudget
  #depth = 0

  constructor(variables: ShellVariables, budget: ExpansionBudget) {
    this.#variables = variables
    this.#budget = budget
  }

  /** The words one written word becomes: none for an empty unquoted variable, several for `"${ARRAY[@]}"`. */
  words(raw: RawWord): readonly (readonly Fragment[])[] {
    const words = new WordBuilder()
    if (this.#budget.exhausted) return []
    for (const part of raw.parts) this.#add(part, words)
    const result = words.finish().filter(word => word.some(({ text }) => text !== '') || !this.#expandsToNothing(raw))
    for (const word of result) this.#budget.spend(word.length + word.reduce((sum, { text }) => sum + text.length, 0))
    return result
  }

  /** The word as one value, not split: the right side of an assignment, a `case` subject. */
  value(parts: readonly WordPart[]): readonly Fragment[] {
    if (this.#budget.exhausted || this.#depth > MAX_DEPTH) return []
    this.#depth++
    const fragments = parts.flatMap(part =>
      this.#values(part).flatMap((value, index) => (index > 0 ? [space(part), ...value] : value)),
    )
    this.#depth--
    this.#budget.spend(fragments.length + fragments.reduce((sum, { text }) => sum + text.length, 0))
    return fragments
  }

  /** `"${ARRAY[@]}"` of an empty array is no word at all, unlike `""`. */
  #expandsToNothing(raw: RawWord): boolean {
    return raw.parts.some(part => part.kind === 'parameter' && part.index === '@' && this.#values(part).length === 0)
  }

  #add(part: WordPart, words: WordBuilder): void {
    const values = this.#values(part)
    if (part.kind === 'text') words.append(values[0] ?? [])
    else if (!part.quoted) {
      for (const [index, value] of values.entries()) {
        if (index > 0) words.end()
        words.split(value)
      }
    } else if (part.kind === 'parameter' && part.index === '@') {
      for (const [index, value] of values.entries()) {
        if (index > 0) words.end()
        words.append(value.length > 0 ? value : [textAt('', part)])
      }
    } else words.append(this.value([part]))
  }

  /** One value, or the elements of an array. */
  #values(part: WordPart): readonly (readonly Fragment[])[] {
    if (part.kind === 'text') return [[{ ...textAt(part.text, part), quoted: part.quoted }]]
    if (part.kind === 'arithmetic') return [[this.#arithmetic(part.source, part)]]
    if (part.kind === 'substitution') {
      const defaulted: string[] = []
      const text = substitution(part.source, name => this.#plainValue(name, defaulted))
      return [[text === null ? unknown(`$(${brief(part.source)})`, part) : textAt(text, part, defaulted)]]
    }
    return this.#parameter(part)
  }

  #parameter(part: ParameterPart): readonly (readonly Fragment[])[] {
    const variable = this.#lookup(part)
    if (part.length) return [[this.#length(variable, part)]]
    const elements = variable?.elements.map(value => value.map(fragment => ({ ...fragment, quoted: part.quoted })))
    const empty = elements === undefined || elements.every(value => value.every(({ text }) => text === ''))
    const operand = (): readonly Fragment[] => (part.operand === null ? [] : this.value(part.operand.parts))
    const otherwise = (): readonly Fragment[] => (elements === undefined ? defaultOf(part.name, operand()) : operand())
    switch (part.operator) {
      case ':-':
        return empty ? [otherwise()] : elements
      case '-':
        return elements ?? [otherwise()]
      case ':=':
      case '=': {
        if (elements !== undefined && (part.operator === '=' || !empty)) return elements
        const value = otherwise()
        this.#variables.set(part.name, { elements: [value], isArray: false })
        return [value]
      }
      case ':+':
        return empty ? [] : [operand()]
      case '+':
        return elements === undefined ? [] : [operand()]
      case '':
      case '@':
      case ':?':
      case '?':
        return elements ?? this.#unset(part)
      default:
        return elements === undefined ? this.#unset(part) : elements.map(value => this.#edited(part, value))
    }
  }

  #unset(part: ParameterPart): readonly (readonly Fragment[])[] {
    if (part.name === '@' || part.name === '*') return []
    if (part.index === '@' || part.index === '*') return []
    return [[unknown(part.name, part)]]
  }

  #lookup(part: ParameterPart): Variable | undefined {
    const { positional } = this.#variables
    if (part.name === '@' || part.name === '*')
      return positional === null ? undefined : { elements: positional, isArray: true }
    if (part.name === '#') return scalar(textAt(String(positional?.length ?? 0), part))
    if (part.name === '?') return scalar(textAt('0', part))
    if (/^[1-9]\d*$/.test(part.name)) {
      const value = positional?.[Number(part.name) - 1]
      return value === undefined
        ? positional === null
          ? undefined
          : scalar(textAt('', part))
        : { elements: [value], isArray: false }
    }
    const variable = this.#variables.get(part.name)
    if (variable === undefined) return part.name === 'PWD' ? scalar(textAt('.', part)) : undefined
    if (part.index === '@' || part.index === '*') return variable
    const index = part.index === null ? 0 : (arithmetic(this.#substituted(part.index).text) ?? Number.NaN)
    const element = variable.elements.at(index) ?? (variable.isOpen === true ? variable.elements[0] : undefined)
    return element === undefined || Number.isNaN(index) ? undefined : { elements: [element], isArray: false }
  }

  #length(variable: Variable | undefined, part: ParameterPart): Fragment {
    if (part.index === '@' || part.index === '*')
      return variable?.isOpen === true
        ? unknown(`#${part.name}[@]`, part)
        : textAt(String(variable?.elements.length ?? 0), part)
    const [value] = variable?.elements ?? []
    if (value === undefined || value.some(({ unresolved }) => unresolved.length > 0))
      return unknown(`#${part.name}`, part)
    return textAt(String(textOf(value).length), part)
  }

  /** `${X#prefix}`, `${X%suffix}`, `${X/a/b}`, `${X:0:2}`, `${X^^}`. */
  #edited(part: ParameterPart, value: readonly Fragment[]): readonly Fragment[] {
    const operand = part.operand === null ? [] : this.value(part.operand.parts)
    if ([...value, ...operand].some(({ unresolved }) => unresolved.length > 0)) return [unknown(part.name, part)]
    const edited = editText(part.operator, textOf(value), operand)
    return edited === null ? [unknown(part.name, part)] : [textAt(edited, value[0] ?? part, defaultedIn(value))]
  }

  #arithmetic(source: string, place: Place): Fragment {
    const { text, unresolved, defaulted } = this.#substituted(source)
    const value = unresolved.length > 0 ? null : arithmetic(text)
    if (value !== null) return textAt(String(value), place, defaulted)
    return { ...unknown(`$((${brief(source)}))`, place), ...(unresolved.length > 0 ? { unresolved } : {}) }
  }

  #substituted(source: string): Required<Pick<Fragment, 'text' | 'unresolved' | 'defaulted'>> {
    const unresolved: string[] = []
    const defaulted: string[] = []
    const text = source.replace(
      /\$?\{?(#?)([A-Za-z_]\w*)(?:\[[@*]\])?(?::-(\d+))?\}?|\$\{?(\d)\}?/g,
      (all, count: string, name: string, otherwise: string) => {
        const variable = name === undefined ? undefined : this.#variables.get(name)
        if (count === '#' && name !== undefined && variable?.isOpen !== true)
          return String(variable?.elements.length ?? 0)
        const value = name === undefined ? null : this.#plainValue(name, defaulted)
        if (value !== null && value !== '') return value
        if (otherwise !== undefined) {
          if (variable === undefined) defaulted.push(name)
          return otherwise
        }
        unresolved.push(name ?? all)
        return ' '
      },
    )
    return { text, unresolved, defaulted }
  }

  /** null: not known. Adds to `defaulted` what a known value hangs on. */
  #plainValue(name: string, defaulted: string[]): string | null {
    const value = this.#variables.get(name)?.elements[0]
    if (value === undefined || value.some(({ unresolved }) => unresolved.length > 0)) return null
    defaulted.push(...defaultedIn(value))
    return textOf(value)
  }
}

/** The word that fragments make, standing where its first text stands. */
export function joinFragments(fragments: readonly Fragment[], fallback: Place): ShellWord {
  const place = fragments.find(({ text }) => text !== '') ?? fragments[0] ?? fallback
  const unresolved = [...new Set(fragments.flatMap(fragment => fragment.unresolved))]
  const defaulted = defaultedIn(fragments)
  const word = { text: textOf(fragments), line: place.line, column: place.column, unresolved }
  return defaulted.length === 0 ? word : { ...word, defaulted }
}

/** The same text as what holds where `name` is not set. */
export function defaultOf(name: string, value: readonly Fragment[]): readonly Fragment[] {
  if (!/^[A-Za-z_]/.test(name)) return value
  return value.map(fragment => ({ ...fragment, defaulted: [name, ...(fragment.defaulted ?? [])] }))
}

function defaultedIn(fragments: readonly Fragment[]): readonly string[] {
  return [...new Set(fragments.flatMap(({ defaulted = [] }) => defaulted))]
}

export function textOf(fragments: readonly Fragment[]): string {
  return fragments.map(({ text }) => text).join('')
}

class WordBuilder {
  readonly #words: (readonly Fragment[])[] = []
  #current: Fragment[] = []

  append(fragments: readonly Fragment[]): void {
    this.#current.push(...fragments)
  }

  /** Unquoted: blanks end the word. */
  split(fragments: readonly Fragment[]): void {
    for (const fragment of fragments) {
      if (fragment.quoted || fragment.unresolved.length > 0) {
        this.append([fragment])
        continue
      }
      const pieces = fragment.text.matchAll(/(\s+)|(\S+)/g)
      for (const piece of pieces) {
        if (piece[1] !== undefined) this.end()
        else this.#current.push({ ...fragment, text: piece[0], column: fragment.column + piece.index })
      }
    }
  }

  end(): void {
    if (this.#current.length > 0) this.#words.push(this.#current)
    this.#current = []
  }

  finish(): readonly (readonly Fragment[])[] {
    this.end()
    return this.#words
  }
}

function editText(operator: string, text: string, operand: readonly Fragment[]): string | null {
  const pattern = textOf(operand)
  switch (operator) {
    case '^^':
      return text.toUpperCase()
    case ',,':
      return text.toLowerCase()
    case ':': {
      const match = /^\s*(\d+)(?::(\d+))?$/.exec(pattern)
      return match === null
        ? null
        : text.slice(Number(match[1]), match[2] === undefined ? undefined : Number(match[1]) + Number(match[2]))
    }
    case '#':
    case '##':
      return withoutPrefix(text, pattern, operator === '##')
    case '%':
    case '%%':
      return withoutSuffix(text, pattern, operator === '%%')
    case '/':
    case '//':
      return replaced(text, operand, operator === '//')
    default:
      return null
  }
}

function withoutPrefix(text: string, pattern: string, longest: boolean): string | null {
  const literal = pattern.startsWith('*') ? pattern.slice(1) : pattern
  if (/[*?[]/.test(literal)) return null
  if (!pattern.startsWith('*')) return text.startsWith(literal) ? text.slice(literal.length) : text
  const at = longest ? text.lastIndexOf(literal) : text.indexOf(literal)
  return at < 0 ? text : text.slice(at + literal.length)
}

function withoutSuffix(text: string, pattern: string, longest: boolean): string | null {
  const literal = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern
  if (/[*?[]/.test(literal)) return null
  if (!pattern.endsWith('*')) return text.endsWith(literal) ? text.slice(0, text.length - literal.length) : text
  const at = longest ? text.indexOf(literal) : text.lastIndexOf(literal)
  return at < 0 ? text : text.slice(0, at)
}

function replaced(text: string, operand: readonly Fragment[], all: boolean): string | null {
  const at = operand.findIndex(({ quoted, text: piece }) => !quoted && piece.includes('/'))
  const slash = operand[at]?.text.indexOf('/') ?? -1
  const before = textOf(operand.slice(0, at < 0 ? undefined : at)) + (operand[at]?.text.slice(0, slash) ?? '')
  const after = at < 0 ? '' : (operand[at]?.text.slice(slash + 1) ?? '') + textOf(operand.slice(at + 1))
  if (before === '' || /[*?[]/.test(before)) return null
  return all ? text.split(before).join(after) : text.replace(before, () => after)
}

function textAt(text: string, { line, column }: Place, defaulted: readonly string[] = []): Fragment {
  const fragment = { text, line, column, quoted: true, unresolved: [] }
  return defaulted.length === 0 ? fragment : { ...fragment, defaulted }
}

function space(place: Place): Fragment {
  return { ...textAt(' ', place), quoted: false }
}

function unknown(name: string, place: Place): Fragment {
  return { ...textAt(name.startsWith('$') ? name : `$${name}`, place), unresolved: [name] }
}

function scalar(value: Fragment): Variable {
  return { elements: [[value]], isArray: false }
}

/** Enough to know it by; without quotes and brackets, since `eval` reads it once more. */
function brief(source: string): string {
  const line = source.replace(/\s+/g, ' ').trim()
  const plain = line.slice(0, 39).replace(/["'`\\()].*$/, '')
  return plain === line ? line : `${plain}…`
}

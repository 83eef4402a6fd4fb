import { arithmetic } from './shell-arithmetic.ts'
import { testOutcome } from './shell-condition.ts'
import { defaultOf, joinFragments, ShellExpander, textOf } from './shell-expansion.ts'
import { lexShell } from './shell-lexer.ts'
import { parseShell, type Statement } from './shell-parser.ts'
import { type ShellSource, sourceOfFragments, sourceOfText } from './shell-source.ts'
import { ExpansionBudget, ShellVariables } from './shell-variables.ts'
import type { Fragment, Place, RawWord, ShellCommand, ShellWord, Sweep, WordPart } from './shell-word.ts'

export interface ShellReading {
  readonly commands: readonly ShellCommand[]
  /** Files the script reads in with `source`, that were not given. */
  readonly sourced: readonly string[]
}

export interface ShellOptions {
  /** Variables whose value every command carries. */
  readonly environment: readonly string[]
  /** Variables set before the script starts. */
  readonly variables?: Readonly<Record<string, string>>
  /** Text of sourced files, by the path as the script writes it. */
  readonly sources?: Readonly<Record<string, string>>
}

const ASSIGNMENT = /^([A-Za-z_]\w*)(?:\[[^\]]*\])?(\+?)=/
const DECLARES = new Set(['export', 'declare', 'local', 'readonly', 'typeset'])
const SHELLS = /^(?:.*\/)?(?:ba|z|da)?sh$/
/** Commands that fill variables, with their options that take a value (bash(1)). */
const INPUT: ReadonlyMap<string, RegExp> = new Map([
  ['read', /^-\w*[dinNptu]$/],
  ['mapfile', /^-\w*[dnOsuCc]$/],
  ['readarray', /^-\w*[dnOsuCc]$/],
])
const MAX_CALLS = 16

/**
 * The commands of a script in the order bash would reach them, each word expanded from what the script itself sets.
 * Nothing is run. Branches whose condition is unknown are read without overriding what is already set; a loop is read
 * once, with its largest number or else its first value. Bounded in time and memory whatever the text.
 */
export function readShellCommands(script: string | ShellSource, options: ShellOptions): ShellReading {
  const reader = new ShellReader(options)
  reader.run(typeof script === 'string' ? sourceOfText(script) : script)
  return reader.finish()
}

class ShellReader {
  readonly #variables = new ShellVariables()
  readonly #budget = new ExpansionBudget()
  readonly #expander = new ShellExpander(this.#variables, this.#budget)
  readonly #options: ShellOptions
  readonly #commands: ShellCommand[] = []
  readonly #sourced: string[] = []
  readonly #functions = new Map<string, { readonly body: readonly Statement[]; called: boolean }>()
  readonly #sweeps: Sweep[] = []
  #calls = 0
  #uncertain = 0
  /** Variables that the conditions around the statement ask for. */
  #asked: readonly string[] = []

  constructor(options: ShellOptions) {
    this.#options = options
    for (const [name, text] of Object.entries(options.variables ?? {})) {
      const value: Fragment = { text, line: 1, column: 1, quoted: true, unresolved: [] }
      this.#variables.set(name, { elements: [[value]], isArray: false })
    }
  }

  run(source: ShellSource): void {
    if (this.#calls >= MAX_CALLS) return
    this.#calls++
    this.#budget.spend(source.text.length)
    if (!this.#budget.exhausted) this.#all(parseShell(lexShell(source)))
    this.#calls--
  }

  finish(): ShellReading {
    for (const definition of this.#functions.values()) {
      if (!definition.called) this.#all(definition.body)
    }
    return { commands: this.#commands, sourced: this.#sourced }
  }

  #all(statements: readonly Statement[]): void {
    for (const statement of statements) this.#statement(statement)
  }

  #uncertainly(statements: readonly Statement[]): void {
    this.#uncertain++
    this.#all(statements)
    this.#uncertain--
  }

  /** Reads what stands under conditions. */
  #under(conditions: readonly Statement[], read: () => void): void {
    const asked = this.#asked
    this.#asked = [...asked, ...conditions.flatMap(askedVariables)]
    read()
    this.#asked = asked
  }

  #statement(statement: Statement): void {
    if (this.#budget.exhausted) return
    if (statement.kind === 'command') this.#command(statement.words)
    else if (statement.kind === 'group') this.#all(statement.body)
    else if (statement.kind === 'chain') this.#chain(statement)
    else if (statement.kind === 'if') this.#if(statement)
    else if (statement.kind === 'case') this.#case(statement)
    else if (statement.kind === 'loop') this.#loop(statement)
    else this.#functions.set(statement.name, { body: statement.body, called: false })
  }

  #chain({ operator, left, right }: Extract<Statement, { kind: 'chain' }>): void {
    this.#statement(left)
    const outcome = this.#outcome([left])
    if (outcome === null && (operator === '||' || isTest(left))) this.#under([left], () => this.#uncertainly([right]))
    else if (outcome === null || outcome === (operator === '&&')) this.#under([left], () => this.#statement(right))
  }

  #if({ branches, otherwise }: Extract<Statement, { kind: 'if' }>): void {
    let unknown = false
    for (const { condition, body } of branches) {
      const outcome = this.#outcome(condition)
      this.#under(condition, () => {
        if (outcome === true && !unknown) this.#all(body)
        else if (outcome !== false) this.#uncertainly(body)
      })
      if (outcome === true) return
      if (outcome === null) unknown = true
    }
    const conditions = branches.flatMap(({ condition }) => condition)
    this.#under(conditions, () => (unknown ? this.#uncertainly(otherwise) : this.#all(otherwise)))
  }

  /** Of a condition: its only command, where that is a test. */
  #outcome(statements: readonly Statement[]): boolean | null {
    const [statement] = statements
    if (statements.length !== 1 || statement === undefined) return null
    if (statement.kind === 'chain') {
      const left = this.#outcome([statement.left])
      const right = this.#outcome([statement.right])
      const decisive = statement.operator === '||'
      if (left === decisive || right === decisive) return decisive
      return left === null || right === null ? null : !decisive
    }
    if (statement.kind !== 'command') return null
    const [first] = statement.words
    if (first?.parts[0]?.kind === 'arithmetic' && statement.words.length === 1) {
      const value = arithmetic(textOf(this.#expander.value(first.parts)))
      return value === null ? null : (value !== 0) !== statement.negated
    }
    if (!isTest(statement)) return null
    const words = statement.words.flatMap(raw => this.#words(raw))
    const outcome = testOutcome(words)
    return outcome === null ? null : outcome !== statement.negated
  }

  #case({ subject, arms }: Extract<Statement, { kind: 'case' }>): void {
    const value = subject === null ? null : joinFragments(this.#expander.value(subject.parts), subject)
    if (value === null || value.unresolved.length > 0) {
      for (const arm of arms) this.#uncertainly(arm.body)
      return
    }
    const matches = (raw: RawWord): boolean => matchesPattern(value.text, textOf(this.#expander.value(raw.parts)))
    this.#all(arms.find(({ patterns }) => patterns.some(matches))?.body ?? [])
  }

  #loop({ variable, values, body, line, column }: Extract<Statement, { kind: 'loop' }>): void {
    const words = values.flatMap(raw => this.#expander.words(raw)).filter(word => word.length > 0)
    const texts = words.map(textOf)
    const numbers = texts.map(Number)
    const largest = numbers.every(Number.isFinite) ? numbers.indexOf(Math.max(...numbers.slice(0, 1000))) : 0
    const taken = words[Math.max(0, largest)]
    if (variable === null || taken === undefined) {
      this.#all(body)
      return
    }
    this.#variables.set(variable, { elements: [taken], isArray: false })
    if (texts.length > 1) this.#sweeps.push({ variable, values: texts, taken: textOf(taken), line, column })
    this.#all(body)
    if (texts.length > 1) this.#sweeps.pop()
  }

  #words(raw: RawWord): readonly ShellWord[] {
    return this.#expander.words(raw).map(fragments => joinFragments(fragments, raw))
  }

  #command(raw: readonly RawWord[]): void {
    this.#budget.command()
    const start = raw.findIndex(word => assignmentOf(word) === null)
    const before = start < 0 ? raw : raw.slice(0, start)
    const rest = start < 0 ? [] : raw.slice(start)
    if (rest.length === 0) {
      for (const word of before) this.#assign(word)
      return
    }
    const saved = before.map(
      word => [assignmentOf(word)?.name ?? '', this.#variables.get(assignmentOf(word)?.name ?? '')] as const,
    )
    const uncertain = this.#uncertain
    this.#uncertain = 0
    for (const word of before) this.#assign(word)
    this.#uncertain = uncertain
    this.#simple(rest)
    for (const [name, variable] of saved) {
      if (variable === undefined) this.#variables.unset(name)
      else this.#variables.set(name, variable)
    }
  }

  #simple(raw: readonly RawWord[]): void {
    const [first] = raw
    if (first === undefined) return
    const name = textOf(this.#expander.value(first.parts))
    if (DECLARES.has(name)) {
      for (const word of raw.slice(1)) this.#assign(word)
      return
    }
    const expanded = raw.flatMap(word => this.#expander.words(word))
    const words = expanded.map(fragments => joinFragments(fragments, first))
    const definition = this.#functions.get(name)
    if (/^(?:\[\[?|test)$/.test(name) || first.parts[0]?.kind === 'arithmetic') return
    const document = raw.find(({ hereDocument }) => hereDocument !== undefined)?.hereDocument
    const script = inlineScript(words)
    const input = INPUT.get(name)
    if (definition !== undefined) this.#call(definition, expanded.slice(1))
    else if (name === 'eval') this.run(sourceOfFragments(readAgain(spaced(expanded.slice(1)))))
    else if (script >= 0) this.run(sourceOfFragments(readAgain(expanded[script] ?? [])))
    else if (document !== undefined && name === 'read') this.#readInto(words.at(-1), document)
    else if (input !== undefined) for (const { text } of namesRead(words, input)) this.#setByInput(text, first)
    else if (document !== undefined && words.some(({ text }) => SHELLS.test(text)))
      this.run(sourceOfFragments(this.#expander.value(document)))
    else if (name === 'unset') for (const { text } of words.slice(1)) this.#variables.unset(text)
    else if (name === 'set' && words[1]?.text === '--') this.#variables.positional = expanded.slice(2)
    else if (name === 'shift') this.#shift(words[1])
    else if (name === 'source' || name === '.') this.#source(words[1])
    else this.#record(words, first)
  }

  /** `read -d '' NAME <<EOF`. */
  #readInto(name: ShellWord | undefined, document: readonly WordPart[]): void {
    if (name === undefined || !/^[A-Za-z_]\w*$/.test(name.text)) return
    this.#variables.set(name.text, { elements: [this.#expander.value(document)], isArray: false })
  }

  /** `read A B < FILE`, `mapfile -t A < <(…)`: something that only a run could tell. */
  #setByInput(name: string, place: Place): void {
    const value: Fragment = {
      text: `$${name}`,
      line: place.line,
      column: place.column,
      quoted: true,
      unresolved: [name],
    }
    if (this.#uncertain === 0 || this.#variables.get(name) === undefined)
      this.#variables.set(name, { elements: [[value]], isArray: true, isOpen: true })
  }

  #shift(by: ShellWord | undefined): void {
    const { positional } = this.#variables
    if (positional !== null) this.#variables.positional = positional.slice(Number(by?.text ?? 1) || 1)
  }

  #source(file: ShellWord | undefined): void {
    if (file === undefined || file.unresolved.length > 0) return
    const text = Object.hasOwn(this.#options.sources ?? {}, file.text) ? this.#options.sources?.[file.text] : undefined
    if (text === undefined) this.#sourced.push(file.text)
    else this.run({ text, place: () => ({ line: file.line, column: file.column }) })
  }

  #call(
    definition: { readonly body: readonly Statement[]; called: boolean },
    values: readonly (readonly Fragment[])[],
  ): void {
    definition.called = true
    if (this.#calls >= MAX_CALLS) return
    const { positional } = this.#variables
    this.#calls++
    this.#variables.positional = values
    this.#all(definition.body)
    this.#variables.positional = positional
    this.#calls--
  }

  #record(words: readonly ShellWord[], place: Place): void {
    if (words.length === 0) return
    const environment = new Map<string, ShellWord>()
    for (const name of this.#options.environment) {
      const value = this.#variables.get(name)?.elements[0]
      if (value !== undefined) environment.set(name, joinFragments(value, place))
    }
    const sweeps = [...this.#sweeps]
    this.#commands.push({ words, environment, sweeps, line: place.line, column: place.column })
  }

  #assign(word: RawWord): void {
    const assignment = assignmentOf(word)
    if (assignment === null) return
    const { name, append, value } = assignment
    const known = this.#variables.get(name)
    const uncertain = this.#uncertain > 0
    // `A=$1; if [ -z "$A" ]; then A=3; fi`: what only a run could tell gives way to the script's own default
    const isOpen = known?.elements.some(value => value.some(({ unresolved }) => unresolved.length > 0)) === true
    if (uncertain && known !== undefined && !isOpen) return
    if (word.elements !== null) {
      const elements = word.elements.flatMap(element => this.#expander.words(element))
      this.#variables.set(name, {
        elements: append ? [...(known?.elements ?? []), ...elements] : elements,
        isArray: true,
        ...(append && known?.isOpen === true ? { isOpen: true } : {}),
      })
      return
    }
    const written = this.#expander.value(value)
    const isDefault = (known === undefined || isOpen) && this.#asked.includes(name)
    const fragments = isDefault ? defaultOf(name, written) : written
    const unresolved = new Set(fragments.flatMap(fragment => fragment.unresolved))
    if ((uncertain && unresolved.size > 0) || (!append && unresolved.has(name))) return
    const [before = [], ...others] = known?.elements ?? []
    this.#budget.spend(append ? before.length : 0)
    const first = append ? [...before, ...fragments] : fragments
    this.#variables.set(name, {
      elements: known?.isArray ? [first, ...others] : [first],
      isArray: known?.isArray ?? false,
    })
  }
}

/** Variables that the command fills. */
function namesRead(words: readonly ShellWord[], takesValue: RegExp): readonly ShellWord[] {
  return words
    .slice(1)
    .filter(({ text }, index) => /^[A-Za-z_]\w*$/.test(text) && !takesValue.test(words[index]?.text ?? ''))
}

function isTest(statement: Statement): boolean {
  if (statement.kind !== 'command') return false
  const part = statement.words[0]?.parts[0]
  return part?.kind === 'text' && /^(?:\[\[?|test)$/.test(part.text)
}

/** Names in a test: `[ -z "$NNODES" ]`. */
function askedVariables(condition: Statement): readonly string[] {
  if (condition.kind !== 'command' || !isTest(condition)) return []
  return condition.words.flatMap(({ parts }) => parts.flatMap(part => (part.kind === 'parameter' ? [part.name] : [])))
}

function assignmentOf(
  word: RawWord,
): { readonly name: string; readonly append: boolean; readonly value: readonly WordPart[] } | null {
  const [first, ...rest] = word.parts
  if (first?.kind !== 'text' || first.quoted) return null
  const match = ASSIGNMENT.exec(first.text)
  if (match === null) return null
  const text = first.text.slice(match[0].length)
  const head: WordPart = { ...first, text, column: first.column + match[0].length }
  return { name: match[1] ?? '', append: match[2] === '+', value: text === '' ? rest : [head, ...rest] }
}

/** Index of the script in `bash -c SCRIPT`, also behind a launcher such as srun; -1 where there is none. */
function inlineScript(words: readonly ShellWord[]): number {
  const shell = words.findIndex(({ text }) => SHELLS.test(text))
  if (shell < 0 || shell > 40) return -1
  const flag = words.findIndex(({ text }, index) => index > shell && /^-[a-z]*c$/.test(text))
  return flag === shell + 1 || flag === shell + 2 ? flag + 1 : -1
}

/** Text for a second reading: unset names in braces, so that they end where they did (`${13}`, `${A}b`). */
function readAgain(fragments: readonly Fragment[]): readonly Fragment[] {
  return fragments.map(fragment => {
    const name = /^\$(\w+)$/.exec(fragment.text)?.[1]
    return name !== undefined && fragment.unresolved.includes(name) ? { ...fragment, text: `\${${name}}` } : fragment
  })
}

function spaced(words: readonly (readonly Fragment[])[]): readonly Fragment[] {
  return words.flatMap((word, index) => {
    const [first] = word
    return index === 0 || first === undefined ? word : [{ ...first, text: ' ', unresolved: [] }, ...word]
  })
}

/** `case` patterns: literal text with `*` at either end. */
function matchesPattern(text: string, pattern: string): boolean {
  const starts = pattern.endsWith('*')
  const ends = pattern.startsWith('*')
  const literal = pattern.slice(ends ? 1 : 0, starts && pattern.length > 1 ? -1 : undefined)
  if (pattern === '*') return true
  if (starts && ends) return text.includes(literal)
  if (starts) return text.startsWith(literal)
  return ends ? text.endsWith(literal) : text === literal
}

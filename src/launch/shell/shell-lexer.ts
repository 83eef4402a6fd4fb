import type { ShellSource } from './shell-source.ts'
import type { Place, RawWord, ShellToken, WordPart } from './shell-word.ts'

const OPERATORS = ['&&', '||', ';;&', ';;', ';&', '|&', '\n', ';', '&', '|', '(', ')'] as const
const REDIRECTION = /(?:\d*|&)(?:<<<|<<-?|<&|>&|>>|>\||<>|<|>)/y
const NAME = /[A-Za-z_]\w*/y
const ASSIGNS_ARRAY = /^[A-Za-z_]\w*\+?=$/
const MAX_NESTING = 32

/**
 * Splits a script into words and operators, POSIX and bash. Tolerant: an unclosed quote or bracket ends with the text.
 * Comments, continuations, redirections and here-documents are dropped. Linear in the text.
 */
export function lexShell(source: ShellSource): readonly ShellToken[] {
  return new Lexer(source, 0).tokens()
}

interface HereDocument {
  readonly end: string
  readonly stripTabs: boolean
  readonly quoted: boolean
  readonly parts: WordPart[]
}

class Lexer {
  readonly #source: ShellSource
  readonly #text: string
  readonly #nesting: number
  #at = 0
  #hereDocuments: HereDocument[] = []

  constructor(source: ShellSource, nesting: number) {
    this.#source = source
    this.#text = source.text
    this.#nesting = nesting
  }

  tokens(): readonly ShellToken[] {
    const tokens: ShellToken[] = []
    for (this.#skipBlanks(); this.#at < this.#text.length; this.#skipBlanks()) {
      const place = this.#place()
      const expression = this.#commandArithmetic(tokens)
      const operator = expression === null ? this.#operator() : null
      if (expression !== null) tokens.push({ kind: 'word', word: expression, ...place })
      else if (operator !== null) tokens.push({ kind: 'operator', text: operator, ...place })
      else if (!this.#redirection(tokens)) tokens.push({ kind: 'word', word: this.#word(), ...place })
    }
    return tokens
  }

  #place(): Place {
    return this.#source.place(this.#at)
  }

  #skipBlanks(): void {
    for (;;) {
      const char = this.#text[this.#at]
      if (char === ' ' || char === '\t' || (char === '\r' && this.#text[this.#at + 1] === '\n')) this.#at++
      else if (this.#continuation() > 0) this.#at += this.#continuation()
      else if (char === '#') this.#at = indexOrEnd(this.#text, '\n', this.#at)
      else return
    }
  }

  /** Length of a backslash and the line end after it; 0 when there is none here. */
  #continuation(): number {
    if (this.#text[this.#at] !== '\\') return 0
    if (this.#text[this.#at + 1] === '\n') return 2
    return this.#text.startsWith('\r\n', this.#at + 1) ? 3 : 0
  }

  /** `(( … ))` where a command may start. */
  #commandArithmetic(tokens: readonly ShellToken[]): RawWord | null {
    if (!this.#text.startsWith('((', this.#at)) return null
    const before = tokens.at(-1)
    const word = before?.kind === 'word' ? before.word.parts[0] : undefined
    if (word !== undefined && !(word.kind === 'text' && /^(if|elif|while|until|for|then|do|else|!)$/.test(word.text)))
      return null
    const place = this.#place()
    this.#at += 2
    const source = this.#balanced('(', ')')
    if (this.#text[this.#at] === ')') this.#at++
    return { parts: [{ kind: 'arithmetic', source, quoted: false, ...place }], elements: null, ...place }
  }

  #operator(): string | null {
    const found = OPERATORS.find(text => this.#text.startsWith(text, this.#at))
    if (found === undefined || (found === '&' && this.#text[this.#at + 1] === '>')) return null
    this.#at += found.length
    if (found === '\n') this.#skipHereDocuments()
    return found
  }

  /** Reads `2>&1`, `> log`, `<<EOF` with their target and forgets them. */
  #redirection(tokens: ShellToken[]): boolean {
    if (/^[<>]\(/.test(this.#text.slice(this.#at, this.#at + 2))) return false
    REDIRECTION.lastIndex = this.#at
    const found = REDIRECTION.exec(this.#text)?.[0]
    if (found === undefined) return false
    this.#at += found.length
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++
    const from = this.#at
    if (!/[\n;&|)]/.test(this.#text[this.#at] ?? '\n')) this.#word()
    if (/(?:^|[^<])<<-?$/.test(found)) {
      const written = this.#text.slice(from, this.#at)
      const end = written.replace(/['"\\]/g, '')
      const document = { end, stripTabs: found.endsWith('-'), quoted: end !== written, parts: [] }
      const place = this.#source.place(from)
      this.#hereDocuments.push(document)
      tokens.push({
        kind: 'word',
        word: { parts: [], elements: null, hereDocument: document.parts, ...place },
        ...place,
      })
    }
    return true
  }

  #skipHereDocuments(): void {
    for (const { end, stripTabs, quoted, parts } of this.#hereDocuments) {
      const from = this.#at
      let to = this.#text.length
      while (this.#at < this.#text.length) {
        const lineEnd = indexOrEnd(this.#text, '\n', this.#at)
        const line = this.#text.slice(this.#at, lineEnd).replace(/\r$/, '')
        to = this.#at
        this.#at = Math.min(lineEnd + 1, this.#text.length)
        if ((stripTabs ? line.replace(/^\t+/, '') : line) === end) break
        to = this.#at
      }
      if (quoted || this.#nesting >= MAX_NESTING) this.#lines(from, to, parts)
      else parts.push(...this.#inner(from, to).#quotedText(''))
    }
    this.#hereDocuments = []
  }

  /** A lexer of a part of this text. */
  #inner(from: number, to: number): Lexer {
    const outer = this.#source
    const source: ShellSource = { text: this.#text.slice(from, to), place: offset => outer.place(from + offset) }
    return new Lexer(source, this.#nesting + 1)
  }

  #word(): RawWord {
    const place = this.#place()
    const parts: WordPart[] = []
    const started = this.#at
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? ''
      if (char === '(' && parts.length === 1 && this.#text[this.#at - 1] === '=') {
        const [first] = parts
        if (first?.kind === 'text' && ASSIGNS_ARRAY.test(first.text))
          return { parts, elements: this.#array(), ...place }
      }
      if (/[\s;&|()]/.test(char) || ((char === '<' || char === '>') && this.#at > started)) break
      this.#part(char, parts)
    }
    if (this.#at === started) this.#at++
    return { parts, elements: null, ...place }
  }

  #array(): readonly RawWord[] {
    const elements: RawWord[] = []
    this.#at++
    for (;;) {
      this.#skipBlanks()
      const char = this.#text[this.#at]
      if (char === undefined) return elements
      if (char === ')') {
        this.#at++
        return elements
      }
      if (/[\s;&|(]/.test(char)) this.#at++
      else elements.push(this.#word())
    }
  }

  #part(char: string, parts: WordPart[]): void {
    const place = this.#place()
    if (char === "'") this.#singleQuoted(parts)
    else if (char === '"') this.#doubleQuoted(parts)
    else if (char === '$') this.#dollar(parts, false)
    else if (char === '`') parts.push({ kind: 'substitution', source: this.#backquoted(), quoted: false, ...place })
    else if (char === '<' || char === '>') {
      this.#at += 2
      parts.push({ kind: 'substitution', source: this.#balanced('(', ')'), quoted: true, ...place })
    } else if (char === '\\') {
      const skip = this.#continuation()
      if (skip === 0) parts.push({ kind: 'text', text: this.#text[this.#at + 1] ?? '', quoted: true, ...place })
      this.#at += skip || 2
    } else {
      const end = this.#plainEnd()
      parts.push({ kind: 'text', text: this.#text.slice(this.#at, end), quoted: false, ...place })
      this.#at = end
    }
  }

  #plainEnd(): number {
    const plain = /[^\s;&|()'"`$\\<>]+/y
    plain.lastIndex = this.#at
    const found = plain.exec(this.#text)?.[0]
    return this.#at + (found?.length ?? 1)
  }

  #singleQuoted(parts: WordPart[]): void {
    const end = indexOrEnd(this.#text, "'", this.#at + 1)
    this.#lines(this.#at + 1, end, parts)
    this.#at = end + 1
  }

  /** Literal text, one part a line so that each keeps its place. */
  #lines(from: number, to: number, parts: WordPart[]): void {
    let start = from
    do {
      const end = Math.min(indexOrEnd(this.#text, '\n', start) + 1, to)
      parts.push({ kind: 'text', text: this.#text.slice(start, end), quoted: true, ...this.#source.place(start) })
      start = end
    } while (start < to)
  }

  #doubleQuoted(parts: WordPart[]): void {
    parts.push({ kind: 'text', text: '', quoted: true, ...this.#place() })
    this.#at++
    parts.push(...this.#quotedText('"'))
    this.#at++
  }

  /** Text in which only `$`, backquotes and backslashes mean something, up to `end`. */
  #quotedText(end: '"' | ''): readonly WordPart[] {
    const parts: WordPart[] = []
    const plain = end === '' ? /[^`$\\]+/y : /[^"`$\\]+/y
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at]
      const place = this.#place()
      if (char === end) break
      if (char === '$') this.#dollar(parts, true)
      else if (char === '`') parts.push({ kind: 'substitution', source: this.#backquoted(), quoted: true, ...place })
      else if (char === '\\') this.#quotedEscape(parts)
      else {
        plain.lastIndex = this.#at
        const to = this.#at + (plain.exec(this.#text)?.[0].length ?? 1)
        this.#lines(this.#at, to, parts)
        this.#at = to
      }
    }
    return parts
  }

  #quotedEscape(parts: WordPart[]): void {
    const skip = this.#continuation()
    const next = this.#text[this.#at + 1] ?? ''
    const text = /["\\$`]/.test(next) ? next : `\\${next}`
    if (skip === 0) parts.push({ kind: 'text', text, quoted: true, ...this.#place() })
    this.#at += skip || 2
  }

  #dollar(parts: WordPart[], quoted: boolean): void {
    const place = this.#place()
    const next = this.#text[this.#at + 1] ?? ''
    if (this.#text.startsWith('$((', this.#at)) {
      this.#at += 3
      const source = this.#balanced('(', ')')
      if (this.#text[this.#at] === ')') this.#at++
      parts.push({ kind: 'arithmetic', source, quoted, ...place })
    } else if (next === '(') {
      this.#at += 2
      parts.push({ kind: 'substitution', source: this.#balanced('(', ')'), quoted, ...place })
    } else if (next === '{') {
      this.#at += 2
      const from = this.#at
      const body = this.#balanced('{', '}')
      parts.push(this.#braced(body, from, quoted, place))
    } else if (/[A-Za-z_\d@*#?$!-]/.test(next)) {
      this.#at++
      const name = this.#name() ?? next
      this.#at += name.length
      const index = name === '@' || name === '*' ? name : null
      parts.push({ kind: 'parameter', name, index, length: false, operator: '', operand: null, quoted, ...place })
    } else if (!quoted && (next === "'" || next === '"')) {
      this.#at++
    } else {
      this.#at++
      parts.push({ kind: 'text', text: '$', quoted, ...place })
    }
  }

  #name(): string | null {
    NAME.lastIndex = this.#at
    return NAME.exec(this.#text)?.[0] ?? null
  }

  /** `${…}`: name, index and operator; the operand is lexed as a word of its own. */
  #braced(body: string, from: number, quoted: boolean, place: Place): WordPart {
    const match = /^(#|!)?([A-Za-z_]\w*|\d+|[@*#?])(?:\[([^\]]*)\])?/.exec(body)
    if (match === null) return { kind: 'substitution', source: body, quoted, ...place }
    const rest = body.slice(match[0].length)
    const operator = /^(:[-=?+]|[-=?+]|:|##?|%%?|\/\/?|\^\^?|,,?|@)/.exec(rest)?.[0] ?? ''
    const operandAt = match[0].length + operator.length
    const operand = operator === '' ? null : this.#operand(body.slice(operandAt), from + operandAt)
    const name = match[1] === '!' ? `!${match[2]}` : (match[2] ?? '')
    const index = match[3] ?? (name === '@' || name === '*' ? name : null)
    return { kind: 'parameter', name, index, length: match[1] === '#', operator, operand, quoted, ...place }
  }

  #operand(text: string, from: number): RawWord {
    const outer = this.#source
    const place = outer.place(from)
    if (this.#nesting >= MAX_NESTING)
      return { parts: [{ kind: 'text', text, quoted: true, ...place }], elements: null, ...place }
    const inner: ShellSource = { text, place: offset => outer.place(from + offset) }
    return { parts: new Lexer(inner, this.#nesting + 1).#everything(), elements: null, ...place }
  }

  /** All text as parts of one word, blanks included. */
  #everything(): readonly WordPart[] {
    const parts: WordPart[] = []
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? ''
      if (/[\s;&|()<>]/.test(char)) {
        parts.push({ kind: 'text', text: char, quoted: false, ...this.#place() })
        this.#at++
      } else this.#part(char, parts)
    }
    return parts
  }

  #backquoted(): string {
    const end = indexOrEnd(this.#text, '`', this.#at + 1)
    const source = this.#text.slice(this.#at + 1, end)
    this.#at = end + 1
    return source
  }

  /** Text up to the bracket that closes the one just read, which is passed over; quotes shield brackets. */
  #balanced(open: string, close: string): string {
    const from = this.#at
    let depth = 1
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]
      if (char === '\\') this.#at++
      else if (char === "'") this.#at = indexOrEnd(this.#text, "'", this.#at + 1)
      else if (char === open) depth++
      else if (char === close && --depth === 0) break
    }
    const source = this.#text.slice(from, this.#at)
    this.#at++
    return source
  }
}

function indexOrEnd(text: string, search: string, from: number): number {
  const found = text.indexOf(search, from)
  return found < 0 ? text.length : found
}

import { bareText, type Place, type RawWord, type ShellToken } from './shell-word.ts'

export type Statement =
  | ({ readonly kind: 'command'; readonly words: readonly RawWord[]; readonly negated: boolean } & Place)
  | { readonly kind: 'group'; readonly body: readonly Statement[] }
  | { readonly kind: 'chain'; readonly operator: '&&' | '||'; readonly left: Statement; readonly right: Statement }
  | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] }
  | { readonly kind: 'case'; readonly subject: RawWord | null; readonly arms: readonly Arm[] }
  | ({ readonly kind: 'loop'; readonly variable: string | null; readonly values: readonly RawWord[] } & Place &
      Pick<Branch, 'body'>)
  | { readonly kind: 'function'; readonly name: string; readonly body: readonly Statement[] }

export interface Branch {
  readonly condition: readonly Statement[]
  readonly body: readonly Statement[]
}

export interface Arm {
  readonly patterns: readonly RawWord[]
  readonly body: readonly Statement[]
}

const MAX_DEPTH = 64

/** Tokens to statements. Never fails: what does not parse is passed over word by word. */
export function parseShell(tokens: readonly ShellToken[]): readonly Statement[] {
  const parser = new Parser(tokens)
  const statements: Statement[] = []
  while (!parser.done()) {
    statements.push(...parser.statements([], 0))
    parser.skip()
  }
  return statements
}

class Parser {
  readonly #tokens: readonly ShellToken[]
  #at = 0

  constructor(tokens: readonly ShellToken[]) {
    this.#tokens = tokens
  }

  done(): boolean {
    return this.#at >= this.#tokens.length
  }

  skip(): void {
    this.#at++
  }

  /** Statements up to one of the closing keywords or operators, which is left standing. */
  statements(closing: readonly string[], depth: number): readonly Statement[] {
    const statements: Statement[] = []
    while (!this.done()) {
      const word = this.#keyword()
      const operator = this.#operator()
      if (closing.includes(word ?? operator ?? '')) break
      if (operator === ')' || operator === ';;') break
      if (operator !== null && operator !== '(') {
        this.#at++
        continue
      }
      const before = this.#at
      const statement = this.#chain(depth)
      if (statement !== null) statements.push(statement)
      if (this.#at === before) this.#at++
    }
    return statements
  }

  #keyword(): string | null {
    const token = this.#tokens[this.#at]
    return token?.kind === 'word' ? bareText(token.word) : null
  }

  #operator(): string | null {
    const token = this.#tokens[this.#at]
    return token?.kind === 'operator' ? token.text : null
  }

  #accept(text: string): boolean {
    if (this.#keyword() !== text && this.#operator() !== text) return false
    this.#at++
    return true
  }

  #chain(depth: number): Statement | null {
    let left = this.#pipeline(depth)
    for (let operator = this.#operator(); operator === '&&' || operator === '||'; operator = this.#operator()) {
      this.#at++
      while (this.#accept('\n'));
      const right = this.#pipeline(depth)
      if (left !== null && right !== null) left = { kind: 'chain', operator, left, right }
    }
    return left
  }

  #pipeline(depth: number): Statement | null {
    const body: Statement[] = []
    do {
      while (body.length > 0 && this.#accept('\n'));
      const statement = this.#statement(depth)
      if (statement !== null) body.push(statement)
    } while (this.#accept('|') || this.#accept('|&'))
    const [only] = body
    return body.length === 1 && only !== undefined ? only : body.length === 0 ? null : { kind: 'group', body }
  }

  #statement(depth: number): Statement | null {
    if (depth > MAX_DEPTH) return this.#command()
    const negated = this.#accept('!')
    const word = this.#keyword()
    if (this.#operator() === '(') return this.#group(')', depth)
    if (word === '{') return this.#group('}', depth)
    if (word === 'if') return this.#if(depth)
    if (word === 'case') return this.#case(depth)
    if (word === 'for' || word === 'select') return this.#for(depth)
    if (word === 'while' || word === 'until') return this.#while(depth)
    if (word === 'time') this.#at++
    return this.#function(depth) ?? this.#command(negated)
  }

  #group(close: string, depth: number): Statement {
    this.#at++
    const body = this.statements([close], depth + 1)
    this.#accept(close)
    return { kind: 'group', body }
  }

  #if(depth: number): Statement {
    const branches: Branch[] = []
    do {
      this.#at++
      const condition = this.statements(['then', 'fi'], depth + 1)
      this.#accept('then')
      branches.push({ condition, body: this.statements(['elif', 'else', 'fi'], depth + 1) })
    } while (this.#keyword() === 'elif')
    const otherwise = this.#accept('else') ? this.statements(['fi'], depth + 1) : []
    this.#accept('fi')
    return { kind: 'if', branches, otherwise }
  }

  #case(depth: number): Statement {
    this.#at++
    const subject = this.#takeWord()
    while (this.#accept('\n'));
    this.#accept('in')
    const arms: Arm[] = []
    while (!this.done()) {
      while (this.#accept('\n') || this.#accept(';;') || this.#accept('('));
      if (this.done() || this.#accept('esac')) break
      const patterns: RawWord[] = []
      while (!this.done() && !this.#accept(')')) {
        const pattern = this.#takeWord()
        if (pattern !== null) patterns.push(pattern)
        else this.#at++
      }
      arms.push({ patterns, body: this.statements([';;', ';&', ';;&', 'esac'], depth + 1) })
      if (!this.#accept(';;') && !this.#accept(';&')) this.#accept(';;&')
    }
    return { kind: 'case', subject, arms }
  }

  #takeWord(): RawWord | null {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'word') return null
    this.#at++
    return token.word
  }

  #for(depth: number): Statement {
    this.#at++
    const name = this.#takeWord()
    while (this.#accept('\n'));
    const values: RawWord[] = []
    if (this.#accept('in')) {
      for (let word = this.#takeWord(); word !== null; word = this.#takeWord()) values.push(word)
    }
    while (this.#accept('\n') || this.#accept(';'));
    const body = this.#loopBody(depth)
    return { kind: 'loop', variable: name === null ? null : bareText(name), values, body, ...placeOf(name) }
  }

  #while(depth: number): Statement {
    const token = this.#tokens[this.#at]
    this.#at++
    this.statements(['do', 'done'], depth + 1)
    return { kind: 'loop', variable: null, values: [], body: this.#loopBody(depth), ...placeOf(token) }
  }

  #loopBody(depth: number): readonly Statement[] {
    this.#accept('do')
    const body = this.statements(['done'], depth + 1)
    this.#accept('done')
    return body
  }

  #function(depth: number): Statement | null {
    const at = this.#at
    this.#accept('function')
    const named = this.#takeWord()
    const name = named === null ? null : bareText(named)
    const brackets = this.#accept('(') && this.#accept(')')
    if (name === null || (!brackets && this.#at !== at + 2)) {
      this.#at = at
      return null
    }
    while (this.#accept('\n'));
    if (this.#keyword() !== '{' && this.#operator() !== '(') {
      this.#at = at
      return null
    }
    const body = this.#group(this.#keyword() === '{' ? '}' : ')', depth)
    return { kind: 'function', name, body: [body] }
  }

  #command(negated = false): Statement | null {
    const words: RawWord[] = []
    const test = this.#keyword() === '[['
    for (let token = this.#tokens[this.#at]; token !== undefined; token = this.#tokens[this.#at]) {
      if (token.kind === 'word') {
        words.push(token.word)
        if (test && bareText(token.word) === ']]') {
          this.#at++
          break
        }
      } else if (!test || token.text === '\n' || token.text === ';') break
      else words.push({ parts: [{ ...token, kind: 'text', quoted: false }], elements: null, ...placeOf(token) })
      this.#at++
    }
    const [first] = words
    return first === undefined ? null : { kind: 'command', words, negated, line: first.line, column: first.column }
  }
}

function placeOf(place: Place | null | undefined): Place {
  return { line: place?.line ?? 1, column: place?.column ?? 1 }
}

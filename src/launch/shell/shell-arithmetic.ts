const TOKEN = /\s*(\d+(?:\.\d+)?|\*\*|[<>=!]=|&&|\|\||[-+*/%()<>!?:])/y
const MAX_TOKENS = 256

/**
 * Value of a bash arithmetic expression whose variables are already replaced by their text: whole numbers,
 * `+ - * / % **`, comparisons, `&& || ! ?:` and brackets. null for anything else.
 */
export function arithmetic(expression: string): number | null {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  let end = 0
  for (let match = TOKEN.exec(expression); match !== null; match = TOKEN.exec(expression)) {
    tokens.push(match[1] ?? '')
    end = TOKEN.lastIndex
    if (tokens.length > MAX_TOKENS) return null
  }
  if (tokens.length === 0 || expression.slice(end).trim() !== '') return null
  const reader = new Expression(tokens)
  const value = reader.ternary()
  return reader.finished() && Number.isSafeInteger(value) ? value : null
}

type Operation = (left: number, right: number) => number

const LEVELS: readonly Readonly<Record<string, Operation>>[] = [
  { '||': (left, right) => Number(left !== 0 || right !== 0) },
  { '&&': (left, right) => Number(left !== 0 && right !== 0) },
  { '==': (left, right) => Number(left === right), '!=': (left, right) => Number(left !== right) },
  {
    '<': (left, right) => Number(left < right),
    '>': (left, right) => Number(left > right),
    '<=': (left, right) => Number(left <= right),
    '>=': (left, right) => Number(left >= right),
  },
  { '+': (left, right) => left + right, '-': (left, right) => left - right },
  {
    '*': (left, right) => left * right,
    '/': (left, right) => (right === 0 ? Number.NaN : Math.trunc(left / right)),
    '%': (left, right) => (right === 0 ? Number.NaN : left % right),
  },
  { '**': (left, right) => left ** right },
]

/** Recursive descent; a token that does not fit gives NaN. Depth is bounded by the token limit. */
class Expression {
  readonly #tokens: readonly string[]
  #at = 0

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens
  }

  finished(): boolean {
    return this.#at === this.#tokens.length
  }

  ternary(): number {
    const condition = this.#binary(0)
    if (!this.#accept('?')) return condition
    const yes = this.ternary()
    if (!this.#accept(':')) return Number.NaN
    const no = this.ternary()
    return condition !== 0 ? yes : no
  }

  #accept(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false
    this.#at++
    return true
  }

  #binary(level: number): number {
    const operations = LEVELS[level]
    if (operations === undefined) return this.#unary()
    let left = this.#binary(level + 1)
    for (;;) {
      const token = this.#tokens[this.#at] ?? ''
      const operation = Object.hasOwn(operations, token) ? operations[token] : undefined
      if (operation === undefined) return left
      this.#at++
      left = operation(left, this.#binary(level + 1))
    }
  }

  #unary(): number {
    if (this.#accept('-')) return -this.#unary()
    if (this.#accept('+')) return this.#unary()
    if (this.#accept('!')) return Number(this.#unary() === 0)
    if (this.#accept('(')) {
      const value = this.ternary()
      return this.#accept(')') ? value : Number.NaN
    }
    const token = this.#tokens[this.#at] ?? ''
    this.#at++
    return /^\d+$/.test(token) ? Number(token) : Number.NaN
  }
}

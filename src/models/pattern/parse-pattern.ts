import { readClass, readEscape } from './pattern-characters.ts'
import { type CharacterTest, PatternError, type PatternNode } from './pattern-node.ts'

const MAX_NESTING = 40

/** Python's `re` syntax without what needs backtracking (references, conditions, atomic groups). @throws PatternError */
export function parsePattern(source: string): PatternNode {
  const parser = new PatternParser(source)
  return parser.whole()
}

class PatternParser {
  readonly #source: string
  #at = 0
  #depth = 0
  #ignoresCase = false

  constructor(source: string) {
    this.#source = source
  }

  whole(): PatternNode {
    const flags = /^\(\?([aimsu]+)\)/.exec(this.#source)
    if (flags?.[1] !== undefined) {
      this.#ignoresCase = flags[1].includes('i')
      this.#at = flags[0].length
    }
    const node = this.#choice()
    if (this.#at < this.#source.length) throw new PatternError(`an unmatched \`)\` at character ${this.#at + 1}`)
    return node
  }

  #choice(): PatternNode {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    const [only] = options
    return options.length === 1 && only ? only : { kind: 'choice', options }
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = []
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) nodes.push(this.#quantified())
    return { kind: 'sequence', nodes }
  }

  #quantified(): PatternNode {
    const start = this.#at
    const node = this.#atom()
    const times = this.#quantifier()
    if (times === null) return node
    if (node.kind === 'place') throw new PatternError(`nothing to repeat at character ${start + 1}`)
    this.#take('?')
    if (this.#sees('+')) throw new PatternError(`a possessive quantifier at character ${this.#at + 1}`)
    if (this.#quantifier() !== null) throw new PatternError(`a quantifier on a quantifier at character ${this.#at}`)
    return { kind: 'repeat', node, ...times }
  }

  #quantifier(): { readonly min: number; readonly max: number } | null {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY }
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY }
    if (this.#take('?')) return { min: 0, max: 1 }
    const counted = /^\{(\d*)(,?)(\d*)\}/.exec(this.#source.slice(this.#at, this.#at + 24))
    if (!counted) return null
    const [text, low = '', comma = '', high = ''] = counted
    if (low === '' && high === '') return null
    this.#at += text.length
    const min = Number(low)
    const max = comma === '' ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high)
    if (max < min) throw new PatternError(`\`${text}\`, whose maximum is below its minimum`)
    return { min, max }
  }

  #atom(): PatternNode {
    const character = this.#next()
    if (character === '(') return this.#group()
    if (character === '[') {
      const { accepts, end } = readClass(this.#source, this.#at)
      this.#at = end
      return this.#character(accepts)
    }
    if (character === '\\') return this.#escape()
    if (character === '.') return { kind: 'character', accepts: other => other !== '\n' }
    if (character === '^') return { kind: 'place', place: 'start' }
    if (character === '$') return { kind: 'place', place: 'end' }
    if ('*+?'.includes(character)) throw new PatternError(`nothing to repeat at character ${this.#at}`)
    return this.#character(other => other === character)
  }

  #escape(): PatternNode {
    const place = PLACES[this.#source[this.#at] ?? '']
    if (place !== undefined) {
      this.#at += 1
      return { kind: 'place', place }
    }
    const { accepts, end } = readEscape(this.#source, this.#at)
    this.#at = end
    return this.#character(accepts)
  }

  #group(): PatternNode {
    this.#depth += 1
    if (this.#depth > MAX_NESTING) throw new PatternError(`groups nested deeper than ${MAX_NESTING} levels`)
    const opening = /^\?(?::|P<[A-Za-z_]\w*>|<?[=!])/.exec(this.#source.slice(this.#at, this.#at + 100))?.[0] ?? ''
    if (opening === '' && this.#sees('?'))
      throw new PatternError(`a group \`(${this.#source.slice(this.#at, this.#at + 3)}\` that is not read`)
    this.#at += opening.length
    const node = this.#choice()
    if (!this.#take(')')) throw new PatternError('a group that is not closed')
    this.#depth -= 1
    if (!/[=!]$/.test(opening)) return node
    return { kind: 'look', node, behind: opening.includes('<'), negated: opening.endsWith('!') }
  }

  #character(accepts: CharacterTest): PatternNode {
    if (!this.#ignoresCase) return { kind: 'character', accepts }
    return { kind: 'character', accepts: other => accepts(other.toLowerCase()) || accepts(other.toUpperCase()) }
  }

  #next(): string {
    const character = this.#source[this.#at] ?? ''
    this.#at += 1
    return character
  }

  #sees(character: string): boolean {
    return this.#source[this.#at] === character
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false
    this.#at += 1
    return true
  }
}

const PLACES: Readonly<Record<string, 'start' | 'end' | 'word-edge' | 'inside-word'>> = {
  A: 'start',
  Z: 'end',
  b: 'word-edge',
  B: 'inside-word',
}

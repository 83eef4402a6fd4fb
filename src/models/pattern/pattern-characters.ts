import { type CharacterTest, PatternError } from './pattern-node.ts'

interface ReadCharacters {
  readonly accepts: CharacterTest
  /** Where the pattern goes on. */
  readonly end: number
}

/** The escape whose letter stands at `at`, after the backslash. @throws PatternError */
export function readEscape(source: string, at: number): ReadCharacters {
  const letter = source[at]
  if (letter === undefined) throw new PatternError('a backslash at the end')
  const named = CLASSES[letter]
  if (named) return { accepts: named, end: at + 1 }
  const { character, end } = readCharacter(source, at)
  return { accepts: other => other === character, end }
}

/** A class from after its `[`. @throws PatternError */
export function readClass(source: string, start: number): ReadCharacters {
  const negated = source[start] === '^'
  const first = negated ? start + 1 : start
  const tests: CharacterTest[] = []
  let at = first
  while (source[at] !== ']' || at === first) {
    const item = readClassItem(source, at)
    at = item.end
    const isRange = item.character !== null && source[at] === '-' && source[at + 1] !== ']'
    if (!isRange) tests.push(item.accepts)
    else {
      const last = readClassItem(source, at + 1)
      const [low, high] = [item.character, last.character]
      if (low === null || high === null || high < low)
        throw new PatternError(`a class with the range \`${source.slice(item.end - 1, last.end)}\``)
      tests.push(other => other >= low && other <= high)
      at = last.end
    }
  }
  const accepts: CharacterTest = other => tests.some(test => test(other))
  return { accepts: negated ? other => !accepts(other) : accepts, end: at + 1 }
}

interface ClassItem extends ReadCharacters {
  /** null: a class such as `\d`, which cannot begin a range. */
  readonly character: string | null
}

function readClassItem(source: string, at: number): ClassItem {
  const character = source[at]
  if (character === undefined) throw new PatternError('a class that is not closed')
  if (character !== '\\') return { accepts: other => other === character, character, end: at + 1 }
  const named = CLASSES[source[at + 1] ?? '']
  if (named) return { accepts: named, character: null, end: at + 2 }
  const read = source[at + 1] === 'b' ? { character: '\b', end: at + 2 } : readCharacter(source, at + 1)
  return { ...read, accepts: other => other === read.character }
}

const CLASSES: Readonly<Record<string, CharacterTest>> = {
  d: character => /\d/.test(character),
  D: character => !/\d/.test(character),
  w: isWordCharacter,
  W: character => !isWordCharacter(character),
  s: character => /\s/.test(character),
  S: character => !/\s/.test(character),
}

export function isWordCharacter(character: string): boolean {
  return /[\p{L}\p{N}_]/u.test(character)
}

const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', a: '\u0007' }

function readCharacter(source: string, at: number): { readonly character: string; readonly end: number } {
  const letter = source[at] ?? ''
  const code = /^(?:x([\da-fA-F]{2})|u([\da-fA-F]{4}))/.exec(source.slice(at, at + 5))
  if (code)
    return { character: String.fromCharCode(Number.parseInt(code[1] ?? code[2] ?? '', 16)), end: at + code[0].length }
  const control = Object.hasOwn(CONTROLS, letter) ? CONTROLS[letter] : undefined
  if (control !== undefined) return { character: control, end: at + 1 }
  if (/[1-9]/.test(letter)) throw new PatternError(`a reference \`\\${letter}\` to a group`)
  if (/[A-Za-z0]/.test(letter)) throw new PatternError(`an escape \`\\${letter}\` that is not read`)
  return { character: letter, end: at + 1 }
}

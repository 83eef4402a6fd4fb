import type { ShellWord } from './shell-word.ts'

type Comparison = (left: string, right: string) => boolean

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  '=': (left, right) => left === right,
  '==': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '-eq': (left, right) => Number(left) === Number(right),
  '-ne': (left, right) => Number(left) !== Number(right),
  '-lt': (left, right) => Number(left) < Number(right),
  '-le': (left, right) => Number(left) <= Number(right),
  '-gt': (left, right) => Number(left) > Number(right),
  '-ge': (left, right) => Number(left) >= Number(right),
}

/**
 * Outcome of `[ … ]`, `[[ … ]]` or `test …`; null where only a run could tell. A variable that the script never sets
 * counts as empty under `-z` and `-n`, which is what such guards are for.
 */
export function testOutcome(words: readonly ShellWord[]): boolean | null {
  const inner = words.slice(1, /^\]\]?$/.test(words.at(-1)?.text ?? '') ? -1 : undefined)
  const negated = inner[0]?.text === '!'
  const outcome = plainOutcome(negated ? inner.slice(1) : inner)
  return outcome === null ? null : outcome !== negated
}

function plainOutcome(words: readonly ShellWord[]): boolean | null {
  const [first, second, third] = words
  if (words.length === 1 && first !== undefined && /^-[zn]$/.test(first.text)) return first.text === '-z'
  if (words.length === 2 && first !== undefined && second !== undefined && /^-[zn]$/.test(first.text)) {
    const empty = second.text === '' || second.text === second.unresolved.map(name => `$${name}`).join('')
    return empty === (first.text === '-z')
  }
  if (words.length !== 3 || first === undefined || second === undefined || third === undefined) return null
  if (first.unresolved.length > 0 || third.unresolved.length > 0 || /[*?[]/.test(third.text)) return null
  const comparison = Object.hasOwn(COMPARISONS, second.text) ? COMPARISONS[second.text] : undefined
  if (comparison === undefined) return null
  const numeric = second.text.startsWith('-')
  if (numeric && !/^-?\d+$/.test(first.text.trim() && third.text.trim() ? first.text.trim() : '')) return null
  return comparison(first.text, third.text)
}

import type { LineRange } from './shell-flags.ts'

/** A flag and its value as two words of a YAML list, as containers take their `command` and `args`. */
export interface ListedValue {
  /** Of the value: it may stand a line below its flag. */
  readonly line: number
  /** As written, quotes included. */
  readonly written: string
  /** Where that stands in the text. */
  readonly start: number
}

const ITEM = `(?<value>"[^"\\n]*"|'[^'\\n]*'|[^\\s,\\]"'#-][^\\s,\\]"'#]*)`

/** One word a line, or all words between brackets. */
function patterns(name: string): readonly RegExp[] {
  return [
    new RegExp(
      `^(?<indent>[ \\t]*)-[ \\t]+(?<quote>["']?)--${name}\\k<quote>[ \\t]*\\n\\k<indent>-[ \\t]+${ITEM}`,
      'gm',
    ),
    new RegExp(`[[,][ \\t]*\\n?[ \\t]*(?<quote>["'])--${name}\\k<quote>[ \\t]*,\\s*${ITEM}`, 'g'),
  ]
}

/** Values of a flag in lists of words; `name`: a pattern for the flag without its dashes. */
export function listedValues(text: string, name: string): readonly ListedValue[] {
  return patterns(name).flatMap(pattern =>
    [...text.matchAll(pattern)].flatMap(match => {
      const written = match.groups?.['value'] ?? ''
      if (/^["']?--/.test(written)) return []
      const start = match.index + match[0].length - written.length
      return [{ line: lineAt(text, start), written, start }]
    }),
  )
}

/** The text with another value in the place of one of a list, in its own quotes. */
export function replaceListed(text: string, { written, start }: ListedValue, to: string): string {
  return `${text.slice(0, start)}${inQuotesOf(written, to)}${text.slice(start + written.length)}`
}

/** The quotes around a written value, if it has any, around another. */
export function inQuotesOf(written: string, to: string): string {
  const [quote = ''] = /^["']/.exec(written) ?? []
  return `${quote}${to}${quote}`
}

/**
 * The text with `--key=value` as a word of its own before a flag that only the trainer has; null: no list of words holds one.
 * `neighbours`: a pattern for the names of such flags.
 */
export function insertListed(
  text: string,
  { neighbours, word, command }: { neighbours: string; word: string; command: LineRange | null },
): string | null {
  const items = new RegExp(`^(?<before>[ \\t]*-[ \\t]+)(?<quote>["']?)--(?:${neighbours})(?=[="' \\t\\n])`, 'gm')
  const between = new RegExp(`(?<before>[[,][ \\t]*)(?<quote>["'])--(?:${neighbours})(?=[="'])`, 'g')
  for (const [pattern, after] of [
    [items, '\n'],
    [between, ', '],
  ] as const) {
    const found = [...text.matchAll(pattern)]
    const own = found.filter(({ index }) => command === null || isWithin(lineAt(text, index), command))
    const [place] = own
    if (place === undefined) continue
    const { before = '', quote = '' } = place.groups ?? {}
    const start = place.index + (after === '\n' ? 0 : before.length)
    const added = `${after === '\n' ? before : ''}${quote}${word}${quote}${after}`
    return text.slice(0, start) + added + text.slice(start)
  }
  return null
}

function isWithin(line: number, { first, last }: LineRange): boolean {
  return line >= first && line <= last
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length
}

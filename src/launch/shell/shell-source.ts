import type { Fragment, Place } from './shell-word.ts'

/** Script text with the place of every offset: a file, or text put together from expanded words (`eval`). */
export interface ShellSource {
  readonly text: string
  place(offset: number): Place
}

/** The places of a whole text whose first character stands at `start`. */
export function sourceOfText(text: string, start: Place = { line: 1, column: 1 }): ShellSource {
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)
  return {
    text,
    place(offset) {
      const index = lastAtMost(lineStarts, offset)
      const column = offset - (lineStarts[index] ?? 0)
      return { line: start.line + index, column: index === 0 ? start.column + column : column + 1 }
    },
  }
}

/** Pieces of text one after the other, each keeping its own place. */
export function sourceOfFragments(fragments: readonly Fragment[]): ShellSource {
  const starts: number[] = []
  let length = 0
  for (const { text } of fragments) {
    starts.push(length)
    length += text.length
  }
  return {
    text: fragments.map(fragment => fragment.text).join(''),
    place(offset) {
      const index = lastAtMost(starts, offset)
      const fragment = fragments[index]
      if (fragment === undefined) return { line: 1, column: 1 }
      return { line: fragment.line, column: fragment.column + offset - (starts[index] ?? 0) }
    },
  }
}

/** Blocks of text one after the other, each on lines of its own and keeping its place. */
export function sourceOfBlocks(blocks: readonly (Place & { readonly text: string })[]): ShellSource {
  const fragments = blocks.flatMap(({ text, line, column }) =>
    text.split('\n').map((piece, index) => ({
      text: `${piece}\n`,
      line: line + index,
      column: index === 0 ? column : 1,
      quoted: true,
      unresolved: [],
    })),
  )
  return sourceOfFragments(fragments)
}

/** Index of the last entry that is not above `value`, by bisection. */
function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((sorted[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}

import { writeFlags } from '../advice/shell-flags.ts'
import type { ChangeReport } from '../report/report.ts'
import { addedLines, editItem, editLine, isWholeEntry } from './line-edit.ts'

/** Consecutive lines of the head and what they should become. */
export interface SuggestedLines {
  readonly startLine: number
  readonly line: number
  readonly before: string
  readonly text: string
}

interface SuggestedFile {
  readonly path: string
  readonly lines: readonly string[]
  /** Lines that a review comment can stand on. */
  readonly shown: ReadonlyMap<number, 'added' | 'context'>
}

/** Farther apart, two changes are two suggestions. */
const MAX_SPAN = 12

/**
 * The changes of one file as replacements of lines in the diff; null when one of them cannot be made by a click: half a fix
 * is none. A missing key is written below a changed line, else below one that the pull request itself wrote.
 */
export function suggestedLines(
  file: SuggestedFile,
  changes: readonly ChangeReport[],
): readonly SuggestedLines[] | null {
  const edited = new Map<number, readonly string[]>()
  for (const change of changes.filter(({ line }) => line !== null)) {
    const line = change.line ?? 0
    const text = file.shown.has(line) ? edit(edited.get(line)?.[0] ?? file.lines[line - 1], change) : null
    if (text === null) return null
    edited.set(line, [text])
  }
  for (const change of changes.filter(({ line }) => line === null)) if (!add(file, edited, change)) return null
  return grouped(file, edited)
}

function edit(before: string | undefined, change: ChangeReport): string | null {
  if (before === undefined) return null
  if (change.style === undefined) return editLine(before, change)
  return writeFlags(before, [{ ...change, line: 1 }]) ?? (change.style === 'item' ? editItem(before, change) : null)
}

/** false: there is no line in the diff below which the key could stand. */
function add(file: SuggestedFile, edited: Map<number, readonly string[]>, change: ChangeReport): boolean {
  const byWorth = [...edited.keys(), ...shownLines(file, 'added'), ...shownLines(file, 'context')]
  for (const line of byWorth) {
    const [text = '', ...below] = edited.get(line) ?? [file.lines[line - 1] ?? '']
    if (change.style !== undefined) {
      const written = writeFlags(text, [change])
      if (written === null) continue
      edited.set(line, [written])
      return true
    }
    const written = isWholeEntry(file.lines, line) ? addedLines(file.path, change) : null
    if (written === null) continue
    edited.set(line, [text, ...below, ...written])
    return true
  }
  return false
}

function shownLines({ shown }: SuggestedFile, kind: 'added' | 'context'): readonly number[] {
  return [...shown].flatMap(([line, own]) => (own === kind ? [line] : []))
}

/** One suggestion where all lines from the first to the last are in the diff, so that one click makes the whole fix. */
function grouped(
  { lines, shown }: SuggestedFile,
  edited: ReadonlyMap<number, readonly string[]>,
): readonly SuggestedLines[] | null {
  const numbers = [...edited.keys()].sort((a, b) => a - b)
  const [first, last] = [numbers[0], numbers.at(-1)]
  if (first === undefined || last === undefined) return null
  const span = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  const isOne = span.length <= MAX_SPAN && span.every(line => shown.has(line))
  const ranges = isOne ? [span] : numbers.map(line => [line])
  return ranges.map(range => {
    const own = range.map(line => lines[line - 1] ?? '')
    return {
      startLine: range[0] ?? 0,
      line: range.at(-1) ?? 0,
      before: own.join('\n'),
      text: range.flatMap((line, index) => edited.get(line) ?? [own[index] ?? '']).join('\n'),
    }
  })
}

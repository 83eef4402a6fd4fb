import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ConfigDocument } from './config-document.ts'
import { INPUT_LIMITS } from './input-limits.ts'

/** What keeps a text from being parsed at all; null: nothing. One pass, before any parser sees it. */
export function inputProblem(path: string, text: string, syntax: ConfigDocument['syntax']): Finding | null {
  if (text.length > INPUT_LIMITS.fileBytes)
    return finding('input-limit', {
      path,
      message: `The file has ${text.length} characters; expected at most ${INPUT_LIMITS.fileBytes}.`,
    })
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    return finding('encoding-error', {
      path,
      message: 'The file is a Git LFS pointer; its content is not in the repository.',
      hint: 'Keep configs out of LFS.',
    })
  const unreadable = (syntax === 'shell' || syntax === 'text' ? NOT_TEXT : UNREADABLE).exec(text)
  if (unreadable)
    return finding('encoding-error', {
      path,
      ...placeOf(text, unreadable.index),
      message: `The file holds ${unreadable[0] === '\uFFFD' ? 'bytes that are not UTF-8' : `the control character ${codePoint(unreadable[0])}`}; expected UTF-8 text.`,
    })
  const deep = syntax === 'shell' || syntax === 'text' ? null : (deepNesting(text) ?? deepIndentation(text))
  if (deep !== null)
    return finding('input-limit', {
      path,
      ...placeOf(text, deep),
      message: `The file has values nested deeper than ${INPUT_LIMITS.depth} levels; expected fewer.`,
    })
  return null
}

/** What YAML 1.1, JSON and TOML refuse: controls other than tab and line ends, and what a decoder put for wrong bytes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNREADABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\uFFFD]/
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const NOT_TEXT = /[\u0000\uFFFD]/

function codePoint(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
}

/** Openings beyond those closed before, quoted ones included: far above any config, far below any parser's stack. */
const MAX_OPEN = 500

/** Offset at which brackets or block markers (`- - -`) nest deeper than a parser's stack may hold; null: nowhere. */
function deepNesting(text: string): number | null {
  let open = 0
  let markers = 0
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]
    if (character === '[' || character === '{') open += 1
    else if ((character === ']' || character === '}') && open > 0) open -= 1
    if ((character === '-' || character === '?') && text[at + 1] === ' ') markers += 1
    else if (character !== ' ') markers = 0
    if (open > MAX_OPEN || markers > MAX_OPEN) return at
  }
  return null
}

/** Offset of the line that ends a stair of lines, each further in than the one before; null: none is that long. */
function deepIndentation(text: string): number | null {
  let stairs = 0
  let last = -1
  for (let at = 0; at < text.length; at = nextLine(text, at)) {
    let indent = 0
    while (text[at + indent] === ' ') indent += 1
    stairs = indent > last ? stairs + 1 : 0
    last = indent
    if (stairs > MAX_OPEN) return at
  }
  return null
}

function nextLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end + 1
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

import type { ShellWord } from './shell/shell-word.ts'

/** One `--key value…`, `--key=value`, bare `--key` or `a.b=value`; `values` is empty for a bare flag. */
export interface LaunchArgument {
  /** Without dashes in front and with `_` for `-`, as argument parsers name the destination. */
  readonly key: string
  /** The flag itself. */
  readonly flag: ShellWord
  readonly values: readonly ShellWord[]
  readonly style: 'flag' | 'assignment'
}

export interface LaunchArguments {
  readonly named: readonly LaunchArgument[]
  readonly positional: readonly ShellWord[]
}

const FLAG = /^--?(?=[A-Za-z])([^=\s]+)(?:=([\s\S]*))?$/
const ASSIGNMENT = /^[+~]{0,2}([A-Za-z_][\w./@-]*)=([\s\S]*)$/

/** Splits a program's words into named and positional ones; values that follow a flag belong to it. */
export function splitArguments(words: readonly ShellWord[]): LaunchArguments {
  const named: { key: string; flag: ShellWord; values: ShellWord[]; style: 'flag' | 'assignment' }[] = []
  const positional: ShellWord[] = []
  let open: ShellWord[] | null = null
  for (const word of words) {
    const style = FLAG.test(word.text) ? 'flag' : 'assignment'
    const match: RegExpExecArray | null = (style === 'flag' ? FLAG : ASSIGNMENT).exec(word.text)
    if (match === null) {
      ;(open ?? positional).push(word)
      continue
    }
    const name = match[1] ?? ''
    const value = match[2]
    const values = value === undefined ? [] : [tail(word, value)]
    named.push({ key: name.replaceAll('-', '_'), flag: word, values, style })
    open = value === undefined ? values : null
  }
  return { named, positional }
}

export function argumentNamed(found: LaunchArguments, ...keys: readonly string[]): LaunchArgument | undefined {
  return found.named.findLast(({ key }) => keys.includes(key))
}

/** The part of a word after its `=`, in its own place. */
function tail(word: ShellWord, value: string): ShellWord {
  return { ...word, text: value, column: word.column + word.text.length - value.length }
}

/** Where a character stands in the script; both count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** One word of a command after expansion. Nothing is ever run: what only a run could tell stays as `$NAME` in the text. */
export interface ShellWord extends Place {
  readonly text: string
  /** Variables and command substitutions without a value in the script. */
  readonly unresolved: readonly string[]
  /** Variables of the environment whose default in the script the text hangs on: `${NNODES:-1}`. */
  readonly defaulted?: readonly string[]
}

/** A simple command as bash would see it, with the variables in force at that point. */
export interface ShellCommand extends Place {
  readonly words: readonly ShellWord[]
  readonly environment: ReadonlyMap<string, ShellWord>
  /** Lists that a loop around the command steps through. */
  readonly sweeps: readonly Sweep[]
}

/** A loop variable: the command is read with `taken`. */
export interface Sweep extends Place {
  readonly variable: string
  readonly values: readonly string[]
  readonly taken: string
}

/** Text on one line of the script, before it is joined to words. */
export interface Fragment extends Place {
  readonly text: string
  readonly quoted: boolean
  readonly unresolved: readonly string[]
  readonly defaulted?: readonly string[]
}

/** A word as written: pieces of text, parameters, substitutions. */
export interface RawWord extends Place {
  readonly parts: readonly WordPart[]
  /** The elements of `NAME=( … )`; null for an ordinary word. */
  readonly elements: readonly RawWord[] | null
  /** A here-document in place of a word: its text, filled in once its end is read. */
  readonly hereDocument?: readonly WordPart[]
}

export type WordPart = TextPart | ParameterPart | SubstitutionPart | ArithmeticPart

export interface TextPart extends Place {
  readonly kind: 'text'
  readonly text: string
  readonly quoted: boolean
}

/** `$NAME`, `${NAME:-operand}`, `${NAME[@]}`, `${#NAME[@]}`. */
export interface ParameterPart extends Place {
  readonly kind: 'parameter'
  readonly name: string
  readonly index: string | null
  readonly length: boolean
  readonly operator: string
  readonly operand: RawWord | null
  readonly quoted: boolean
}

export interface SubstitutionPart extends Place {
  readonly kind: 'substitution'
  readonly source: string
  readonly quoted: boolean
}

export interface ArithmeticPart extends Place {
  readonly kind: 'arithmetic'
  readonly source: string
  readonly quoted: boolean
}

export type ShellToken =
  | ({ readonly kind: 'word'; readonly word: RawWord } & Place)
  | ({ readonly kind: 'operator'; readonly text: string } & Place)

/** The word's text when it is one piece of plain, unquoted text; what keywords are recognised by. */
export function bareText(word: RawWord): string | null {
  const [part] = word.parts
  if (word.parts.length !== 1 || word.elements !== null) return null
  return part?.kind === 'text' && !part.quoted ? part.text : null
}

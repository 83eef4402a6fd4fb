/** What a user's regular expression may be made of. */
export type PatternNode =
  | { readonly kind: 'character'; readonly accepts: CharacterTest }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly min: number; readonly max: number }
  | { readonly kind: 'place'; readonly place: 'start' | 'end' | 'word-edge' | 'inside-word' }
  | { readonly kind: 'look'; readonly node: PatternNode; readonly behind: boolean; readonly negated: boolean }

export type CharacterTest = (character: string) => boolean

/** Why a pattern cannot be read: what the user can correct. */
export class PatternError extends Error {}

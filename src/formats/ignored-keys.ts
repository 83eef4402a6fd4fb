/** Keys of a framework that a reader leaves alone on purpose, by what they are about. */
export interface IgnoredKeys {
  readonly about: string
  /** `none`: neither memory nor time nor cost depends on them; `small`: a little does; `unmodelled`: enough does to look at the figures twice. */
  readonly effect: 'none' | 'small' | 'unmodelled'
  /** Names with blanks between them. */
  readonly names: string
}

/** The names of all groups. */
export function ignoredNames(groups: readonly IgnoredKeys[]): readonly string[] {
  return groups.flatMap(({ names }) => names.trim().split(/\s+/))
}

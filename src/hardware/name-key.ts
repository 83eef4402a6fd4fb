const MAKERS = /nvidia|geforce|tesla|amd|instinct|quadro|intel|habana/g

/** A hardware name without case, punctuation and maker, so that different spellings meet. */
export function nameKey(name: string): string {
  return name
    .toLowerCase()
    .replace(MAKERS, '')
    .replace(/[^a-z0-9]/g, '')
}

/** Insertions, deletions and replacements between two short names (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

/** The known name closest to a misspelt one (Damerau–Levenshtein), else one that begins with it or has all its words; null: none is near. */
export function nearestKey(name: string, known: readonly string[]): string | null {
  const limit = Math.max(2, Math.floor(name.length / 3))
  let best: string | null = null
  let bestDistance = limit + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(normalise(name), normalise(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  if (best !== null || name.length < 4) return best
  const words = normalise(name).split('_')
  return (
    known.find(candidate => candidate.startsWith(normalise(name))) ??
    known.find(candidate => words.length > 1 && words.every(word => candidate.split('_').includes(word))) ??
    null
  )
}

function normalise(name: string): string {
  return name.slice(0, 100).toLowerCase().replaceAll('-', '_')
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}

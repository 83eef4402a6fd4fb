/**
 * Lines of the new file that a review comment can stand on: those inside the hunks of a unified diff.
 * `patch` is as GitHub gives it, starting with `@@`.
 */
export function diffLines(patch: string): ReadonlySet<number> {
  const lines = new Set<number>()
  let next = 0
  for (const text of patch.split('\n')) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text)
    if (hunk) next = Number(hunk[1])
    else if (text.startsWith('+') || text.startsWith(' ')) lines.add(next++)
  }
  return lines
}

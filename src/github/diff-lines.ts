/**
 * Lines of the new file that a review comment can stand on: those inside the hunks of a unified diff, and whether the
 * change wrote them. `patch` is as GitHub gives it, starting with `@@`.
 */
export function diffLines(patch: string): ReadonlyMap<number, 'added' | 'context'> {
  const lines = new Map<number, 'added' | 'context'>()
  let next = 0
  for (const text of patch.split('\n')) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text)
    if (hunk) next = Number(hunk[1])
    else if (text.startsWith('+')) lines.set(next++, 'added')
    else if (text.startsWith(' ')) lines.set(next++, 'context')
  }
  return lines
}

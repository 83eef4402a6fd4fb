import type { FileSource } from './file-source.ts'

interface Change {
  readonly path: string
  readonly previousPath: string | null
  readonly status: 'added' | 'modified' | 'removed' | 'renamed'
}

/** Lines in common, of the longer file: as git takes files for the same (`-M50%`). */
const LEAST_SIMILAR = 0.5
/** Pairs compared: a reorganised repository is not worth minutes. */
const MAX_PAIRS = 10_000

/** Added files that were removed ones under another name become renames of them, the most alike first. */
export async function withRenames(
  changes: readonly Change[],
  { base, head }: { readonly base: FileSource; readonly head: FileSource },
): Promise<readonly Change[]> {
  const added = changes.filter(({ status }) => status === 'added')
  const removed = changes.filter(({ status }) => status === 'removed')
  if (added.length * removed.length === 0 || added.length * removed.length > MAX_PAIRS) return changes
  const before = await linesOf(removed, base)
  const after = await linesOf(added, head)
  const pairs = [...after]
    .flatMap(([to, lines]) => [...before].map(([from, old]) => ({ from, to, alike: similarity(old, lines) })))
    .filter(({ alike }) => alike >= LEAST_SIMILAR)
    .toSorted(
      (a, b) => b.alike - a.alike || Number(nameOf(b.from) === nameOf(b.to)) - Number(nameOf(a.from) === nameOf(a.to)),
    )
  const origins = new Map<string, string>()
  const taken = new Set<string>()
  for (const { from, to } of pairs)
    if (!origins.has(to) && !taken.has(from)) {
      origins.set(to, from)
      taken.add(from)
    }
  return changes.flatMap((change): readonly Change[] => {
    if (change.status === 'removed' && taken.has(change.path)) return []
    const previousPath = change.status === 'added' ? origins.get(change.path) : undefined
    return [previousPath === undefined ? change : { ...change, previousPath, status: 'renamed' }]
  })
}

async function linesOf(changes: readonly Change[], files: FileSource): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  for (const { path } of changes) {
    const file = await files.read(path)
    if (file.status === 'found')
      found.set(
        path,
        file.text.split('\n').filter(line => line.trim() !== ''),
      )
  }
  return found
}

function similarity(a: readonly string[], b: readonly string[]): number {
  const counts = new Map<string, number>()
  for (const line of a) counts.set(line, (counts.get(line) ?? 0) + 1)
  let common = 0
  for (const line of b) {
    const left = counts.get(line) ?? 0
    if (left > 0) {
      common += 1
      counts.set(line, left - 1)
    }
  }
  return common / Math.max(1, a.length, b.length)
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

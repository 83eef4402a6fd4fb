import { promisify } from 'node:util'
import { INPUT_LIMITS } from '../formats/input-limits.ts'
import { type DataBytes, rangeOf } from './data-bytes.ts'
import { decodeText } from './decode-text.ts'
import type { FileContent, FileEntry, FileSource } from './file-source.ts'

const MAX_LISTING_BYTES = 2 ** 28

/** A commit of a local repository, read with git's plumbing; nothing is checked out. null: no such commit. */
export async function gitFileSource(folder: string, ref: string): Promise<FileSource | null> {
  // loaded here, because most commands start no process
  const { execFile, spawn } = await import('node:child_process')
  const run = promisify(execFile)
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', ['-C', folder, ...args], { maxBuffer: MAX_LISTING_BYTES, encoding: 'utf8' })).stdout
  const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`).catch(() => null)
  if (commit === null) return null
  const listing = await git('ls-tree', '-r', '-l', '-z', '--full-tree', commit.trim())
  const entries = new Map(
    listing
      .split('\0')
      .flatMap(line => toEntry(line))
      .map(entry => [entry.path, entry]),
  )
  return {
    async list() {
      return [...entries.values()]
    },
    async read(path): Promise<FileContent> {
      const entry = entries.get(path)
      if (!entry) return { status: 'missing' }
      if (entry.kind !== 'file')
        return { status: 'refused', reason: `it is a ${entry.kind}`, code: 'outside-repository' }
      if ((entry.size ?? 0) > INPUT_LIMITS.fileBytes) return { status: 'refused', reason: `it has ${entry.size} bytes` }
      const options = { maxBuffer: 2 * INPUT_LIMITS.fileBytes, encoding: 'buffer' } as const
      return decodeText((await run('git', ['-C', folder, 'cat-file', 'blob', entry.sha], options)).stdout)
    },
    async data(path): Promise<DataBytes | null> {
      const entry = entries.get(path)
      if (entry?.kind !== 'file' || entry.size === null) return null
      const chunks = () => spawn('git', ['-C', folder, 'cat-file', 'blob', entry.sha]).stdout
      return { size: entry.size, chunks, range: (offset, length) => rangeOf(chunks(), offset, length) }
    },
  }
}

interface TreeEntry extends FileEntry {
  readonly sha: string
}

const KINDS: Readonly<Record<string, FileEntry['kind']>> = { '120000': 'symlink', '160000': 'submodule' }

function toEntry(line: string): readonly TreeEntry[] {
  const [, mode = '', sha = '', size = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+) +(-|\d+)\t([\s\S]+)$/.exec(line) ?? []
  return path === '' ? [] : [{ path, sha, kind: KINDS[mode] ?? 'file', size: size === '-' ? null : Number(size) }]
}

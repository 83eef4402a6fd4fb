import { constants } from 'node:fs'
import { lstat, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileContent, FileEntry, FileSource } from '../files/file-source.ts'
import { repositoryPath } from '../files/repository-path.ts'
import { refusal } from './blob-store.ts'
import { decodeText } from './decode-text.ts'

/** As GitHub's recursive trees: a checkout with more entries is cut. */
const MAX_ENTRIES = 100_000

/** The files of a checkout. Symlinks, submodules and what lies outside `root` are never read. */
export function workspaceFileSource(root: string): FileSource & { readonly truncated: () => boolean } {
  let files = 0
  let bytes = 0
  let cut = false

  async function* walk(folder: string): AsyncGenerator<FileEntry> {
    const children = await readdir(join(root, folder), { withFileTypes: true }).catch(() => [])
    if (folder !== '' && children.some(child => child.name === '.git')) {
      yield { path: folder, kind: 'submodule', size: null }
      return
    }
    for (const child of children.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? child.name : `${folder}/${child.name}`
      if (child.isSymbolicLink()) yield { path, kind: 'symlink', size: null }
      else if (child.isDirectory() && !SKIPPED.has(child.name)) yield* walk(path)
      else if (child.isFile()) yield { path, kind: 'file', size: await sizeOf(join(root, path)) }
    }
  }

  return {
    truncated: () => cut,
    async list() {
      const entries: FileEntry[] = []
      for await (const entry of walk('')) {
        cut = entries.length >= MAX_ENTRIES
        if (cut) break
        entries.push(entry)
      }
      return entries
    },
    async read(path): Promise<FileContent> {
      const inside = repositoryPath(path)
      if (inside === null) return { status: 'refused', reason: 'it lies outside the repository' }
      const way = await kindOfWay(root, inside)
      if (way !== 'file') return way === 'missing' ? { status: 'missing' } : { status: 'refused', reason: way }
      try {
        const handle = await open(join(root, inside), constants.O_RDONLY | constants.O_NOFOLLOW)
        try {
          const { size } = await handle.stat()
          const reason = refusal(size, files, bytes)
          if (reason !== null) return { status: 'refused', reason }
          files += 1
          bytes += size
          return decodeText(await handle.readFile())
        } finally {
          await handle.close()
        }
      } catch {
        return { status: 'refused', reason: 'it cannot be opened' }
      }
    },
  }
}

const SKIPPED = new Set(['.git', 'node_modules'])

/** `file`, `missing`, or why the path may not be followed. Every folder on the way counts. */
async function kindOfWay(root: string, path: string): Promise<'file' | 'missing' | string> {
  const parts = path.split('/')
  for (let length = 1; length <= parts.length; length++) {
    const status = await lstat(join(root, ...parts.slice(0, length))).catch(() => null)
    if (status === null) return 'missing'
    if (status.isSymbolicLink()) return 'it is a symlink, which is never followed'
    const last = length === parts.length
    if (last && !status.isFile()) return status.isDirectory() ? 'missing' : 'it is not a regular file'
  }
  return 'file'
}

async function sizeOf(path: string): Promise<number | null> {
  const status = await lstat(path).catch(() => null)
  return status?.size ?? null
}

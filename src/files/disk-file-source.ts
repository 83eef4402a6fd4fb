import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { INPUT_LIMITS } from '../formats/input-limits.ts'
import type { DataBytes } from './data-bytes.ts'
import { decodeText } from './decode-text.ts'
import type { FileContent, FileEntry, FileSource } from './file-source.ts'

const SKIPPED = new Set(['.git', 'node_modules', '.venv', 'venv', '__pycache__'])

const CHUNK_BYTES = 2 ** 20

/** A folder on disk. Symlinks and submodules are listed and never followed, also not as a parent folder. */
export function diskFileSource(root: string): FileSource {
  const base = resolve(root)
  const kinds: FolderKinds = new Map()
  let listing: Promise<readonly FileEntry[]> | undefined
  return {
    list() {
      listing ??= listFolder(base)
      return listing
    },
    async read(path): Promise<FileContent> {
      const full = resolve(base, path)
      const inside = relative(base, full)
      if (isOutside(inside))
        return { status: 'refused', reason: 'it lies outside the folder', code: 'outside-repository' }
      const parent = parentKind(base, inside, kinds)
      return parent === 'link' ? LINK : parent === 'none' ? { status: 'missing' } : readFile(full)
    },
    async data(path): Promise<DataBytes | null> {
      const full = resolve(base, path)
      const inside = relative(base, full)
      return isOutside(inside) || parentKind(base, inside, kinds) !== 'folder' ? null : openData(full)
    },
  }
}

function isOutside(inside: string): boolean {
  return /^\.\.(?:[\\/]|$)/.test(inside) || isAbsolute(inside)
}

/** Opened anew for each reading, so that nothing stays open. */
async function openData(full: string): Promise<DataBytes | null> {
  const opened = () => open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const handle = await opened().catch(() => null)
  const stats = await handle?.stat()
  await handle?.close()
  if (!stats?.isFile()) return null
  return {
    size: stats.size,
    async *chunks() {
      const stream = (await opened()).createReadStream({ highWaterMark: CHUNK_BYTES })
      yield* stream
    },
    async range(offset, length) {
      const part = await opened()
      try {
        const bytes = Buffer.alloc(length)
        const { bytesRead } = await part.read(bytes, 0, length, offset)
        return bytes.subarray(0, bytesRead)
      } finally {
        await part.close()
      }
    },
  }
}

/** What stands at each folder on the way to a file, looked at once. */
type FolderKinds = Map<string, FolderKind>
type FolderKind = 'folder' | 'link' | 'none'

/** The first of a file's folders that is none or a link, else `folder`. */
function parentKind(base: string, inside: string, kinds: FolderKinds): FolderKind {
  let current = base
  for (const part of inside.split(sep).slice(0, -1)) {
    current = join(current, part)
    const kind = kinds.get(current) ?? kindOf(current)
    kinds.set(current, kind)
    if (kind !== 'folder') return kind
  }
  return 'folder'
}

function kindOf(path: string): FolderKind {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats === undefined ? 'none' : stats.isSymbolicLink() ? 'link' : 'folder'
}

const LINK: FileContent = { status: 'refused', reason: 'it is a symbolic link', code: 'outside-repository' }

/** Synchronous: for thousands of small files the thread pool costs several times what the reads do. */
function readFile(full: string): FileContent {
  const stats = lstatSync(full, { throwIfNoEntry: false })
  if (stats?.isSymbolicLink()) return LINK
  if (!stats?.isFile()) return { status: 'missing' }
  if (stats.size > INPUT_LIMITS.fileBytes)
    return { status: 'refused', reason: `it has ${stats.size} bytes; expected at most ${INPUT_LIMITS.fileBytes}` }
  const file = opened(full)
  if (file === null) return { status: 'missing' }
  try {
    return fstatSync(file).isFile() ? decodeText(readFileSync(file)) : { status: 'missing' }
  } finally {
    closeSync(file)
  }
}

/** null: it cannot be opened, or has become a link since. */
function opened(full: string): number | null {
  try {
    return openSync(full, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch {
    return null
  }
}

async function listFolder(base: string): Promise<readonly FileEntry[]> {
  const entries: FileEntry[] = []
  const folders = ['']
  while (folders.length > 0 && entries.length < 10 * INPUT_LIMITS.files) {
    const folder = folders.pop() ?? ''
    const items = await readdir(join(base, folder), { withFileTypes: true }).catch(() => [])
    if (folder !== '' && items.some(({ name }) => name === '.git')) {
      entries.push({ path: folder, kind: 'submodule', size: null })
      continue
    }
    for (const item of items) {
      const path = folder === '' ? item.name : `${folder}/${item.name}`
      if (item.isDirectory()) {
        if (!SKIPPED.has(item.name)) folders.push(path)
      } else if (item.isSymbolicLink()) entries.push({ path, kind: 'symlink', size: null })
      else if (item.isFile()) entries.push({ path, kind: 'file', size: null })
    }
  }
  return entries
}

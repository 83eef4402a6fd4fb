import type { DataBytes } from './data-bytes.ts'

/** Text files of one tree: a commit read through the API, a folder on disk, or a test's map. Never follows symlinks. */
export interface FileSource {
  /** Every entry of the tree, in no particular order. */
  list(): Promise<readonly FileEntry[]>
  read(path: string): Promise<FileContent>
  /** A data file of any size as a stream; null: missing, or nothing to be read. Absent: only {@link read} is there. */
  data?(path: string): Promise<DataBytes | null>
  /** Reads several files in as few requests as possible; `read` then answers from memory. */
  prefetch?(paths: readonly string[]): Promise<void>
}

export interface FileEntry {
  /** From the root of the repository, with `/`. */
  readonly path: string
  readonly kind: 'file' | 'symlink' | 'submodule'
  /** null: not said. */
  readonly size: number | null
  /** Git blob id where the source has one: equal ids are equal files. */
  readonly sha?: string
}

export type FileContent =
  | { readonly status: 'found'; readonly text: string }
  | { readonly status: 'missing' }
  /** Too large, a symlink, not text; `code` where it is not a limit. */
  | { readonly status: 'refused'; readonly reason: string; readonly code?: 'encoding-error' | 'outside-repository' }

import type { FileSource } from '../files/file-source.ts'
import { readLibraryVersions } from './library-versions.ts'

export interface FoundLibraries {
  /** Library → version; empty: the current profile. */
  readonly versions: Readonly<Record<string, string>>
  /** Files that were read. */
  readonly paths: readonly string[]
}

/** Files at the root of the repository that pin library versions, most binding last. */
const VERSION_FILES =
  /^(environment\.ya?ml|(docker\/)?Dockerfile|(requirements\/)?[\w.-]*requirements[\w.-]*\.txt|requirements\/[\w.-]+\.txt|setup\.(py|cfg)|pyproject\.toml|poetry\.lock|uv\.lock)$/
const MAX_VERSION_FILE_BYTES = 2 ** 20

/** By its path alone. */
export function isVersionFile(path: string): boolean {
  return VERSION_FILES.test(path)
}

/** Reads the versions that a repository pins at its root. */
export async function findLibraryVersions(files: FileSource): Promise<FoundLibraries> {
  const entries = (await files.list()).filter(
    ({ path, kind, size }) => kind === 'file' && isVersionFile(path) && (size ?? 0) <= MAX_VERSION_FILE_BYTES,
  )
  const paths = entries.map(({ path }) => path).toSorted()
  await files.prefetch?.(paths)
  const texts = new Map<string, string>()
  for (const path of paths) {
    const content = await files.read(path)
    if (content.status === 'found') texts.set(path, content.text)
  }
  return { versions: readLibraryVersions(texts), paths: [...texts.keys()] }
}

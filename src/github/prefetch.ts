import type { FileSource } from '../files/file-source.ts'
import { isVersionFile } from '../launch/find-library-versions.ts'
import { selectConfigs } from '../select-configs.ts'
import type { Blob } from './blob-store.ts'
import type { Subject } from './subject.ts'

/** Reads what the pipeline will ask for, of both sides together: the fewest requests. */
export async function prefetchTexts({ head, base, changes, blobs }: Subject, globs: readonly string[]): Promise<void> {
  const touched = new Set(changes?.flatMap(({ path, previousPath }) => [path, previousPath ?? path]) ?? [])
  const selected = new Set((await selectConfigs(head, globs, [...touched])).paths)
  const ofHead = await blobsOf(head, path => selected.has(path) || isVersionFile(path))
  const selectedBase = base === null ? [] : (await selectConfigs(base, globs, [...touched])).paths
  const before = new Set(selectedBase.filter(path => touched.has(path)))
  const ofBase = base === null ? [] : await blobsOf(base, path => before.has(path) || isVersionFile(path))
  await blobs.prefetch([...ofHead, ...ofBase])
}

async function blobsOf(files: FileSource, isWanted: (path: string) => boolean): Promise<readonly Blob[]> {
  return (await files.list()).flatMap(({ path, kind, size, sha }) =>
    kind === 'file' && sha !== undefined && isWanted(path) ? [{ sha, size }] : [],
  )
}

import type { FileSource } from '../files/file-source.ts'
import { versionFilesOf } from '../launch/find-library-versions.ts'
import { selectConfigs } from '../select-configs.ts'
import type { Blob } from './blob-store.ts'
import type { Subject } from './subject.ts'

/** Reads what the pipeline will ask for, of both sides together: the fewest requests. */
export async function prefetchTexts({ head, base, changes, blobs }: Subject, globs: readonly string[]): Promise<void> {
  const touched = new Set(changes?.flatMap(({ path, previousPath }) => [path, previousPath ?? path]) ?? [])
  const selected = new Set((await selectConfigs(head, globs, [...touched])).paths)
  const ofHead = await blobsOf(head, selected, selected)
  const selectedBase = base === null ? [] : (await selectConfigs(base, globs, [...touched])).paths
  const before = new Set(selectedBase.filter(path => touched.has(path)))
  const ofBase = base === null ? [] : await blobsOf(base, before, selectedBase)
  await blobs.prefetch([...ofHead, ...ofBase])
}

/** The wanted files, and what pins library versions for the configs. */
async function blobsOf(
  files: FileSource,
  wanted: ReadonlySet<string>,
  configs: Iterable<string>,
): Promise<readonly Blob[]> {
  const entries = await files.list()
  const pinning = new Set(
    versionFilesOf(
      entries.map(({ path }) => path),
      configs,
    ),
  )
  return entries.flatMap(({ path, kind, size, sha }) =>
    kind === 'file' && sha !== undefined && (wanted.has(path) || pinning.has(path)) ? [{ sha, size }] : [],
  )
}

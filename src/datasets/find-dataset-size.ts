import { heldBytes } from '../files/data-bytes.ts'
import type { FileSource } from '../files/file-source.ts'
import { folderOf, possiblePaths } from '../files/repository-path.ts'
import { globMatcher } from '../policy/policy-set.ts'
import { countRecords, isCountable } from './count-records.ts'
import type { DatasetSizeResult, DatasetSource } from './dataset-size.ts'

export interface DatasetPlace {
  readonly files: FileSource
  /** Of the config; names are looked up from the repository's root, then from its folder and those above it. */
  readonly configPath: string
  /** Published data sets. */
  readonly published: DatasetSource
}

const MOST_SHARDS = 100

/** A data set's size: files of the repository first, then whoever publishes it. */
export async function findDatasetSize(name: string, place: DatasetPlace): Promise<DatasetSizeResult> {
  if (/[*?[{]/.test(name)) return sumOf(await matchingPaths(name, place), place)
  if (isCountable(name)) return countFirst(name, place)
  const { listedDataset } = await import('./listed-dataset.ts')
  const listed = await listedDataset(name, place)
  if (listed?.kind === 'file') return countFirst(listed.path, place)
  const known = listed?.kind === 'hub' ? await place.published.size(listed.id) : await place.published.size(name)
  return known
}

/** Where a name may lie in the repository; nothing outside it. */
export function datasetPaths(name: string, configPath: string): readonly string[] {
  return possiblePaths(name, folderOf(configPath))
}

async function countFirst(name: string, place: DatasetPlace): Promise<DatasetSizeResult> {
  for (const path of datasetPaths(name, place.configPath)) {
    const result = await countFile(path, place.files)
    if (result.status !== 'missing') return result
  }
  return { status: 'missing' }
}

async function matchingPaths(name: string, { files, configPath }: DatasetPlace): Promise<readonly string[]> {
  const entries = await files.list()
  for (const glob of datasetPaths(name, configPath)) {
    const matches = globMatcher([glob])
    const found = entries.filter(({ path, kind }) => kind === 'file' && isCountable(path) && matches(path))
    if (found.length > 0) return found.map(({ path }) => path)
  }
  return []
}

/** Shards of one data set: all of them are counted, or none. */
async function sumOf(paths: readonly string[], { files }: DatasetPlace): Promise<DatasetSizeResult> {
  if (paths.length === 0) return { status: 'missing' }
  if (paths.length > MOST_SHARDS)
    return { status: 'unknown', message: `${paths.length} files match; at most ${MOST_SHARDS} are counted` }
  let samples = 0
  let tokens: number | null = 0
  for (const path of paths) {
    const result = await countFile(path, files)
    if (result.status !== 'found') return result
    samples += result.size.samples
    tokens =
      tokens === null || result.size.meanTokens === null ? null : tokens + result.size.meanTokens * result.size.samples
  }
  const meanTokens = tokens === null || samples === 0 ? null : Math.round(tokens / samples)
  return { status: 'found', size: { samples, meanTokens, note: `${samples} records in ${paths.length} files` } }
}

async function countFile(path: string, files: FileSource): Promise<DatasetSizeResult> {
  const data = await files.data?.(path)
  if (data) return countRecords(path, data)
  const content = await files.read(path)
  if (content.status === 'missing') return { status: 'missing' }
  if (content.status === 'refused') return { status: 'unknown', message: content.reason }
  return countRecords(path, heldBytes(Buffer.from(content.text)))
}

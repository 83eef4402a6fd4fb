import type { FileSource } from '../files/file-source.ts'
import { folderOf } from '../files/repository-path.ts'
import { mergePins, type PinnedLibraries, pinLibraries, versionsOf } from './library-versions.ts'

export interface FoundLibraries {
  /** Library → version for a config; empty: the current profile. */
  versionsFor(config: string): Readonly<Record<string, string>>
  /** Files that they were read from, in the config's folder and the ones above it. */
  pathsFor(config: string): readonly string[]
}

/** Files that pin library versions for their folder and the ones below it. */
const VERSION_FILES =
  /^(?:(?<folder>.+?)\/)??(?:environment\.ya?ml|(?:docker\/)?Dockerfile|(?:requirements\/)?[\w.-]*requirements[\w.-]*\.txt|requirements\/[\w.-]+\.txt|setup\.(?:py|cfg)|pyproject\.toml|poetry\.lock|pdm\.lock|uv\.lock)$/
const MAX_VERSION_FILE_BYTES = 2 ** 20
/** Nearest to the root first. */
const MAX_VERSION_FILES = 200

/** Those of the paths that pin versions for one of the configs, by their names alone. */
export function versionFilesOf(paths: readonly string[], configs: Iterable<string>): readonly string[] {
  const folders = new Set<string>([''])
  for (const config of configs) for (const folder of foldersAbove(config)) folders.add(folder)
  return paths
    .flatMap(path => {
      const folder = governed(path)
      return folder !== null && folders.has(folder) ? [path] : []
    })
    .toSorted((one, other) => depthOf(one) - depthOf(other) || (one < other ? -1 : 1))
    .slice(0, MAX_VERSION_FILES)
}

/** Reads the versions that a repository pins in the folders of the configs and the ones above them. */
export async function findLibraryVersions(files: FileSource, configs: readonly string[]): Promise<FoundLibraries> {
  const small = (await files.list()).filter(
    ({ kind, size }) => kind === 'file' && (size ?? 0) <= MAX_VERSION_FILE_BYTES,
  )
  const paths = versionFilesOf(
    small.map(({ path }) => path),
    configs,
  )
  await files.prefetch?.(paths)
  const texts = new Map<string, Map<string, string>>()
  for (const path of paths) {
    const content = await files.read(path)
    if (content.status !== 'found') continue
    const folder = governed(path) ?? ''
    texts.set(folder, (texts.get(folder) ?? new Map<string, string>()).set(path, content.text))
  }
  const pins = new Map([...texts].map(([folder, read]) => [folder, pinLibraries(read)]))
  const found = <T>(of: ReadonlyMap<string, T>, config: string): readonly T[] =>
    foldersAbove(config).flatMap(folder => of.get(folder) ?? [])
  return {
    versionsFor: config => versionsOf(found<PinnedLibraries>(pins, config).reduce(mergePins, new Map())),
    pathsFor: config => found(texts, config).flatMap(read => [...read.keys()]),
  }
}

/** The folder that a version file speaks for; null: it is none. */
function governed(path: string): string | null {
  const match = VERSION_FILES.exec(path)
  return match ? (match.groups?.['folder'] ?? '') : null
}

/** The root first. */
function foldersAbove(config: string): readonly string[] {
  const parts = folderOf(config)
    .split('/')
    .filter(part => part !== '')
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))]
}

function depthOf(path: string): number {
  return path.split('/').length
}

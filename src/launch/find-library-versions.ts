import type { FileContent, FileSource } from '../files/file-source.ts'
import { folderOf } from '../files/repository-path.ts'
import { INPUT_LIMITS } from '../formats/input-limits.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { mergePins, type PinnedLibraries, pinLibraries, versionsOf } from './library-versions.ts'

export interface FoundLibraries {
  /** Library → version for a config; empty: the current profile. */
  versionsFor(config: string): Readonly<Record<string, string>>
  /** Files that they were read from, in the config's folder and the ones above it. */
  pathsFor(config: string): readonly string[]
  /** Files among them that could not be read: what they pin is not known. */
  problemsFor(config: string): readonly Finding[]
}

/** Files that pin library versions for their folder and the ones below it. */
const VERSION_FILES =
  /^(?:(?<folder>.+?)\/)??(?:environment\.ya?ml|(?:docker\/)?Dockerfile|(?:requirements\/)?[\w.-]*requirements[\w.-]*\.txt|requirements\/[\w.-]+\.txt|setup\.(?:py|cfg)|pyproject\.toml|poetry\.lock|pdm\.lock|uv\.lock)$/
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
  const entries = (await files.list()).filter(({ kind }) => kind === 'file')
  const sizes = new Map(entries.map(({ path, size }) => [path, size ?? 0]))
  const paths = versionFilesOf([...sizes.keys()], configs)
  const isSmall = (path: string): boolean => (sizes.get(path) ?? 0) <= INPUT_LIMITS.fileBytes
  await files.prefetch?.(paths.filter(isSmall))
  const texts = new Map<string, Map<string, string>>()
  const problems = new Map<string, Finding[]>()
  for (const path of paths) {
    const folder = governed(path) ?? ''
    const content: FileContent = isSmall(path)
      ? await files.read(path)
      : { status: 'refused', reason: `it has ${sizes.get(path)} bytes; expected at most ${INPUT_LIMITS.fileBytes}` }
    if (content.status === 'found')
      texts.set(folder, (texts.get(folder) ?? new Map<string, string>()).set(path, content.text))
    else if (content.status === 'refused')
      problems.set(folder, [...(problems.get(folder) ?? []), unreadPins(path, content)])
  }
  const pins = new Map([...texts].map(([folder, read]) => [folder, pinLibraries(read)]))
  const found = <T>(of: ReadonlyMap<string, T>, config: string): readonly T[] =>
    foldersAbove(config).flatMap(folder => of.get(folder) ?? [])
  return {
    versionsFor: config => versionsOf(found<PinnedLibraries>(pins, config).reduce(mergePins, new Map())),
    pathsFor: config => found(texts, config).flatMap(read => [...read.keys()]),
    problemsFor: config => found(problems, config).flat(),
  }
}

/** A lock is what gets installed: without it the versions are those of other files, or of the current profile. */
function unreadPins(path: string, { code, reason }: Extract<FileContent, { status: 'refused' }>): Finding {
  return finding(code ?? 'input-limit', {
    severity: 'notice',
    path,
    message: `The library versions that it pins were not read: ${reason}.`,
    hint: 'Pin the libraries of the trainer exactly in `requirements.txt` or `pyproject.toml` beside it.',
  })
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

import { namedDataPaths } from './datasets/measure-datasets.ts'
import type { FileSource } from './files/file-source.ts'
import type { ConfigDocument } from './formats/config-document.ts'
import { type LibrariesOf, type ReadConfig, ReadSession } from './formats/read-session.ts'
import { FORMAT_READERS } from './formats/registry.ts'
import { findLibraryVersions } from './launch/find-library-versions.ts'
import { modelConfigPaths } from './models/find-model.ts'
import type { Finding } from './plan/finding.ts'
import type { PolicySet } from './policy/policy-set.ts'

/** The training configs of one side of a comparison. */
export interface ReadTree {
  readonly session: ReadSession
  readonly configs: readonly ReadConfig[]
  /** Files that no reader recognises and no run depends on. */
  readonly unrecognised: readonly ConfigDocument[]
  /** Package → version as the repository pins it for a config. */
  readonly librariesOf: LibrariesOf
  /** Files that those were read from. */
  readonly libraryPathsOf: (config: string) => readonly string[]
  /** Of those that could not be read. */
  readonly libraryProblemsOf: (config: string) => readonly Finding[]
}

export async function readTree(files: FileSource, paths: readonly string[]): Promise<ReadTree> {
  const libraries = await findLibraryVersions(files, paths)
  await files.prefetch?.(paths)
  const session = new ReadSession(files, FORMAT_READERS, libraries.versionsFor)
  const configs: ReadConfig[] = []
  const unrecognised: ConfigDocument[] = []
  for (const path of paths) {
    const document = await session.document(path)
    if (!document) continue
    const reader = session.readerOf(document)
    const config = reader && (await session.read(document, reader))
    if (config && !startsNothing(config)) configs.push(config)
    else if (document.findings.some(({ severity }) => severity === 'error'))
      configs.push({
        document,
        format: 'unreadable',
        result: { runs: [], findings: document.findings },
        dependencies: [path],
        launched: [],
      })
    else unrecognised.push(document)
  }
  const read = new Set(configs.flatMap(({ dependencies }) => dependencies))
  return {
    session,
    configs: configs.length > 1 ? withoutLaunched(configs) : configs,
    unrecognised: unrecognised.filter(({ path }) => !read.has(path)),
    librariesOf: libraries.versionsFor,
    libraryPathsOf: libraries.pathsFor,
    libraryProblemsOf: libraries.problemsFor,
  }
}

/** Files with the command that starts a run; what they name is read through them. */
const LAUNCHERS: ReadonlySet<string> = new Set(['shell', 'skypilot', 'dstack', 'kubeflow', 'mcli', 'wandb-sweep'])

/** A launcher of a program of unknown name, which may train, with a file that turns out to be no training config. */
function startsNothing({ format, result }: ReadConfig): boolean {
  return (
    LAUNCHERS.has(format) && result.runs.length === 0 && result.findings.every(({ severity }) => severity !== 'error')
  )
}

/** A launcher that points at a config and the config are one run: the launcher's reading of it stands. */
function withoutLaunched(configs: readonly ReadConfig[]): readonly ReadConfig[] {
  const isLauncher = ({ format }: ReadConfig): boolean => LAUNCHERS.has(format)
  const launched = new Set(configs.filter(isLauncher).flatMap(({ launched }) => launched))
  return configs.filter(
    config => isLauncher(config) || config.result.runs.length === 0 || !launched.has(config.document.path),
  )
}

/** Something changed that the run depends on: its files, its data, its model’s config, the library versions. */
export function isAffected(
  config: ReadConfig,
  changes: readonly { readonly path: string; readonly previousPath: string | null }[],
  { libraryPathsOf, policy }: Pick<ReadTree, 'libraryPathsOf'> & { readonly policy: PolicySet },
): boolean {
  const configPath = config.document.path
  const libraryPaths = libraryPathsOf(configPath)
  const known = policy.forPath(configPath).models
  const named = config.result.runs.flatMap(({ draft: { model, ...draft } }) => [
    ...namedDataPaths(draft, configPath),
    ...(model && typeof model !== 'function' ? modelConfigPaths(model.value, { known, configPath }) : []),
  ])
  return changes.some(
    ({ path, previousPath }) =>
      config.dependencies.includes(path) ||
      named.includes(path) ||
      (previousPath !== null && config.dependencies.includes(previousPath)) ||
      libraryPaths.includes(path),
  )
}

import type { FileEntry, FileSource } from './files/file-source.ts'
import { INPUT_LIMITS } from './formats/input-limits.ts'
import { isConfigPath } from './formats/parse-document.ts'
import type { Finding } from './plan/finding.ts'
import { finding } from './plan/finding-texts.ts'
import { globMatcher } from './policy/policy-set.ts'

export interface SelectedConfigs {
  readonly paths: readonly string[]
  readonly findings: readonly Finding[]
}

/** Folders that hold no training configs of the repository itself. */
const SKIPPED_FOLDERS = /(^|\/)(node_modules|\.git|\.venv|venv|site-packages|dist|build)\//

/**
 * Paths that may hold training configs: those that `paths` matches, else every file whose name a reader could know.
 * What is left out for its size or kind is said.
 */
export async function selectConfigs(
  files: FileSource,
  globs: readonly string[],
  first: readonly string[] = [],
): Promise<SelectedConfigs> {
  const matches = globMatcher(globs)
  const isNamed = globs.some(glob => !glob.startsWith('!'))
  const wanted = (await files.list()).filter(
    ({ path }) => matches(path) && (isNamed || (isConfigPath(path) && !SKIPPED_FOLDERS.test(path))),
  )
  const findings: Finding[] = []
  const readable: FileEntry[] = []
  for (const entry of [...wanted].sort((a, b) => rank(a, first) - rank(b, first) || (a.path < b.path ? -1 : 1))) {
    if (entry.kind !== 'file') {
      if (isNamed)
        findings.push(
          finding('outside-repository', {
            path: entry.path,
            severity: 'warning',
            message: `\`${entry.path}\` is a ${entry.kind}; it is not followed.`,
          }),
        )
    } else if ((entry.size ?? 0) > INPUT_LIMITS.fileBytes) {
      if (isNamed || first.includes(entry.path))
        findings.push(
          finding('input-limit', {
            path: entry.path,
            message: `The file has ${entry.size} bytes; expected at most ${INPUT_LIMITS.fileBytes}.`,
          }),
        )
    } else readable.push(entry)
  }
  const paths: string[] = []
  let bytes = 0
  for (const { path, size } of readable) {
    bytes += size ?? 0
    if (paths.length >= INPUT_LIMITS.files || bytes > INPUT_LIMITS.totalBytes) {
      findings.push(
        finding('incomplete', {
          message: `${readable.length - paths.length} of ${readable.length} candidate files were not read: more than ${INPUT_LIMITS.files} files or 20 MiB.`,
        }),
      )
      break
    }
    paths.push(path)
  }
  return { paths, findings }
}

function rank(entry: FileEntry, first: readonly string[]): number {
  return first.includes(entry.path) ? 0 : 1
}

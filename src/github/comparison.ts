import * as z from 'zod/mini'
import type { FileEntry } from '../files/file-source.ts'
import type { ApiResult, GitHubApi } from './api.ts'
import type { RepositoryName } from './repository-name.ts'

/** How a path stands at the head against the base. */
export interface ChangedPath {
  readonly path: string
  readonly previousPath: string | null
  readonly status: 'added' | 'modified' | 'removed' | 'renamed'
}

/** What GitHub says about two commits. */
export interface CommitComparison {
  readonly mergeBase: string
  /** The commit that the left side's name stands for now. */
  readonly baseTip: string
  /** The first 300 files, with their diffs. */
  readonly files: readonly ComparedFile[]
}

export interface ComparedFile extends ChangedPath {
  /** Unified diff hunks; null for large or binary files. */
  readonly patch: string | null
}

/** Lists at most this many files (GitHub REST, "Compare two commits"). */
export const COMPARED_FILES = 300

/** DESIGN §5: beyond it the comparison is called incomplete. */
export const MAX_CHANGED_FILES = 3000

/** `base` and `head` are shas or branch names. One request. */
export async function compareCommits(
  api: GitHubApi,
  repository: RepositoryName,
  base: string,
  head: string,
): Promise<ApiResult<CommitComparison>> {
  const answer = await api.call({
    route: 'GET /repos/{owner}/{repo}/compare/{basehead}',
    parameters: { ...repository, basehead: `${base}...${head}`, per_page: 100 },
    schema: COMPARISON,
  })
  if (!answer.ok) return answer
  const { merge_base_commit: mergeBase, base_commit: tip, files } = answer.data
  return {
    ok: true,
    data: { mergeBase: mergeBase.sha, baseTip: tip?.sha ?? mergeBase.sha, files: files.map(comparedFile) },
  }
}

/** The difference of two complete trees, renames from GitHub where it says them and else by equal content. */
export function changedPaths(
  base: ReadonlyMap<string, FileEntry>,
  head: ReadonlyMap<string, FileEntry>,
  compared: readonly ComparedFile[],
): readonly ChangedPath[] {
  const changes = new Map<string, ChangedPath>()
  for (const { path, sha, kind } of head.values()) {
    const before = base.get(path)
    if (before === undefined) changes.set(path, { path, previousPath: null, status: 'added' })
    else if (before.sha !== sha || before.kind !== kind)
      changes.set(path, { path, previousPath: null, status: 'modified' })
  }
  for (const path of base.keys())
    if (!head.has(path)) changes.set(path, { path, previousPath: null, status: 'removed' })
  for (const { path, previousPath, status } of compared) {
    if (previousPath !== null) changes.delete(previousPath)
    changes.set(path, { path, previousPath, status })
  }
  for (const { path, previousPath } of equalRenames(base, head, [...changes.values()])) {
    changes.delete(previousPath)
    changes.set(path, { path, previousPath, status: 'renamed' })
  }
  return [...changes.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
}

function equalRenames(
  base: ReadonlyMap<string, FileEntry>,
  head: ReadonlyMap<string, FileEntry>,
  changes: readonly ChangedPath[],
): readonly { readonly path: string; readonly previousPath: string }[] {
  const removed = new Map<string, string>()
  for (const { path, status } of changes) {
    const sha = base.get(path)?.sha
    if (status === 'removed' && sha !== undefined) removed.set(sha, path)
  }
  return changes.flatMap(({ path, status }) => {
    const sha = head.get(path)?.sha
    const previousPath = status === 'added' && sha !== undefined ? removed.get(sha) : undefined
    if (sha === undefined || previousPath === undefined) return []
    removed.delete(sha)
    return [{ path, previousPath }]
  })
}

const COMMIT = z.object({ sha: z.string() })

const COMPARISON = z.object({
  merge_base_commit: COMMIT,
  base_commit: z.optional(COMMIT),
  files: z._default(
    z.array(
      z.object({
        filename: z.string(),
        previous_filename: z.optional(z.string()),
        status: z.string(),
        patch: z.optional(z.string()),
      }),
    ),
    [],
  ),
})

const STATUSES: Readonly<Record<string, ChangedPath['status']>> = {
  added: 'added',
  copied: 'added',
  removed: 'removed',
  renamed: 'renamed',
}

function comparedFile(file: z.output<typeof COMPARISON>['files'][number]): ComparedFile {
  const status = STATUSES[file.status] ?? 'modified'
  return {
    path: file.filename,
    previousPath: status === 'renamed' ? (file.previous_filename ?? null) : null,
    status,
    patch: file.patch ?? null,
  }
}

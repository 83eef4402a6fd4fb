import * as z from 'zod/mini'
import type { FileContent, FileEntry, FileSource } from '../files/file-source.ts'
import type { ApiResult, GitHubApi } from './api.ts'
import type { BlobStore } from './blob-store.ts'
import type { RepositoryName } from './repository-name.ts'

/** The files of one commit, read as text through the API. Nothing is checked out, no symlink or submodule followed. */
export interface CommitFiles extends FileSource {
  readonly commit: string
  /** GitHub cut the list: paths beyond it are looked up folder by folder. */
  readonly truncated: boolean
  readonly entries: ReadonlyMap<string, FileEntry>
}

interface CommitOptions {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  readonly commit: string
  readonly blobs: BlobStore
  /** Paths that the commit is said to have: listed even when GitHub cuts the tree before them. */
  readonly known?: readonly string[]
}

/** Reads the commit's whole tree in one request. */
export async function openCommit(options: CommitOptions): Promise<ApiResult<CommitFiles>> {
  const { api, repository, commit, blobs, known = [] } = options
  const answer = await readTree(api, repository, commit, true)
  if (!answer.ok) return answer
  const { truncated } = answer.data
  const entries = new Map(answer.data.tree.flatMap(entryOf).map(entry => [entry.path, entry]))
  const folders = new Map<string, Promise<ApiResult<Tree>>>()

  function folder(treeSha: string): Promise<ApiResult<Tree>> {
    const known = folders.get(treeSha) ?? readTree(api, repository, treeSha, false)
    folders.set(treeSha, known)
    return known
  }

  /** Only for truncated trees: one request for each folder on the way, each at most once. */
  async function lookUp(path: string): Promise<FileEntry | null> {
    let treeSha = commit
    const parts = path.split('/')
    for (const [index, part] of parts.entries()) {
      const tree = await folder(treeSha)
      const found = tree.ok ? tree.data.tree.find(entry => entry.path === part) : undefined
      if (found === undefined) return null
      if (index === parts.length - 1) return entryOf({ ...found, path })[0] ?? null
      if (found.type !== 'tree') return null
      treeSha = found.sha
    }
    return null
  }

  const beyond = truncated ? known.filter(path => !entries.has(path)) : []

  async function entryAt(path: string): Promise<FileEntry | null> {
    return entries.get(path) ?? (truncated ? await lookUp(path) : null)
  }

  async function read(path: string): Promise<FileContent> {
    const entry = await entryAt(path)
    if (entry === null || entry.sha === undefined) return { status: 'missing' }
    if (entry.kind !== 'file')
      return { status: 'refused', reason: `it is a ${entry.kind}, which is never followed`, code: 'outside-repository' }
    return blobs.read({ sha: entry.sha, size: entry.size })
  }

  return {
    ok: true,
    data: {
      commit,
      truncated,
      entries,
      list: async () => [...entries.values(), ...beyond.map(path => ({ path, kind: 'file', size: null }) as const)],
      read,
      async prefetch(paths) {
        const wanted = paths.flatMap(path => {
          const entry = entries.get(path)
          return entry?.kind === 'file' && entry.sha !== undefined ? [{ sha: entry.sha, size: entry.size }] : []
        })
        await blobs.prefetch(wanted)
      },
    },
  }
}

const TREE = z.object({
  tree: z.array(
    z.object({
      path: z.string(),
      mode: z.string(),
      type: z.string(),
      sha: z.string(),
      size: z.optional(z.number()),
    }),
  ),
  truncated: z._default(z.boolean(), false),
})
type Tree = z.output<typeof TREE>

function readTree(
  api: GitHubApi,
  repository: RepositoryName,
  sha: string,
  recursive: boolean,
): Promise<ApiResult<Tree>> {
  return api.call({
    route: 'GET /repos/{owner}/{repo}/git/trees/{tree_sha}',
    parameters: { ...repository, tree_sha: sha, ...(recursive ? { recursive: '1' } : {}) },
    schema: TREE,
  })
}

/** git's own modes: 120000 is a symlink, 160000 a commit of another repository. */
function entryOf({ path, mode, type, sha, size }: Tree['tree'][number]): readonly FileEntry[] {
  if (mode === '160000' || type === 'commit') return [{ path, kind: 'submodule', size: null, sha }]
  if (type !== 'blob') return []
  return [{ path, kind: mode === '120000' ? 'symlink' : 'file', size: size ?? null, sha }]
}

import { createHash } from 'node:crypto'

/** A file of the stand-in's repository. `120000` is a symlink, `160000` a submodule. */
export interface StoredFile {
  readonly bytes: Buffer
  readonly mode: '100644' | '120000' | '160000'
  readonly sha: string
}

export type Files = Readonly<Record<string, string | Buffer | { readonly link: string } | { readonly commit: string }>>

export interface StoredComment {
  readonly id: number
  readonly login: string
  body: string
}

export interface StoredReviewComment {
  readonly id: number
  readonly login: string
  readonly path: string
  readonly start_line?: number
  /** null: outdated. */
  line: number | null
  readonly body: string
  minimized: boolean
}

/** What a GitHub repository with one pull request is to the API, held in memory. */
export class StandInRepository {
  readonly fullName = 'acme/training'
  readonly commits = new Map<string, ReadonlyMap<string, StoredFile>>()
  readonly blobs = new Map<string, Buffer>()
  readonly branches = new Map<string, string>()
  /** Files of other repositories: `owner/repo/path@ref`. */
  readonly elsewhere = new Map<string, string>()
  /** `base...head` → merge base; else the base itself. */
  readonly mergeBases = new Map<string, string>()
  readonly renames = new Map<string, string>()
  /** Sha of a folder's tree → commit and path. */
  readonly folders = new Map<string, readonly [commit: string, folder: string]>()
  comments: StoredComment[] = []
  reviewComments: StoredReviewComment[] = []
  pullHead = ''
  /** Labels put on the pull request, oldest first. */
  labelled: { readonly label: string; readonly login: string; readonly at: string }[] = []
  truncated = false
  private nextId = 1000

  /** Adds a commit with these files and returns its sha. */
  commit(name: string, files: Files): string {
    const sha = createHash('sha1').update(`commit ${name}`).digest('hex')
    const stored = new Map<string, StoredFile>()
    for (const [path, content] of Object.entries(files)) {
      const mode = typeof content === 'object' && 'link' in content ? '120000' : isCommit(content) ? '160000' : '100644'
      const bytes = Buffer.isBuffer(content) ? content : Buffer.from(textOf(content))
      const blob = createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
      this.blobs.set(blob, bytes)
      stored.set(path, { bytes, mode, sha: blob })
    }
    this.commits.set(sha, stored)
    return sha
  }

  addComment(login: string, body: string): StoredComment {
    const comment = { id: this.nextId++, login, body }
    this.comments.push(comment)
    return comment
  }

  /** The sha of a folder's tree in a commit. */
  folder(commit: string, path: string): string {
    const sha = createHash('sha1').update(`tree ${commit} ${path}`).digest('hex')
    this.folders.set(sha, [commit, path])
    return sha
  }

  addReviewComment(
    login: string,
    comment: { readonly path: string; readonly start_line?: number; readonly line: number; readonly body: string },
  ): void {
    this.reviewComments.push({ id: this.nextId++, login, minimized: false, ...comment })
  }

  /** Takes over what has been written on another one of the same files. */
  continueFrom({ comments, reviewComments, nextId }: StandInRepository): void {
    this.comments = structuredClone(comments)
    this.reviewComments = structuredClone(reviewComments)
    this.nextId = nextId
  }

  resolve(name: string): string | null {
    const sha = this.branches.get(name) ?? name
    return this.commits.has(sha) ? sha : null
  }
}

function isCommit(content: Files[string]): content is { readonly commit: string } {
  return typeof content === 'object' && 'commit' in content
}

function textOf(content: Exclude<Files[string], Buffer>): string {
  if (typeof content === 'string') return content
  return 'link' in content ? content.link : content.commit
}

import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFileSource } from '../files/disk-file-source.ts'
import type { FileSource } from '../files/file-source.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import { type CommitFiles, openCommit } from './api-file-source.ts'
import { type BlobStore, blobStore } from './blob-store.ts'
import {
  type ChangedPath,
  COMPARED_FILES,
  type CommitComparison,
  type ComparedFile,
  changedPaths,
  compareCommits,
  MAX_CHANGED_FILES,
} from './comparison.ts'
import type { MergeGroupEvent, PullRequestEvent, PushEvent, TriggerEvent } from './event.ts'
import type { RepositoryName } from './repository-name.ts'

/** What the event asks to be judged. */
export interface Subject {
  readonly head: FileSource
  /** null: nothing to compare with. */
  readonly base: FileSource | null
  /** null: every config is looked at. */
  readonly changes: readonly ChangedPath[] | null
  /** GitHub's diffs of the first files, for suggestions. */
  readonly files: readonly ComparedFile[]
  /** Where a policy path is read: a side of the comparison, or a commit through the API. */
  readonly policy: FileSource | { readonly commit: string }
  readonly headCommit: string
  readonly baseCommit: string | null
  /** Name of the branch that the change goes into; null: none is known. */
  readonly baseBranch: string | null
  /** Texts read through the API. */
  readonly blobs: BlobStore
  readonly findings: readonly Finding[]
}

export type SubjectResult =
  | { readonly status: 'found'; readonly subject: Subject }
  | { readonly status: 'nothing'; readonly why: string }
  | { readonly status: 'unreadable'; readonly failure: ApiFailure }

export interface Place {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  /** GITHUB_WORKSPACE. */
  readonly workspace: string
}

export async function findSubject(event: TriggerEvent, place: Place): Promise<SubjectResult> {
  const reader = new CommitReader(place)
  switch (event.kind) {
    case 'pull-request':
      return pullRequestSubject(event, reader)
    case 'merge-group':
      return mergeGroupSubject(event, reader)
    case 'push':
      return pushSubject(event, reader)
    case 'checkout':
      return checkoutSubject(event.sha, reader)
  }
}

/** Opens commits that share one store of texts. */
class CommitReader {
  readonly place: Place
  readonly blobs: BlobStore

  constructor(place: Place) {
    this.place = place
    this.blobs = blobStore(place.api, place.repository)
  }

  open(commit: string, known: readonly string[] = []) {
    return openCommit({ ...this.place, commit, blobs: this.blobs, known })
  }

  compare(base: string, head: string) {
    return compareCommits(this.place.api, this.place.repository, base, head)
  }

  /** The checkout when there is one. */
  async checkout(): Promise<FileSource | null> {
    const { workspace } = this.place
    if (workspace === '') return null
    const hasCheckout = await lstat(join(workspace, '.git')).then(
      () => true,
      () => false,
    )
    return hasCheckout ? diskFileSource(workspace) : null
  }
}

/** Merge base against head; the policy is the base branch's own, as it is now. */
async function pullRequestSubject(event: PullRequestEvent, reader: CommitReader): Promise<SubjectResult> {
  const byName = await reader.compare(event.base.ref, event.head.sha)
  // The base branch may be gone or renamed: then its commit of the event stands for it.
  const compared = byName.ok ? byName : await reader.compare(event.base.sha, event.head.sha)
  const comparison: CommitComparison = compared.ok
    ? compared.data
    : { mergeBase: event.base.sha, baseTip: event.base.sha, files: [] }
  const result = await comparedSubject(comparison, event.head.sha, reader)
  if (result.status !== 'found') return result
  const subject = { ...result.subject, baseBranch: event.base.ref }
  if (compared.ok) return { status: 'found', subject }
  const message = `GitHub did not give the merge base (${compared.failure.message}); compared with the base branch’s commit ${event.base.sha.slice(0, 7)} instead.`
  return withFinding(subject, finding('incomplete', { message }))
}

async function mergeGroupSubject(event: MergeGroupEvent, reader: CommitReader): Promise<SubjectResult> {
  const compared = await reader.compare(event.baseSha, event.headSha)
  const files = compared.ok ? compared.data.files : []
  return comparedSubject({ mergeBase: event.baseSha, baseTip: event.baseSha, files }, event.headSha, reader)
}

async function comparedSubject(
  { mergeBase, baseTip, files }: CommitComparison,
  headCommit: string,
  reader: CommitReader,
): Promise<SubjectResult> {
  const [base, head] = await Promise.all([
    reader.open(mergeBase),
    reader.open(
      headCommit,
      files.flatMap(({ path, status }) => (status === 'removed' ? [] : [path])),
    ),
  ])
  if (!head.ok) return { status: 'unreadable', failure: head.failure }
  if (!base.ok) return { status: 'unreadable', failure: base.failure }
  const changes = changesBetween(base.data, head.data, files)
  return {
    status: 'found',
    subject: {
      head: head.data,
      base: base.data,
      changes,
      files,
      policy: baseTip === mergeBase ? base.data : { commit: baseTip },
      headCommit,
      baseCommit: mergeBase,
      baseBranch: null,
      blobs: reader.blobs,
      findings: completeness([base.data, head.data], changes),
    },
  }
}

/** The pushed commits against what the branch was before, or against the default branch for a new one. */
async function pushSubject(event: PushEvent, reader: CommitReader): Promise<SubjectResult> {
  if (event.deleted) return { status: 'nothing', why: 'the branch was deleted' }
  const left = event.before ?? (event.branch === event.defaultBranch ? null : event.defaultBranch)
  if (left === null) return checkoutSubject(event.after, reader)
  const compared = await reader.compare(left, event.after)
  const baseCommit = event.before ?? (compared.ok ? compared.data.mergeBase : null)
  const base = baseCommit === null ? null : await reader.open(baseCommit)
  // A forced push may have removed what was there before.
  if (base === null || !base.ok) {
    const whole = await checkoutSubject(event.after, reader)
    const message = 'What the branch was before cannot be read; every config is looked at without a comparison.'
    return whole.status === 'found' ? withFinding(whole.subject, finding('incomplete', { message })) : whole
  }
  const [commit, checkout] = await Promise.all([reader.open(event.after), reader.checkout()])
  if (!commit.ok) return { status: 'unreadable', failure: commit.failure }
  const files = compared.ok && compared.data.mergeBase === base.data.commit ? compared.data.files : []
  const changes = changesBetween(base.data, commit.data, files)
  const head = checkout ?? commit.data
  return {
    status: 'found',
    subject: {
      head,
      base: base.data,
      changes,
      files,
      policy: head,
      headCommit: event.after,
      baseCommit: base.data.commit,
      baseBranch: null,
      blobs: reader.blobs,
      findings: completeness([base.data, commit.data], changes),
    },
  }
}

/** Every config of the checkout, or of the commit when the job has none. */
async function checkoutSubject(sha: string, reader: CommitReader): Promise<SubjectResult> {
  const checkout = await reader.checkout()
  const opened = checkout === null ? await reader.open(sha) : null
  if (opened !== null && !opened.ok) return { status: 'unreadable', failure: opened.failure }
  const head = checkout ?? opened?.data
  if (head === undefined) return { status: 'nothing', why: 'there is neither a checkout nor a commit' }
  return {
    status: 'found',
    subject: {
      head,
      base: null,
      changes: null,
      files: [],
      policy: head,
      headCommit: sha,
      baseCommit: null,
      baseBranch: null,
      blobs: reader.blobs,
      findings: opened === null ? [] : completeness([opened.data], []),
    },
  }
}

/** A cut tree says nothing about the paths it leaves out, so then only GitHub's own list counts. */
function changesBetween(base: CommitFiles, head: CommitFiles, files: readonly ComparedFile[]): readonly ChangedPath[] {
  return base.truncated || head.truncated
    ? files.map(({ path, previousPath, status }) => ({ path, previousPath, status }))
    : changedPaths(base.entries, head.entries, files)
}

function completeness(trees: readonly CommitFiles[], changes: readonly ChangedPath[]): readonly Finding[] {
  const findings: Finding[] = []
  const cut = trees.find(({ truncated }) => truncated)
  if (cut !== undefined)
    findings.push(
      finding('incomplete', {
        message: `GitHub cut the list of files of ${cut.commit.slice(0, 7)} after ${cut.entries.size}; configs beyond it are not looked at, and of the changed files at most ${COMPARED_FILES} are known.`,
      }),
    )
  if (changes.length > MAX_CHANGED_FILES)
    findings.push(
      finding('incomplete', {
        message: `${changes.length} files changed; renames are followed only among the first ${COMPARED_FILES} and where the content stayed the same.`,
      }),
    )
  return findings
}

function withFinding(subject: Subject, extra: Finding): SubjectResult {
  return { status: 'found', subject: { ...subject, findings: [...subject.findings, extra] } }
}

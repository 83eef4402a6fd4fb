import * as z from 'zod/mini'
import type { ApiFailure, ApiResult, GitHubApi } from './api.ts'
import { type CommentState, compareRuns, contentHash, readMarker, writeMarker } from './comment-marker.ts'
import { listPages } from './pages.ts'
import type { RepositoryName } from './repository-name.ts'

/** One comment of ours on a pull request: kept up to date, never doubled, never set back by an older run. */
export interface CommentTarget {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  readonly number: number
  readonly key: string
  readonly head: string
  /** Commit ids and links that do not count as content. */
  readonly volatile: readonly string[]
  readonly run: string
  /** No older run can still be at work on this head: its first push, first attempt. */
  readonly isFirstOfHead: boolean
}

export type CommentOutcome =
  | {
      readonly status: 'created' | 'updated' | 'unchanged'
      readonly url: string
      /** Who writes with this token. */
      readonly login: string
      /** An earlier text came with suggestions. */
      readonly suggested: boolean
    }
  | { readonly status: 'skipped'; readonly reason: 'not-wanted' | 'newer-run' | 'head-moved' }
  | { readonly status: 'failed'; readonly failure: ApiFailure }

/** Writes `body`; creates a comment only when `mayCreate`, an existing one is always brought up to date. */
export async function upsertComment(
  target: CommentTarget,
  { body, mayCreate, suggests }: { readonly body: string; readonly mayCreate: boolean; readonly suggests: boolean },
): Promise<CommentOutcome> {
  const hash = contentHash(body, target.volatile)
  const text = `${writeMarker({ key: target.key, head: target.head, run: target.run, hash, suggests })}\n${body}`
  const marked = await markedComments(target)
  if (!marked.ok) return failed(marked.failure)
  if (marked.data.length === 0 && !mayCreate) return { status: 'skipped', reason: 'not-wanted' }

  const standing = await readStanding(target)
  const own = marked.data.filter(comment => comment.author === standing.login)
  if (own.length === 0 && !mayCreate) return { status: 'skipped', reason: 'not-wanted' }
  if (own.length > 0) return settle(target, own, { text, hash, ...standing })
  if (isMoved(target, standing.head)) return { status: 'skipped', reason: 'head-moved' }
  return create(target, { text, hash, ...standing })
}

interface OwnComment {
  readonly id: number
  readonly url: string
  readonly author: string
  readonly state: CommentState
}

interface Wanted {
  readonly text: string
  readonly hash: string
  /** The pull request's head now; null when GitHub did not say. */
  readonly head: string | null
  readonly login: string
}

async function create(target: CommentTarget, wanted: Wanted): Promise<CommentOutcome> {
  const posted = await target.api.call({
    route: 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
    parameters: { ...target.repository, issue_number: target.number, body: wanted.text },
    schema: COMMENT,
    once: true,
  })
  if (!posted.ok && !isAmbiguous(posted.failure)) return failed(posted.failure)
  // Another run may have created one at the same moment, and a lost answer may hide that ours exists.
  const marked = await markedComments(target)
  const author = posted.ok ? posted.data.user?.login : undefined
  const created = (url: string): CommentOutcome => ({ status: 'created', url, login: wanted.login, suggested: false })
  if (!marked.ok) return posted.ok ? created(posted.data.html_url) : failed(marked.failure)
  const own = marked.data.filter(comment => comment.author === (author ?? wanted.login))
  if (own.length === 0) return posted.ok ? created(posted.data.html_url) : failed(posted.failure)
  const settled = await settle(target, own, wanted)
  return settled.status === 'unchanged' ? { ...settled, status: 'created' } : settled
}

/** The oldest comment stays and gets the text of the newest run; later ones of runs that are not newer go. */
async function settle(target: CommentTarget, comments: readonly OwnComment[], wanted: Wanted): Promise<CommentOutcome> {
  const [oldest, ...later] = [...comments].sort((a, b) => a.id - b.id)
  if (oldest === undefined) return { status: 'skipped', reason: 'not-wanted' }
  const newest = comments.map(comment => comment.state.run).reduce((a, b) => (compareRuns(a, b) < 0 ? b : a))
  const outcome = await bringUpToDate(target, oldest, newest, wanted)
  if (outcome.status === 'failed') return outcome
  for (const { id, state } of later)
    if (compareRuns(state.run, target.run) <= 0)
      await target.api.call({
        route: 'DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}',
        parameters: { ...target.repository, comment_id: id },
        schema: z.unknown(),
      })
  return outcome
}

async function bringUpToDate(
  target: CommentTarget,
  oldest: OwnComment,
  newestRun: string,
  wanted: Wanted,
): Promise<CommentOutcome> {
  if (compareRuns(target.run, newestRun) < 0) return { status: 'skipped', reason: 'newer-run' }
  const { login } = wanted
  const { suggests: suggested } = oldest.state
  const isSame = oldest.state.hash === wanted.hash
  // An older run on this head that is still at work would take the marker's run for the newest and set the text back.
  const needsMarker = !target.isFirstOfHead && compareRuns(target.run, oldest.state.run) > 0
  if (isSame && !needsMarker) return { status: 'unchanged', url: oldest.url, login, suggested }
  if (isMoved(target, wanted.head)) return { status: 'skipped', reason: 'head-moved' }
  const patched = await target.api.call({
    route: 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
    parameters: { ...target.repository, comment_id: oldest.id, body: wanted.text },
    schema: COMMENT,
  })
  if (!patched.ok) return failed(patched.failure)
  return { status: isSame ? 'unchanged' : 'updated', url: patched.data.html_url, login, suggested }
}

const COMMENT = z.object({
  id: z.number(),
  html_url: z.string(),
  body: z.nullish(z.string()),
  user: z.nullish(z.object({ login: z.string() })),
})

/** Every comment with our marker and key, whoever wrote it. */
async function markedComments(target: CommentTarget): Promise<ApiResult<readonly OwnComment[]>> {
  const comments = await listPages(target.api, {
    route: 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
    parameters: { ...target.repository, issue_number: target.number },
    schema: COMMENT,
  })
  if (!comments.ok) return comments
  return {
    ok: true,
    data: comments.data.flatMap(({ id, html_url: url, body, user }) => {
      const state = readMarker(body ?? '')
      return state?.key === target.key ? [{ id, url, author: user?.login ?? '', state }] : []
    }),
  }
}

/** Who writes with this token, and where the pull request's head is now. */
async function readStanding(target: CommentTarget): Promise<{ readonly login: string; readonly head: string | null }> {
  const { api, repository, number } = target
  const answer = await api.graphql(
    'query($owner:String!,$repo:String!,$number:Int!){viewer{login} repository(owner:$owner,name:$repo){pullRequest(number:$number){headRefOid}}}',
    { ...repository, number },
    STANDING,
  )
  if (answer.ok)
    return { login: answer.data.viewer.login, head: answer.data.repository?.pullRequest?.headRefOid ?? null }
  const pull = await api.call({
    route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}',
    parameters: { ...repository, pull_number: number },
    schema: PULL,
  })
  return { login: WORKFLOW_TOKEN_LOGIN, head: pull.ok ? pull.data.head.sha : null }
}

const STANDING = z.object({
  viewer: z.object({ login: z.string() }),
  repository: z.nullish(z.object({ pullRequest: z.nullish(z.object({ headRefOid: z.string() })) })),
})
const PULL = z.object({ head: z.object({ sha: z.string() }) })

/** The author of everything that a workflow's own token writes. */
const WORKFLOW_TOKEN_LOGIN = 'github-actions[bot]'

function isMoved({ head }: CommentTarget, now: string | null): boolean {
  return now !== null && now !== head
}

/** The request may have worked although its answer was lost. */
function isAmbiguous({ kind }: ApiFailure): boolean {
  return kind === 'unreachable' || kind === 'malformed'
}

function failed(failure: ApiFailure): CommentOutcome {
  return { status: 'failed', failure }
}

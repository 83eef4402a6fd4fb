import * as z from 'zod/mini'
import type { ApiFailure, ApiResult, GitHubApi } from './api.ts'
import { listPages } from './pages.ts'
import type { RepositoryName } from './repository-name.ts'
import type { Suggestion } from './suggestions.ts'

export interface ReviewTarget {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  readonly number: number
  readonly head: string
  readonly key: string
  /** Who writes with this token: a marker that somebody else planted is not ours. */
  readonly login: string
}

export type ReviewOutcome =
  | { readonly status: 'done'; readonly posted: number; readonly retired: number }
  | { readonly status: 'failed'; readonly failure: ApiFailure }

/**
 * Posts what was not posted before as one review, and folds away what is still on the diff but no longer offered. What
 * somebody resolved, or GitHub calls outdated, stays as it is and is not offered again.
 */
export async function reviewSuggestions(
  target: ReviewTarget,
  suggestions: readonly Suggestion[],
): Promise<ReviewOutcome> {
  const posted = await postedSuggestions(target)
  if (!posted.ok) return { status: 'failed', failure: posted.failure }
  const known = new Set(posted.data.map(({ id }) => id))
  const wanted = new Set(suggestions.map(({ id }) => id))
  const fresh = suggestions.filter(({ id }) => !known.has(id))
  const stale = posted.data.filter(({ id, key, isOnDiff }) => isOnDiff && key === target.key && !wanted.has(id))
  if (stale.length > 0) await foldAway(target, stale)
  const failure = fresh.length > 0 ? await postReview(target, fresh) : null
  return failure === null
    ? { status: 'done', posted: fresh.length, retired: stale.length }
    : { status: 'failed', failure }
}

interface PostedSuggestion {
  readonly id: string
  readonly key: string
  readonly nodeId: string
  /** false: GitHub calls it outdated. */
  readonly isOnDiff: boolean
}

async function postedSuggestions({
  api,
  repository,
  number,
  login,
}: ReviewTarget): Promise<ApiResult<readonly PostedSuggestion[]>> {
  const comments = await listPages(api, {
    route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
    parameters: { ...repository, pull_number: number },
    schema: REVIEW_COMMENT,
  })
  if (!comments.ok) return comments
  return {
    ok: true,
    data: comments.data.flatMap(({ body, user, line, node_id: nodeId }) => {
      const [, key, id] = MARKER.exec(body ?? '') ?? []
      return key === undefined || id === undefined || user?.login !== login
        ? []
        : [{ id, key, nodeId, isOnDiff: line != null }]
    }),
  }
}

const REVIEW_COMMENT = z.object({
  node_id: z._default(z.string(), ''),
  body: z.nullish(z.string()),
  line: z.nullish(z.number()),
  user: z.nullish(z.object({ login: z.string() })),
})

const MARKER = /<!-- preflop:suggestion ([\w.-]{1,64}) ([0-9a-f]{16}) -->/

async function postReview(
  { api, repository, number, head, key }: ReviewTarget,
  suggestions: readonly Suggestion[],
): Promise<ApiFailure | null> {
  const review = await api.call({
    route: 'POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
    parameters: {
      ...repository,
      pull_number: number,
      commit_id: head,
      event: 'COMMENT',
      comments: suggestions.map(suggestion => ({
        path: suggestion.path,
        ...(suggestion.startLine === suggestion.line ? {} : { start_line: suggestion.startLine, start_side: 'RIGHT' }),
        line: suggestion.line,
        side: 'RIGHT',
        body: suggestionBody(suggestion, key),
      })),
    },
    schema: z.object({ id: z.number() }),
    once: true,
  })
  return review.ok ? null : review.failure
}

/** Hides them as outdated, in one request. A refusal changes nothing: they only stay open. */
async function foldAway({ api }: ReviewTarget, stale: readonly PostedSuggestion[]): Promise<void> {
  const known = stale.filter(({ nodeId }) => nodeId !== '').slice(0, 50)
  if (known.length === 0) return
  const variables = known.map((_, index) => `$s${index}:ID!`).join(',')
  const fields = known
    .map((_, index) => `m${index}:minimizeComment(input:{subjectId:$s${index},classifier:OUTDATED}){clientMutationId}`)
    .join(' ')
  const values = Object.fromEntries(known.map(({ nodeId }, index) => [`s${index}`, nodeId]))
  await api.graphql(`mutation(${variables}){${fields}}`, values, z.unknown())
}

function suggestionBody({ text, title, id }: Suggestion, key: string): string {
  const fence = '`'.repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)))
  const words = title.replace(/[^\p{L}\p{N} ,.:;×→=()_/%+-]/gu, '')
  return [
    `**Preflop**: ${words}`,
    '',
    `${fence}suggestion`,
    text,
    fence,
    '',
    `<!-- preflop:suggestion ${key} ${id} -->`,
  ].join('\n')
}

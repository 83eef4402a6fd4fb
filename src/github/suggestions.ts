import { createHash } from 'node:crypto'
import * as z from 'zod'
import type { FileSource } from '../files/file-source.ts'
import type { FixReport, Report } from '../report/report.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import type { ComparedFile } from './comparison.ts'
import { diffLines } from './diff-lines.ts'
import { editLine } from './line-edit.ts'
import { listPages } from './pages.ts'
import type { RepositoryName } from './repository-name.ts'

/** One line of the head and what it should become. */
export interface Suggestion {
  readonly path: string
  readonly line: number
  readonly text: string
  readonly title: string
  /** Equal for the same change of the same line: it is never offered twice. */
  readonly id: string
}

/** More would bury the review. */
const MAX_SUGGESTIONS = 10

/**
 * The first fix of each failing run that can be applied by clicking: each of its changes replaces the scalar of one
 * line that is in the diff. Half a fix is none.
 */
export async function planSuggestions(
  report: Report,
  { head, files }: { readonly head: FileSource; readonly files: readonly ComparedFile[] },
): Promise<readonly Suggestion[]> {
  const shownLines = new Map(files.map(({ path, patch }) => [path, diffLines(patch ?? '')]))
  const suggestions = new Map<string, Suggestion>()
  for (const run of report.runs) {
    if (run.verdict !== 'fail') continue
    for (const fix of run.fixes) {
      const lines = fix.tooTight ? null : await fixedLines(fix, head, shownLines)
      if (lines === null) continue
      for (const line of lines) suggestions.set(`${line.path}:${line.line}`, line)
      break
    }
  }
  return [...suggestions.values()].slice(0, MAX_SUGGESTIONS)
}

async function fixedLines(
  fix: FixReport,
  head: FileSource,
  shownLines: ReadonlyMap<string, ReadonlySet<number>>,
): Promise<readonly Suggestion[] | null> {
  const lines: Suggestion[] = []
  for (const { path, line, key, from, to } of fix.changes) {
    if (line === null || shownLines.get(path)?.has(line) !== true) return null
    const file = await head.read(path)
    const before = file.status === 'found' ? file.text.split(/\r\n|\n/)[line - 1] : undefined
    const text = before === undefined ? null : editLine(before, { key, from, to })
    if (text === null) return null
    const id = createHash('sha256')
      .update(JSON.stringify([path, before, text]))
      .digest('hex')
      .slice(0, 16)
    lines.push({ path, line, text, title: fix.title, id })
  }
  return lines.length > 0 ? lines : null
}

export type SuggestionOutcome =
  | { readonly status: 'posted'; readonly count: number }
  | { readonly status: 'nothing-new' }
  | { readonly status: 'failed'; readonly failure: ApiFailure }

interface ReviewTarget {
  readonly api: GitHubApi
  readonly repository: RepositoryName
  readonly number: number
  readonly head: string
  readonly key: string
}

/** Posts what was not posted before as one review. */
export async function postSuggestions(
  target: ReviewTarget,
  suggestions: readonly Suggestion[],
): Promise<SuggestionOutcome> {
  if (suggestions.length === 0) return { status: 'nothing-new' }
  const { api, repository, number, head, key } = target
  const posted = await listPages(api, {
    route: 'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
    parameters: { ...repository, pull_number: number },
    schema: z.object({ body: z.string().nullish() }),
  })
  if (!posted.ok) return { status: 'failed', failure: posted.failure }
  const known = new Set(posted.data.flatMap(({ body }) => MARKER.exec(body ?? '')?.[1] ?? []))
  const fresh = suggestions.filter(({ id }) => !known.has(id))
  if (fresh.length === 0) return { status: 'nothing-new' }
  const review = await api.call({
    route: 'POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
    parameters: {
      ...repository,
      pull_number: number,
      commit_id: head,
      event: 'COMMENT',
      comments: fresh.map(suggestion => ({
        path: suggestion.path,
        line: suggestion.line,
        side: 'RIGHT',
        body: suggestionBody(suggestion, key),
      })),
    },
    schema: z.object({ id: z.number() }),
    once: true,
  })
  return review.ok ? { status: 'posted', count: fresh.length } : { status: 'failed', failure: review.failure }
}

const MARKER = /<!-- preflop:suggestion [\w.-]{1,64} ([0-9a-f]{16}) -->/

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

import type { StandInRepository, StoredComment, StoredFile } from './repository.ts'

export interface Question {
  readonly method: string
  readonly url: string
  readonly body: string
  readonly origin: string
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

type Handler = (repository: StandInRepository, match: readonly string[], question: Question) => Answer

const BOT = 'github-actions[bot]'

/** Fields as of the REST API 2022-11-28; only those that a client could need. */
export function answer(repository: StandInRepository, question: Question): Answer {
  const { pathname } = new URL(question.url, 'http://stand-in')
  for (const [method, pattern, handler] of ROUTES) {
    const match = method === question.method ? pattern.exec(pathname) : null
    if (match) return handler(repository, match.slice(1).map(decodeURIComponent), question)
  }
  return notFound()
}

const compare: Handler = (repository, [basehead = '']) => {
  const [baseName = '', headName = ''] = basehead.split('...')
  const base = repository.resolve(baseName)
  const head = repository.resolve(headName)
  if (base === null || head === null) return notFound()
  const mergeBase = repository.mergeBases.get(`${base}...${head}`) ?? base
  return ok({
    base_commit: { sha: base },
    merge_base_commit: { sha: mergeBase },
    files: comparedFiles(repository, mergeBase, head).slice(0, 300),
  })
}

function comparedFiles(repository: StandInRepository, base: string, head: string) {
  const before = repository.commits.get(base) ?? new Map<string, StoredFile>()
  const after = repository.commits.get(head) ?? new Map<string, StoredFile>()
  const renamedFrom = new Set(
    [...repository.renames].flatMap(([to, from]) =>
      after.has(to) && before.has(from) && !after.has(from) ? [from] : [],
    ),
  )
  const files = [...after].flatMap(([filename, file]) => {
    const previous = repository.renames.get(filename)
    const old = before.get(filename)
    if (old === undefined && previous !== undefined && renamedFrom.has(previous))
      return [
        {
          filename,
          sha: file.sha,
          status: 'renamed',
          previous_filename: previous,
          patch: patchOf(before.get(previous), file),
        },
      ]
    if (old === undefined) return [{ filename, sha: file.sha, status: 'added', patch: patchOf(undefined, file) }]
    return old.sha === file.sha ? [] : [{ filename, sha: file.sha, status: 'modified', patch: patchOf(old, file) }]
  })
  const removed = [...before.keys()].filter(path => !after.has(path) && !renamedFrom.has(path))
  return [...files, ...removed.map(filename => ({ filename, sha: '', status: 'removed' }))]
}

/** One hunk over the whole file: lines that are on both sides as context. */
function patchOf(before: StoredFile | undefined, after: StoredFile): string {
  const old = before === undefined ? [] : before.bytes.toString().split('\n')
  const now = after.bytes.toString().split('\n')
  const kept = new Set(old)
  const current = new Set(now)
  return [
    `@@ -1,${old.length} +1,${now.length} @@`,
    ...old.filter(line => !current.has(line)).map(line => `-${line}`),
    ...now.map(line => `${kept.has(line) ? ' ' : '+'}${line}`),
  ].join('\n')
}

const tree: Handler = (repository, [sha = ''], { url }) => {
  const [commit = sha, folder = ''] = repository.folders.get(sha) ?? []
  const files = repository.commits.get(commit)
  if (files === undefined) return notFound()
  const recursive = new URL(url, 'http://stand-in').searchParams.has('recursive')
  const inside = [...files].flatMap(([path, file]) =>
    path.startsWith(folder) ? [[path.slice(folder.length), file] as const] : [],
  )
  const listed = inside.filter(([path]) => recursive || !path.includes('/'))
  const kept = repository.truncated && recursive ? listed.slice(0, 1) : listed
  const folders = recursive ? [] : [...new Set(inside.flatMap(([path]) => path.match(/^[^/]+(?=\/)/)?.[0] ?? []))]
  return ok({
    sha,
    truncated: repository.truncated && recursive,
    tree: [
      ...folders.map(path => ({
        path,
        mode: '040000',
        type: 'tree',
        sha: repository.folder(commit, `${folder}${path}/`),
      })),
      ...kept.map(([path, { mode, sha: blob, bytes }]) => ({
        path,
        mode,
        type: mode === '160000' ? 'commit' : 'blob',
        sha: blob,
        ...(mode === '160000' ? {} : { size: bytes.length }),
      })),
    ],
  })
}

const blob: Handler = (repository, [sha = '']) => {
  const bytes = repository.blobs.get(sha)
  return bytes === undefined
    ? notFound()
    : ok({ sha, size: bytes.length, encoding: 'base64', content: bytes.toString('base64') })
}

const contents: Handler = (repository, [owner = '', name = '', path = ''], { url }) => {
  const ref = new URL(url, 'http://stand-in').searchParams.get('ref') ?? ''
  const bytes =
    `${owner}/${name}` === repository.fullName
      ? repository.commits.get(repository.resolve(ref) ?? '')?.get(path)?.bytes
      : Buffer.from(repository.elsewhere.get(`${owner}/${name}/${path}@${ref}`) ?? '')
  return bytes === undefined || bytes.length === 0
    ? notFound()
    : ok({ type: 'file', path, size: bytes.length, encoding: 'base64', content: bytes.toString('base64') })
}

const graphql: Handler = (repository, _match, { body }) => {
  const { query, variables } = JSON.parse(body) as { query: string; variables: Record<string, string> }
  if (query.startsWith('mutation')) {
    const folded = Object.values(variables)
    for (const comment of repository.reviewComments)
      if (query.includes('minimizeComment') && folded.includes(`RC_${comment.id}`)) comment.minimized = true
    return ok({ data: {} })
  }
  const objects = [...query.matchAll(/(b\d+):object\(oid:\$(o\d+)\)/g)].map(([, alias = '', variable = '']) => {
    const bytes = repository.blobs.get(variables[variable] ?? '')
    const isBinary = bytes?.includes(0) === true
    return [
      alias,
      bytes === undefined ? null : { text: isBinary ? null : bytes.toString(), isBinary, isTruncated: false },
    ]
  })
  return ok({
    data: {
      ...(query.includes('viewer') ? { viewer: { login: BOT } } : {}),
      repository: {
        ...Object.fromEntries(objects),
        ...(query.includes('pullRequest(')
          ? { pullRequest: { headRefOid: repository.pullHead, timelineItems: { nodes: labelEvents(repository) } } }
          : {}),
      },
    },
  })
}

function labelEvents({ labelled }: StandInRepository) {
  return labelled.map(({ label, login, at }) => ({ createdAt: at, actor: { login }, label: { name: label } }))
}

const pull: Handler = repository => ok({ head: { sha: repository.pullHead } })

const listComments: Handler = (repository, _match, { url, origin }) =>
  ok(page(repository.comments, url).map(comment => commentJson(comment, origin)))

const createComment: Handler = (repository, _match, { body, origin }) => ({
  status: 201,
  body: commentJson(repository.addComment(BOT, bodyOf(body)), origin),
})

const updateComment: Handler = (repository, [id], { body, origin }) => {
  const comment = repository.comments.find(candidate => candidate.id === Number(id))
  if (comment === undefined) return notFound()
  comment.body = bodyOf(body)
  return ok(commentJson(comment, origin))
}

const deleteComment: Handler = (repository, [id]) => {
  const before = repository.comments.length
  repository.comments = repository.comments.filter(comment => comment.id !== Number(id))
  return repository.comments.length === before ? notFound() : { status: 204, body: null }
}

const listReviewComments: Handler = (repository, _match, { url }) =>
  ok(
    page(repository.reviewComments, url).map(({ login, ...rest }) => ({
      ...rest,
      node_id: `RC_${rest.id}`,
      user: { login },
    })),
  )

const createReview: Handler = (repository, _match, { body }) => {
  const { comments } = JSON.parse(body) as {
    comments: { path: string; start_line?: number; line: number; body: string }[]
  }
  for (const comment of comments) repository.addReviewComment(BOT, comment)
  return ok({ id: 1 })
}

const REPO = '/repos/acme/training'
const ROUTES: readonly (readonly [string, RegExp, Handler])[] = [
  ['GET', new RegExp(`^${REPO}/compare/([^/]+)$`), compare],
  ['GET', new RegExp(`^${REPO}/git/trees/([^/]+)$`), tree],
  ['GET', new RegExp(`^${REPO}/git/blobs/([^/]+)$`), blob],
  ['GET', /^\/repos\/([^/]+)\/([^/]+)\/contents\/(.+)$/, contents],
  ['POST', /^\/graphql$/, graphql],
  ['GET', new RegExp(`^${REPO}/pulls/(\\d+)$`), pull],
  ['GET', new RegExp(`^${REPO}/issues/(\\d+)/comments$`), listComments],
  ['POST', new RegExp(`^${REPO}/issues/(\\d+)/comments$`), createComment],
  ['PATCH', new RegExp(`^${REPO}/issues/comments/(\\d+)$`), updateComment],
  ['DELETE', new RegExp(`^${REPO}/issues/comments/(\\d+)$`), deleteComment],
  ['GET', new RegExp(`^${REPO}/pulls/(\\d+)/comments$`), listReviewComments],
  ['POST', new RegExp(`^${REPO}/pulls/(\\d+)/reviews$`), createReview],
]

function commentJson({ id, login, body }: StoredComment, origin: string) {
  return { id, body, user: { login }, html_url: `${origin}/acme/training/pull/7#issuecomment-${id}` }
}

function bodyOf(json: string): string {
  return (JSON.parse(json) as { body: string }).body
}

function page<T>(items: readonly T[], url: string): readonly T[] {
  const { searchParams } = new URL(url, 'http://stand-in')
  const size = Number(searchParams.get('per_page') ?? 30)
  const number = Number(searchParams.get('page') ?? 1)
  return items.slice((number - 1) * size, number * size)
}

function ok(body: unknown): Answer {
  return { status: 200, body }
}

function notFound(): Answer {
  return { status: 404, body: { message: 'Not Found' } }
}

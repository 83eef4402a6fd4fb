import * as z from 'zod/mini'

/** What started the job, as far as Preflop acts on it. Shas are full. */
export type TriggerEvent = PullRequestEvent | MergeGroupEvent | PushEvent | CheckoutEvent

export interface PullRequestEvent {
  readonly kind: 'pull-request'
  readonly trigger: 'pull_request' | 'pull_request_target'
  /** A new head, not only a label or title: no other run is at work on it yet. */
  readonly isNewHead: boolean
  readonly number: number
  readonly base: { readonly sha: string; readonly ref: string }
  readonly head: { readonly sha: string; readonly ref: string }
  /** The head is in another repository, or in one that is gone. */
  readonly fork: boolean
  readonly labels: readonly string[]
  readonly draft: boolean
}

export interface MergeGroupEvent {
  readonly kind: 'merge-group'
  readonly baseSha: string
  readonly headSha: string
}

export interface PushEvent {
  readonly kind: 'push'
  /** null: the first push of a branch. */
  readonly before: string | null
  readonly after: string
  readonly branch: string
  readonly defaultBranch: string
  readonly deleted: boolean
}

export interface CheckoutEvent {
  readonly kind: 'checkout'
  readonly trigger: 'workflow_dispatch' | 'schedule'
  readonly sha: string
}

export type EventReading =
  | { readonly status: 'read'; readonly event: TriggerEvent }
  | { readonly status: 'misuse'; readonly message: string }

/**
 * The event of GITHUB_EVENT_NAME with the payload of GITHUB_EVENT_PATH.
 * `payloadText` is that file's text, `sha` GITHUB_SHA.
 */
export function readEvent(name: string, payloadText: string, sha: string): EventReading {
  const read = EVENTS.get(name)
  if (read === undefined)
    return misuse(
      `Preflop does not run on the event “${name}”. It runs on ${[...EVENTS.keys()].map(known => `\`${known}\``).join(', ')}.`,
    )
  const payload = parseJson(payloadText)
  const event = read(payload, sha)
  return event === null
    ? misuse(`The payload of the event “${name}” lacks what Preflop needs.`)
    : { status: 'read', event }
}

type Reader = (payload: unknown, sha: string) => TriggerEvent | null

const SHA = z.string().check(z.regex(/^[0-9a-f]{40,64}$/))
const REPOSITORY = z.object({ full_name: z.string(), default_branch: z.optional(z.string()) })

const PULL_REQUEST = z.object({
  action: z.optional(z.string()),
  pull_request: z.object({
    number: z.int().check(z.positive()),
    draft: z.optional(z.boolean()),
    labels: z.optional(z.array(z.object({ name: z.string() }))),
    base: z.object({ sha: SHA, ref: z.string(), repo: z.nullish(REPOSITORY) }),
    head: z.object({ sha: SHA, ref: z.string(), repo: z.nullish(REPOSITORY) }),
  }),
  repository: z.optional(REPOSITORY),
})

const MERGE_GROUP = z.object({ merge_group: z.object({ base_sha: SHA, head_sha: SHA }) })

const PUSH = z.object({
  before: SHA,
  after: SHA,
  ref: z.string(),
  deleted: z.optional(z.boolean()),
  repository: REPOSITORY,
})

const NEW_HEAD: ReadonlySet<string> = new Set(['opened', 'synchronize'])

const readPullRequest =
  (trigger: PullRequestEvent['trigger']): Reader =>
  payload => {
    const parsed = PULL_REQUEST.safeParse(payload)
    if (!parsed.success) return null
    const { pull_request: pull, repository, action = '' } = parsed.data
    const home = pull.base.repo?.full_name ?? repository?.full_name
    return {
      kind: 'pull-request',
      trigger,
      isNewHead: NEW_HEAD.has(action),
      number: pull.number,
      base: { sha: pull.base.sha, ref: pull.base.ref },
      head: { sha: pull.head.sha, ref: pull.head.ref },
      fork: pull.head.repo?.full_name.toLowerCase() !== home?.toLowerCase(),
      labels: pull.labels?.map(label => label.name) ?? [],
      draft: pull.draft === true,
    }
  }

const readMergeGroup: Reader = payload => {
  const parsed = MERGE_GROUP.safeParse(payload)
  if (!parsed.success) return null
  const { base_sha: baseSha, head_sha: headSha } = parsed.data.merge_group
  return { kind: 'merge-group', baseSha, headSha }
}

const readPush: Reader = payload => {
  const parsed = PUSH.safeParse(payload)
  if (!parsed.success) return null
  const { before, after, ref, deleted, repository } = parsed.data
  return {
    kind: 'push',
    before: isNullSha(before) ? null : before,
    after,
    branch: ref.replace(/^refs\/heads\//, ''),
    defaultBranch: repository.default_branch ?? 'main',
    deleted: deleted === true || isNullSha(after),
  }
}

const readCheckout =
  (trigger: CheckoutEvent['trigger']): Reader =>
  (_payload, sha) => ({ kind: 'checkout', trigger, sha })

const EVENTS: ReadonlyMap<string, Reader> = new Map([
  ['pull_request', readPullRequest('pull_request')],
  ['pull_request_target', readPullRequest('pull_request_target')],
  ['merge_group', readMergeGroup],
  ['push', readPush],
  ['workflow_dispatch', readCheckout('workflow_dispatch')],
  ['schedule', readCheckout('schedule')],
])

function isNullSha(sha: string): boolean {
  return /^0+$/.test(sha)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function misuse(message: string): EventReading {
  return { status: 'misuse', message }
}

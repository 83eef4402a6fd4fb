import { randomUUID } from 'node:crypto'
import { Octokit } from '@octokit/core'
import { retry } from '@octokit/plugin-retry'
import { throttling } from '@octokit/plugin-throttling'
import * as z from 'zod/mini'
import { type ApiCall, type ApiFailure, type ApiOptions, type ApiResult, type GitHubApi, MAX_REQUESTS } from './api.ts'

/** The API through octokit with its retry and throttling plugins, within a bounded time and number of requests. */
export function octokitApi({ token, apiUrl, timing }: ApiOptions): GitHubApi {
  const endsAt = performance.now() + timing.totalMilliseconds
  const remaining = () => Math.max(0, endsAt - performance.now())
  let sent = 0

  const boundedFetch: typeof fetch = async (url, init) => {
    if (sent >= MAX_REQUESTS) throw new RequestsExhausted(`more than ${MAX_REQUESTS} requests`)
    sent += 1
    return within(Math.min(timing.requestMilliseconds, remaining()), async signal => {
      const response = await fetch(url, { ...init, signal })
      // The body is read here so that a reset or a stall in it counts as a failed attempt.
      const body = await response.arrayBuffer()
      return new Response(NULL_BODY_STATUSES.has(response.status) ? null : body, {
        status: response.status,
        statusText: response.statusText,
        headers: response.headers,
      })
    })
  }

  const mayWait = (seconds: number, attempts: number) =>
    attempts < 2 && seconds <= timing.rateLimitSeconds && remaining() > 0
  const throttle = {
    id: randomUUID(),
    retryAfterBaseValue: timing.retryBaseMilliseconds,
    fallbackSecondaryRateRetryAfter: timing.rateLimitSeconds,
    write: UNSPACED as never,
    notifications: UNSPACED as never,
    onRateLimit: (seconds: number, _options: object, _octokit: object, attempts: number) => mayWait(seconds, attempts),
    onSecondaryRateLimit: (seconds: number, _options: object, _octokit: object, attempts: number) =>
      mayWait(seconds, attempts),
  }
  const octokit = new PatientOctokit({
    auth: token,
    baseUrl: apiUrl,
    userAgent: 'preflop',
    request: { fetch: boundedFetch },
    log: SILENT,
    retry: { retryAfterBaseValue: timing.retryBaseMilliseconds },
    throttle,
  })

  async function send<T>(call: ApiCall<T>): Promise<ApiResult<T>> {
    try {
      const response = await octokit.request(call.route, {
        ...call.parameters,
        ...(call.once === true ? { request: { fetch: boundedFetch, retries: 0 } } : {}),
      })
      const parsed = call.schema.safeParse(response.data)
      if (parsed.success) return { ok: true, data: parsed.data }
      return failed({ kind: 'malformed', status: response.status, message: 'GitHub’s answer has an unexpected shape' })
    } catch (error) {
      return failed(failureOf(error))
    }
  }

  return {
    call: send,
    async graphql(query, variables, schema) {
      const answer = await send({
        route: `POST ${graphqlUrl(apiUrl)}`,
        parameters: { query, variables },
        schema: GRAPHQL_ANSWER,
      })
      if (!answer.ok) return answer
      const parsed = schema.safeParse(answer.data.data)
      if (parsed.success) return { ok: true, data: parsed.data }
      const message = answer.data.errors?.[0]?.message ?? 'GitHub’s answer has an unexpected shape'
      return failed({ kind: 'malformed', status: 200, message })
    },
    requestsSent: () => sent,
  }
}

/**
 * Gives `work` a signal that aborts after `milliseconds`. A timer of its own: of signals joined by `AbortSignal.any`,
 * Node 20 may collect the one that counts the time, and the request then waits for ever (nodejs/node#57736).
 */
async function within<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(new Error('GitHub did not answer in time')), milliseconds)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Groups of the throttling plugin that wait for nothing. It would keep 1 s between writes, GraphQL queries included, and
 * 3 s between notifications; a run sends a handful, far below GitHub's 80 content-creating requests a minute.
 */
const UNSPACED = { key: () => ({ schedule: async () => undefined }) }

const GRAPHQL_ANSWER = z.object({
  data: z.unknown(),
  errors: z.optional(z.array(z.object({ message: z.string() }))),
})

const NULL_BODY_STATUSES = new Set([204, 205, 304])
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }
const PatientOctokit = Octokit.plugin(retry, throttling)

class RequestsExhausted extends Error {}

/** The GraphQL endpoint beside a REST one: Enterprise Servers have `/api/v3` and `/api/graphql`. */
function graphqlUrl(apiUrl: string): string {
  return `${apiUrl.replace(/\/+$/, '').replace(/\/v3$/, '')}/graphql`
}

const RAISED = z.object({ status: z.optional(z.number()), message: z.optional(z.string()), cause: z.unknown() })

function failureOf(error: unknown): ApiFailure {
  const raised = RAISED.safeParse(error)
  const message = raised.data?.message ?? 'unknown error'
  if (error instanceof RequestsExhausted || raised.data?.cause instanceof RequestsExhausted)
    return { kind: 'exhausted', status: null, message }
  // octokit reports what never reached GitHub as status 500 with the cause attached.
  const status = raised.data?.cause === undefined ? (raised.data?.status ?? null) : null
  return { kind: status === null ? 'unreachable' : kindOf(status, message), status, message }
}

function kindOf(status: number, message: string): ApiFailure['kind'] {
  if (status === 429 || /rate limit/i.test(message)) return 'limited'
  if (status === 401 || status === 403) return 'refused'
  if (status === 404 || status === 410) return 'missing'
  return status < 500 ? 'invalid' : 'unreachable'
}

function failed(failure: ApiFailure): { readonly ok: false; readonly failure: ApiFailure } {
  return { ok: false, failure }
}

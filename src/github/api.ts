import type { ZodMiniType } from 'zod/mini'

/** A call that did not give what was asked for. `status` null: no answer at all (reset, timeout, budget spent). */
export interface ApiFailure {
  readonly kind: 'refused' | 'missing' | 'invalid' | 'limited' | 'unreachable' | 'malformed' | 'exhausted'
  readonly status: number | null
  readonly message: string
}

export type ApiResult<T> =
  | { readonly ok: true; readonly data: T }
  | { readonly ok: false; readonly failure: ApiFailure }

export interface ApiCall<T> {
  /** `GET /repos/{owner}/{repo}/…`: parameters are URL-encoded into the route. */
  readonly route: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly schema: ZodMiniType<T>
  /** For calls that create something: never repeated blindly, the caller looks what became of it. */
  readonly once?: boolean
}

/** GitHub's REST and GraphQL API. Failures are values: nothing here throws for what the network does. */
export interface GitHubApi {
  call<T>(call: ApiCall<T>): Promise<ApiResult<T>>
  /** `data` of the answer, which may be partial when single objects are missing. */
  graphql<T>(query: string, variables: Readonly<Record<string, unknown>>, schema: ZodMiniType<T>): Promise<ApiResult<T>>
  /** Requests sent so far, retries included. */
  readonly requestsSent: () => number
}

export interface ApiOptions {
  readonly token: string
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server. */
  readonly apiUrl: string
  readonly timing: ApiTiming
}

export interface ApiTiming {
  /** One attempt, body included. */
  readonly requestMilliseconds: number
  /** All calls of a run together. */
  readonly totalMilliseconds: number
  /** Waits before the retries are 1, 4 and 9 times this. */
  readonly retryBaseMilliseconds: number
  /** The longest wait that a rate limit may ask for. */
  readonly rateLimitSeconds: number
}

/** GitHub answers within 10 s or gives up itself; a check that hangs longer than a few minutes helps nobody. */
export const API_TIMING: ApiTiming = {
  requestMilliseconds: 15_000,
  totalMilliseconds: 180_000,
  retryBaseMilliseconds: 1000,
  rateLimitSeconds: 60,
}

/** Requests of one run, retries included: an ordinary pull request stays far below. */
export const MAX_REQUESTS = 100

export interface HubOptions {
  readonly fetch: (
    url: string,
    init: { readonly headers: Record<string, string>; readonly redirect: 'manual'; readonly signal: AbortSignal },
  ) => Promise<Response>
  /** e.g. `https://huggingface.co`; https only, except for a loopback address. */
  readonly endpoint: string
  readonly token: string | null
  /** For one request, its body included. */
  readonly timeoutMs: number
  /** Waits before a retry; injected for tests. */
  readonly sleep: (milliseconds: number) => Promise<void>
  /** How often a request is tried; absent: three times. */
  readonly attempts?: number
}

/** What one address answered: a JSON mapping, a refusal with its status and the Hub's own code, or nothing usable. */
export type HubAnswer =
  | { readonly status: 'found'; readonly value: Readonly<Record<string, unknown>> }
  | { readonly status: 'refused'; readonly httpStatus: number; readonly code: string | null }
  | { readonly status: 'unusable'; readonly what: string }

const MAX_BYTES = 2 ** 20
const MAX_REDIRECTS = 3
const ATTEMPTS = 3
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 10_000

/**
 * Reads a small JSON mapping. Busy and broken answers (429, 5xx, none at all) are asked again, as late as `retry-after`
 * says; what took too long is not.
 */
export async function requestJson(options: HubOptions, url: URL): Promise<HubAnswer> {
  const { attempts = ATTEMPTS } = options
  let last: HubAnswer = { status: 'unusable', what: NO_ANSWER }
  let wait = 0
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await options.sleep(Math.min(Math.max(wait, FIRST_WAIT_MS * 2 ** attempt), LONGEST_WAIT_MS))
    const signal = AbortSignal.timeout(options.timeoutMs)
    const response = await follow(options, url, signal)
    const answer: HubAnswer =
      typeof response === 'string'
        ? { status: 'unusable', what: response }
        : response.status === 200
          ? await readBody(response)
          : { status: 'refused', httpStatus: response.status, code: response.headers.get('x-error-code') }
    if (signal.aborted && answer.status === 'unusable')
      return { status: 'unusable', what: `did not answer within ${Math.round(options.timeoutMs / 1000)} s` }
    if (!isPassing(answer)) return answer
    if (typeof response !== 'string') {
      discard(response)
      wait = retryAfterMs(response.headers.get('retry-after'))
    }
    last = answer
  }
  return last
}

/** Worth asking again. */
function isPassing(answer: HubAnswer): boolean {
  if (answer.status === 'found') return false
  if (answer.status === 'unusable') return answer.what === NO_ANSWER || answer.what === NOT_WHOLE
  return answer.httpStatus === 429 || answer.httpStatus >= 500
}

const NO_ANSWER = 'did not answer'
const NOT_WHOLE = 'did not arrive whole'

/** Seconds or an HTTP date (RFC 9110 §10.2.3). */
function retryAfterMs(header: string | null): number {
  if (header === null) return 0
  const seconds = Number(header)
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000)
  const date = Date.parse(header)
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now())
}

/** Follows redirects itself, so that the token never goes to another host. A text: why there is no response. */
async function follow(options: HubOptions, first: URL, signal: AbortSignal): Promise<Response | string> {
  let url = first
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback && first.hostname === url.hostname))
      return 'redirects to an address that is not https'
    const headers: Record<string, string> = { accept: 'application/json' }
    if (options.token && url.host === first.host && url.protocol === first.protocol)
      headers['authorization'] = `Bearer ${options.token}`
    const response = await options.fetch(url.href, { headers, redirect: 'manual', signal }).catch(() => null)
    if (response === null) return NO_ANSWER
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return response
    discard(response)
    if (!URL.canParse(location, url.href)) return 'redirects to no address'
    url = new URL(location, url)
  }
  return 'redirects without end'
}

async function readBody(response: Response): Promise<Exclude<HubAnswer, { readonly status: 'refused' }>> {
  const unusable = (what: string) => ({ status: 'unusable', what }) as const
  if (Number(response.headers.get('content-length')) > MAX_BYTES) {
    discard(response)
    return unusable('is larger than 1 MiB')
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BYTES) return unusable('is larger than 1 MiB')
      chunks.push(chunk)
    }
  } catch {
    return unusable(NOT_WHOLE)
  }
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(Buffer.concat(chunks)))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { status: 'found', value: Object.fromEntries(Object.entries(value)) }
      : unusable('is not a mapping')
  } catch {
    return unusable('is not JSON')
  }
}

/** Closes the connection without waiting for it. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined)
}

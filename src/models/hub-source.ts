import type { ModelConfigResult, ModelSource } from './model-source.ts'

export interface HubOptions {
  readonly fetch: (
    url: string,
    init: { readonly headers: Record<string, string>; readonly redirect: 'manual'; readonly signal: AbortSignal },
  ) => Promise<Response>
  /** e.g. `https://huggingface.co`; https only, except for a loopback address. */
  readonly endpoint: string
  readonly token: string | null
  readonly timeoutMs: number
  /** Waits before a retry; injected for tests. */
  readonly sleep: (milliseconds: number) => Promise<void>
  /** How often a request is tried; absent: three times. */
  readonly attempts?: number
}

const MAX_BYTES = 2 ** 20
const MAX_REDIRECTS = 3
const ATTEMPTS = 3

/** `owner/name` as the Hub allows it: nothing that could reach another path or host. */
export function isHubId(id: string): boolean {
  return (
    id.length <= 96 &&
    /^(?:[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9][\w.-]*$/.test(id) &&
    !id.includes('..') &&
    !id.includes('--')
  )
}

/** Reads config.json from a Hugging Face endpoint; an adapter repository leads to its base model. */
export function createHubSource(options: HubOptions): ModelSource {
  const cache = new Map<string, Promise<ModelConfigResult>>()
  return {
    config(id, revision = 'main') {
      const key = `${id}@${revision}`
      const known = cache.get(key) ?? load(options, id, revision)
      cache.set(key, known)
      return known
    },
  }
}

async function load(options: HubOptions, id: string, revision: string): Promise<ModelConfigResult> {
  if (!isHubId(id) || !/^[\w.-]{1,100}$/.test(revision) || revision.includes('..'))
    return { status: 'unknown', message: `\`${id.slice(0, 100)}\` is not a model id of the Hub.` }
  const config = await readJson(options, id, revision, 'config.json')
  if (config.status === 'found')
    return { status: 'found', config: config.value, origin: 'the Hugging Face Hub', resolvedId: id }
  if (config.status !== 'missing') return config
  const adapter = await readJson(options, id, revision, 'adapter_config.json')
  const base =
    adapter.status === 'found' &&
    typeof adapter.value === 'object' &&
    adapter.value !== null &&
    'base_model_name_or_path' in adapter.value
      ? adapter.value.base_model_name_or_path
      : null
  if (typeof base === 'string' && base !== id && isHubId(base)) {
    const result = await readJson(options, base, 'main', 'config.json')
    if (result.status === 'found')
      return {
        status: 'found',
        config: result.value,
        origin: `the Hugging Face Hub (base of the adapter \`${id}\`)`,
        resolvedId: base,
      }
  }
  return { status: 'unknown', message: `\`${id}\` is not in the catalogue and has no config.json on the Hub.` }
}

export type FileResult =
  | { readonly status: 'found'; readonly value: unknown }
  | { readonly status: 'missing' }
  | Exclude<ModelConfigResult, { readonly status: 'found' }>

function readJson(options: HubOptions, id: string, revision: string, file: string): Promise<FileResult> {
  const url = new URL(`${options.endpoint.replace(/\/+$/, '')}/${id}/resolve/${encodeURIComponent(revision)}/${file}`)
  return readHubJson(options, url, id)
}

/** A JSON mapping from the Hub, with retries; `id` names it in messages. */
export async function readHubJson(options: HubOptions, url: URL, id: string): Promise<FileResult> {
  let last: FileResult = { status: 'failed', message: `The Hub did not answer for \`${id}\`.` }
  for (let attempt = 0; attempt < (options.attempts ?? ATTEMPTS); attempt += 1) {
    if (attempt > 0) await options.sleep(500 * 2 ** attempt)
    const response = await request(options, url)
    if (response === null) continue
    if (response.status === 200) return parseBody(response, id)
    await response.body?.cancel().catch(() => undefined)
    const code = response.headers.get('x-error-code')
    if (response.status === 404 || code === 'EntryNotFound' || code === 'RepoNotFound') return { status: 'missing' }
    if (response.status === 401 || response.status === 403)
      return {
        status: 'denied',
        message: `\`${id}\` is gated, private or does not exist (the Hub answered ${response.status}${options.token ? ' with the token given' : '; no token was given'}).`,
      }
    last = { status: 'failed', message: `The Hub answered ${response.status} for \`${id}\`.` }
    if (response.status !== 429 && response.status < 500) return last
    const wait = Number(response.headers.get('retry-after'))
    if (wait > 0) await options.sleep(Math.min(wait, 10) * 1000)
  }
  return last
}

/** Follows redirects itself, so that the token never goes to another host. null: no answer in time. */
async function request(options: HubOptions, first: URL): Promise<Response | null> {
  let url = first
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const isLoopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback && first.hostname === url.hostname))
      return null
    const headers: Record<string, string> = { accept: 'application/json' }
    if (options.token && url.host === first.host && url.protocol === first.protocol)
      headers['authorization'] = `Bearer ${options.token}`
    const response = await options
      .fetch(url.href, { headers, redirect: 'manual', signal: AbortSignal.timeout(options.timeoutMs) })
      .catch(() => null)
    if (response === null) return null
    const location = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || location === null) return response
    await response.body?.cancel().catch(() => undefined)
    try {
      url = new URL(location, url)
    } catch {
      return null
    }
  }
  return null
}

async function parseBody(response: Response, id: string): Promise<FileResult> {
  const failed = (what: string): FileResult => ({
    status: 'failed',
    message: `The Hub’s answer for \`${id}\` ${what}.`,
  })
  try {
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BYTES) return failed('is larger than 1 MiB')
      chunks.push(chunk)
    }
    const value: unknown = JSON.parse(new TextDecoder().decode(Buffer.concat(chunks)))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { status: 'found', value }
      : failed('is not a mapping')
  } catch {
    return failed('is not JSON or did not arrive whole')
  }
}

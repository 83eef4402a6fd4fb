import { findInCatalogue } from './catalogue.ts'
import type { HubOptions } from './hub-request.ts'
import { createHubSource } from './hub-source.ts'
import type { ModelSource } from './model-source.ts'

export interface HubAccess {
  readonly offline: boolean
  readonly endpoint?: string | undefined
  readonly token?: string | undefined
}

const DEFAULT_ENDPOINT = 'https://huggingface.co'
const TIMEOUT_MS = 10_000

/** The embedded catalogue first, then the Hub unless offline. */
export function createModelSource({ offline, endpoint, token }: HubAccess): ModelSource {
  const hub = offline ? null : createHubSource(hubOptions({ endpoint, token }))
  return {
    async config(id, revision) {
      const known = findInCatalogue(id)
      if (known)
        return {
          status: 'found',
          config: known.config,
          origin: `model catalogue ${known.asOf} (${known.source})`,
          resolvedId: known.id,
        }
      return hub
        ? hub.config(id, revision)
        : {
            status: 'unknown',
            message: `\`${id.slice(0, 100)}\` is not in the model catalogue, and the Hub was not asked (offline).`,
          }
    },
  }
}

/** The real Hub, clock and network. */
export function hubOptions({ endpoint, token }: Omit<HubAccess, 'offline'>): HubOptions {
  return {
    fetch: (url, init) => fetch(url, init),
    endpoint: endpoint || DEFAULT_ENDPOINT,
    token: token || null,
    timeoutMs: TIMEOUT_MS,
    sleep: milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds)),
  }
}

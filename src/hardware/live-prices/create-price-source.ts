import type { PriceSource } from './price-source.ts'
import { createSkyPrices } from './sky-prices.ts'

interface PriceAccess {
  readonly offline: boolean
  /** ISO date. */
  readonly today: string
  /** null: nothing is kept between runs. */
  readonly cacheFolder: string | null
}

const TIMEOUT_MS = 20_000

/** Today's prices over the network; undefined: offline. */
export function createPriceSource({ offline, today, cacheFolder }: PriceAccess): PriceSource | undefined {
  if (offline) return undefined
  const source = createSkyPrices({ fetch: (url, init) => fetch(url, init), today, timeoutMs: TIMEOUT_MS })
  if (cacheFolder === null) return source
  return {
    async prices(question) {
      const { cachedPrices } = await import('./cached-prices.ts')
      return cachedPrices(source, cacheFolder, () => Date.now()).prices(question)
    },
  }
}

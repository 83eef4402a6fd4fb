import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod/mini'
import type { LivePrices, PriceQuestion, PriceSource } from './price-source.ts'

/** The catalogue is refreshed every seven hours. */
const FRESH_MILLISECONDS = 7 * 3_600_000
const MOST_BYTES = 4 * 2 ** 20

/** Keeps answers in a folder for seven hours; a cache that cannot be read or written is none. */
export function cachedPrices(source: PriceSource, folder: string, now: () => number): PriceSource {
  return {
    async prices(question) {
      const path = join(folder, `${fileName(question)}.json`)
      const kept = await read(path, now())
      if (kept !== null) return kept
      const fresh = await source.prices(question)
      if (fresh.status === 'found') await write(folder, path, fresh)
      return fresh
    },
  }
}

/** Nothing that a provider's or region's name could lead elsewhere. */
function fileName({ provider, region }: PriceQuestion): string {
  return Buffer.from(JSON.stringify([provider, region]))
    .toString('hex')
    .slice(0, 200)
}

async function read(path: string, now: number): Promise<LivePrices | null> {
  try {
    const { mtimeMs, size } = await stat(path)
    if (now - mtimeMs > FRESH_MILLISECONDS || mtimeMs > now + FRESH_MILLISECONDS || size > MOST_BYTES) return null
    const parsed = KEPT.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return parsed.success ? { status: 'found', rows: parsed.data } : null
  } catch {
    return null
  }
}

async function write(folder: string, path: string, { rows }: Extract<LivePrices, { status: 'found' }>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
    await writeFile(path, JSON.stringify(rows))
  } catch {
    // the next run asks again
  }
}

const amount = z.nullable(z.number())
const text = z.nullable(z.string())
const KEPT = z.array(
  z.object({
    provider: z.string(),
    instanceType: z.string(),
    gpu: z.string(),
    gpus: z.number(),
    byTheGpu: z.boolean(),
    currency: z.string(),
    onDemand: amount,
    region: text,
    onDemandMin: amount,
    minRegion: text,
    onDemandMedian: amount,
    spotMin: amount,
    spotRegion: text,
    memoryGib: amount,
    asOf: text,
    asOfNote: text,
    confidence: z.string(),
    source: z.string(),
  }),
)

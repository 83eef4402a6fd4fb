import { nameKey } from '../name-key.ts'
import type { PriceRow } from '../price-catalogue.ts'
import { csvRows } from './csv-rows.ts'
import type { LivePrices, PriceQuestion, PriceSource } from './price-source.ts'
import { type SkyOffer, SkyOffers } from './sky-offers.ts'

export interface SkyPriceOptions {
  readonly fetch: (url: string, init: { readonly redirect: 'error'; readonly signal: AbortSignal }) => Promise<Response>
  /** ISO date of the reading. */
  readonly today: string
  readonly timeoutMs: number
}

/** Clouds whose `vms.csv` of schema v8 is refreshed every seven hours. */
const CLOUDS = [
  'aws',
  'gcp',
  'oci',
  'lambda',
  'nebius',
  'runpod',
  'vast',
  'cudo',
  'hyperbolic',
  'hyperstack',
  'jarvislabs',
  'lium',
  'mithril',
  'primeintellect',
  'seeweb',
  'shadeform',
  'spheron',
  'verda',
  'yotta',
] as const
type Cloud = (typeof CLOUDS)[number]

/** The repository and its mirror; sky/skylet/constants.py HOSTED_CATALOG_DIR_URL, schema v8. */
const HOSTS = [
  'https://raw.githubusercontent.com/skypilot-org/skypilot-catalog/master/catalogs/v8',
  'https://skypilot-catalog.s3.us-east-1.amazonaws.com/catalogs/v8',
]
/** The largest file has 3.1 MB. */
const MOST_BYTES = 32 * 2 ** 20

/** Today's prices from SkyPilot's catalogue; each cloud is read once. */
export function createSkyPrices(options: SkyPriceOptions): PriceSource {
  const read = new Map<Cloud, Promise<readonly SkyOffer[] | string>>()
  return {
    async prices(question) {
      const cloud = CLOUDS.find(name => nameKey(question.provider).startsWith(nameKey(name)))
      if (cloud === undefined)
        return {
          status: 'failed',
          message: `SkyPilot’s catalogue has no prices of \`${question.provider.slice(0, 50)}\``,
        }
      const pending = read.get(cloud) ?? readCloud(options, cloud)
      read.set(cloud, pending)
      const offers = await pending
      return typeof offers === 'string'
        ? { status: 'failed', message: offers }
        : found(offers, question, `SkyPilot’s catalogue v8/${cloud}/vms.csv, read ${options.today}`, options.today)
    },
  }
}

function found(offers: readonly SkyOffer[], question: PriceQuestion, source: string, asOf: string): LivePrices {
  return { status: 'found', rows: offers.map(offer => rowOf(offer, question, { source, asOf })) }
}

/** A text says why there are none. */
async function readCloud(options: SkyPriceOptions, cloud: Cloud): Promise<readonly SkyOffer[] | string> {
  let problem = ''
  for (const host of HOSTS) {
    const result = await readFile(options, `${host}/${cloud}/vms.csv`)
    if (typeof result !== 'string' && result.length > 0) return result
    problem = typeof result === 'string' ? result : `the catalogue of ${cloud} lists no known GPU`
  }
  return problem
}

async function readFile({ fetch, timeoutMs }: SkyPriceOptions, url: string): Promise<readonly SkyOffer[] | string> {
  try {
    const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel().catch(() => undefined)
      return `SkyPilot’s catalogue answered ${response.status}`
    }
    const offers = new SkyOffers()
    for await (const row of csvRows(textOf(response.body))) offers.add(row)
    return offers.offers()
  } catch (error) {
    return error instanceof TooLarge ? error.message : 'SkyPilot’s catalogue did not answer'
  }
}

class TooLarge extends Error {}

async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.byteLength
    if (bytes > MOST_BYTES) throw new TooLarge(`SkyPilot’s catalogue is larger than ${MOST_BYTES} bytes`)
    yield decoder.decode(chunk, { stream: true })
  }
}

/** Of one region, or the median over all: the cheapest one is where the catalogue's defects gather. */
function rowOf(
  { instanceType, gpu, gpus, memoryGib, onDemand, spot }: SkyOffer,
  { provider, region }: PriceQuestion,
  { source, asOf }: { readonly source: string; readonly asOf: string },
): PriceRow {
  const here = (prices: ReadonlyMap<string, number>): number | null =>
    region === null ? middle([...prices.values()]) : (prices.get(region) ?? null)
  const place = region ?? `median of ${Math.max(onDemand.size, spot.size)} regions`
  return {
    provider,
    instanceType,
    gpu,
    gpus,
    byTheGpu: false,
    currency: 'USD',
    onDemand: here(onDemand),
    region: place,
    onDemandMin: here(onDemand),
    minRegion: null,
    onDemandMedian: middle([...onDemand.values()]),
    spotMin: here(spot),
    spotRegion: place,
    memoryGib,
    asOf,
    asOfNote: null,
    confidence: 'seen',
    source,
  }
}

function middle(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}

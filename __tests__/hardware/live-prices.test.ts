import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { cachedPrices } from '../../src/hardware/live-prices/cached-prices.ts'
import { csvRows } from '../../src/hardware/live-prices/csv-rows.ts'
import type { PriceSource } from '../../src/hardware/live-prices/price-source.ts'
import { createSkyPrices } from '../../src/hardware/live-prices/sky-prices.ts'
import { findPrice } from '../../src/hardware/price-catalogue.ts'

/** Header order and case differ by cloud, as in the catalogue's files. */
const AWS = `InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,AvailabilityZone,Arch
p5.48xlarge,H100,8.0,192.0,2048.0,"{'Gpus': [{'Name': 'H100', 'Count': 8.0}], 'TotalGpuMemoryInMiB': 655360}",55.04,20.1,us-east-1,us-east-1a,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,"{'Gpus': [{'Name': 'H100'}]}",55.04,18.2,us-east-1,us-east-1b,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,"{'Gpus': [{'Name': 'H100'}]}",66.05,6.605,eu-north-1,eu-north-1a,x86_64
p5.48xlarge,H100,8.0,192.0,2048.0,"{'Gpus': [{'Name': 'H100'}]}",58.00,,us-west-2,us-west-2a,x86_64
p5e.48xlarge,H200,8.0,192.0,2048.0,"{'Gpus': [{'Name': 'H200'}]}",,,us-east-1,us-east-1a,x86_64
g6f.large,L4,0.125,2.0,8.0,"{'Gpus': [{'Name': 'L4'}]}",0.2,0.1,us-east-1,us-east-1a,x86_64
m5.large,,,2.0,8.0,,0.096,0.04,us-east-1,us-east-1a,x86_64
`
const GCP = `InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
a2-ultragpu-8g,96.0,1360.0,,,,us-central1,us-central1-a,8.0,3.0
a2-ultragpu-8g,96.0,1360.0,,,,europe-west4,europe-west4-a,9.0,3.5
a2-ultragpu-8g,96.0,1360.0,,,,us-east5,us-east5-a,8.5,3.2
,,,A100-80GB,8.0,{'Gpus': [{'Name': 'A100-80GB'}]},us-central1,us-central1-a,14.768,15.712
,,,A100-80GB,8.0,{'Gpus': [{'Name': 'A100-80GB'}]},europe-west4,europe-west4-a,32.0,16.0
,,,A100-80GB,8.0,{'Gpus': [{'Name': 'A100-80GB'}]},us-east5,us-east5-a,31.5,15.8
,,,V100,4.0,{'Gpus': [{'Name': 'V100'}]},us-east5,us-east5-a,9.92,4.0
`
const RUNPOD = `instancetype,acceleratorname,acceleratorcount,vcpus,memorygib,gpuinfo,region,spotprice,price
1x_H100-SXM_SECURE,H100-SXM,1.0,16.0,125.0,"{'Gpus': [{'Name': 'H100-SXM', 'MemoryInfo': {'SizeInMiB': 80}}]}",US,,3.99
`

type Answer = string | number | Error

function catalogue(answers: Readonly<Record<string, Answer>>) {
  const asked: string[] = []
  const source = createSkyPrices({
    today: '2026-11-25',
    timeoutMs: 1000,
    async fetch(url, { redirect }) {
      asked.push(url)
      expect(redirect).toBe('error')
      const answer = answers[url.split('/').at(-2) ?? ''] ?? 404
      if (answer instanceof Error) throw answer
      return typeof answer === 'number' ? new Response('', { status: answer }) : new Response(answer)
    },
  })
  return { source, asked }
}

async function priceOf(
  source: PriceSource,
  query: { gpu: string; gpus: number; provider: string; region?: string; spot?: boolean },
) {
  const answer = await source.prices({ provider: query.provider, region: query.region ?? null })
  return answer.status === 'found' ? findPrice({ ...query, rows: answer.rows }) : answer.message
}

describe('SkyPilot’s catalogue', () => {
  const { source } = catalogue({ aws: AWS, gcp: GCP, runpod: RUNPOD })
  const H100 = { gpu: 'h100', gpus: 8, provider: 'aws' }
  const A100 = { gpu: 'a100-80gb', gpus: 8, provider: 'gcp' }

  test.each([
    ['the median of the regions', H100, 58],
    ['a region', { ...H100, region: 'us-east-1' }, 55.04],
    ['the cheapest zone of a region, on spot', { ...H100, region: 'us-east-1', spot: true }, 18.2],
    ['a tenth of the on-demand price is a placeholder', { ...H100, region: 'eu-north-1', spot: true }, null],
    ['a region that is not there', { ...H100, region: 'mars-1' }, null],
    ['three GPUs of eight: the instance', { ...H100, gpus: 3, region: 'us-east-1' }, 55.04],
    ['an empty price', { ...H100, gpu: 'h200' }, null],
    ['a part of a GPU', { ...H100, gpu: 'l4', gpus: 1 }, null],
    ['GCP: machine and GPUs together', { ...A100, region: 'europe-west4' }, 41],
    ['GCP: on-demand below spot is no on-demand price', { ...A100, region: 'us-central1' }, null],
    ['GCP: such a zone still has a spot price', { ...A100, region: 'us-central1', spot: true }, 18.712],
    ['GCP: GPUs for any machine', { gpu: 'v100', gpus: 4, provider: 'gcp' }, null],
    ['other header case and order', { gpu: 'h100', gpus: 1, provider: 'runpod-secure' }, 3.99],
  ])('%s', async (_name, query, perInstanceHour) => {
    const price = await priceOf(source, query)
    expect(typeof price === 'string' ? price : (price?.perInstanceHour ?? null)).toEqual(
      perInstanceHour === null ? null : expect.closeTo(perInstanceHour, 6),
    )
  })

  test('says where and when it was read', async () => {
    const price = await priceOf(source, H100)
    expect(price).toMatchObject({ asOf: '2026-11-25', instanceMemoryBytes: 2048 * 2 ** 30 })
    expect(typeof price === 'object' ? price?.source : '').toContain('v8/aws/vms.csv, read 2026-11-25')
  })

  test.each([
    ['a cloud it does not have', { provider: 'azure' }, {}, 0, 'has no prices of `azure`'],
    ['a name that is no cloud', { provider: '../../x' }, {}, 0, 'has no prices'],
    ['a server that fails: the mirror is asked too', { provider: 'aws' }, { aws: 500 }, 2, 'answered 500'],
    ['no network', { provider: 'aws' }, { aws: new Error('offline') }, 2, 'did not answer'],
    ['a file of another kind', { provider: 'aws' }, { aws: '<html></html>' }, 2, 'lists no known GPU'],
    ['a file without end', { provider: 'aws' }, { aws: 'x'.repeat(33 * 2 ** 20) }, 2, 'is larger than'],
  ])('%s', async (_name, { provider }, answers, requests, message) => {
    const { source: other, asked } = catalogue(answers)
    const answer = await other.prices({ provider, region: null })
    expect(answer).toMatchObject({ status: 'failed', message: expect.stringContaining(message) })
    expect(asked).toHaveLength(requests)
    for (const url of asked) expect(url).toMatch(/^https:\/\/(raw\.githubusercontent\.com|skypilot-catalog\.s3\.)/)
  })

  test('reads a cloud once', async () => {
    const { source: other, asked } = catalogue({ aws: AWS })
    await Promise.all([other.prices({ provider: 'aws', region: null }), other.prices({ provider: 'AWS', region: 'x' })])
    expect(asked).toHaveLength(1)
  })
})

test('rows of a CSV, cut anywhere', async () => {
  const text = 'A,b\n"x, ""y""\nz",2\n\nlast,3'
  for (const size of [1, 2, 5, 100]) {
    const pieces = async function* () {
      for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
    }
    const rows = []
    for await (const row of csvRows(pieces())) rows.push(Object.fromEntries(row))
    expect(rows).toEqual([
      { a: 'x, y\nz', b: '2' },
      { a: 'last', b: '3' },
    ])
  }
})

describe('the cache', () => {
  test('answers for seven hours, then asks again; failures are not kept', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'preflop-prices-'))
    try {
      const { source, asked } = catalogue({ aws: AWS })
      const now = Date.now()
      const at = (hours: number) => cachedPrices(source, folder, () => now + hours * 3_600_000)
      const question = { provider: 'aws', region: null }
      const first = await at(0).prices(question)
      expect(await at(6.9).prices(question)).toEqual(first)
      expect(asked).toHaveLength(1)
      const [file = ''] = readdirSync(folder)
      utimesSync(join(folder, file), new Date(now - 8 * 3_600_000), new Date(now - 8 * 3_600_000))
      let again = 0
      const failing: PriceSource = {
        async prices() {
          again += 1
          return { status: 'failed', message: 'no network' }
        },
      }
      await cachedPrices(failing, folder, () => now).prices(question)
      expect(again).toBe(1)
      expect(readdirSync(folder)).toHaveLength(1)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

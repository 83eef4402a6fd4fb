import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isHubId } from '../../src/models/hub-id.ts'
import type { HubOptions } from '../../src/models/hub-request.ts'
import { createHubSource } from '../../src/models/hub-source.ts'
import type { ModelConfigResult } from '../../src/models/model-source.ts'

const CONFIG = { model_type: 'llama', num_hidden_layers: 2 }

interface Asked {
  readonly url: string
  readonly authorization: string | undefined
}

interface Stub {
  readonly options: HubOptions
  readonly asked: Asked[]
  readonly slept: number[]
}

type Answer = Response | Error

/** A Hub that answers each path from a list, in order; the last answer stands. */
function stub(answers: Readonly<Record<string, readonly Answer[]>>, options: Partial<HubOptions> = {}): Stub {
  const asked: Asked[] = []
  const slept: number[] = []
  const counts = new Map<string, number>()
  return {
    asked,
    slept,
    options: {
      endpoint: 'https://hub.example',
      token: null,
      timeoutMs: 1000,
      sleep: async milliseconds => {
        slept.push(milliseconds)
      },
      fetch: async (url, { headers }) => {
        asked.push({ url, authorization: headers['authorization'] })
        const { pathname } = new URL(url)
        const key = Object.keys(answers).find(end => pathname.endsWith(end)) ?? ''
        const count = counts.get(key) ?? 0
        counts.set(key, count + 1)
        const list = answers[key] ?? [new Response('', { status: 404 })]
        const answer = list[Math.min(count, list.length - 1)]
        if (answer instanceof Error) throw answer
        return answer?.clone() ?? new Response('', { status: 404 })
      },
      ...options,
    },
  }
}

const json = (value: unknown, init: ResponseInit = {}): Response => new Response(JSON.stringify(value), init)
const refused = (status: number, headers: Record<string, string> = {}): Response =>
  new Response('no', { status, headers })

async function ask(answers: Readonly<Record<string, readonly Answer[]>>, options: Partial<HubOptions> = {}) {
  const hub = stub(answers, options)
  const result = await createHubSource(hub.options).config('org/model')
  return { ...hub, result }
}

const messageOf = (result: ModelConfigResult): string => (result.status === 'found' ? '' : result.message)

describe('answers of the Hub', () => {
  test.each([
    ['401', refused(401), 'denied', 'gated, private or does not exist (the Hub answered 401; no token was given)'],
    ['401 gated', refused(401, { 'x-error-code': 'GatedRepo' }), 'denied', 'is gated'],
    ['403', refused(403), 'denied', 'the Hub answered 403'],
    ['404', refused(404), 'unknown', 'has no config.json on the Hub'],
    ['404 repo', refused(404, { 'x-error-code': 'RepoNotFound' }), 'unknown', 'has no config.json on the Hub'],
    ['404 revision', refused(404, { 'x-error-code': 'RevisionNotFound' }), 'unknown', 'no such revision'],
    ['429', refused(429, { 'retry-after': '3' }), 'failed', 'answered 429'],
    ['500', refused(500), 'failed', 'answered 500'],
    ['503', refused(503), 'failed', 'answered 503'],
    ['418', refused(418), 'failed', 'answered 418'],
    ['page instead of JSON', new Response('<!doctype html><h1>hi</h1>'), 'failed', 'is not JSON'],
    ['list', json([1]), 'failed', 'is not a mapping'],
    ['no address', new TypeError('fetch failed: ENOTFOUND'), 'failed', 'did not answer'],
    ['endless redirects', refused(302, { location: '/org/model/resolve/main/config.json' }), 'failed', 'without end'],
    ['plain http', refused(302, { location: 'http://elsewhere.example/config.json' }), 'failed', 'not https'],
    ['file address', refused(302, { location: 'file:///etc/passwd' }), 'failed', 'not https'],
    ['broken address', refused(302, { location: 'https://[' }), 'failed', 'to no address'],
  ] as const)('%s', async (_name, answer, status, words) => {
    const { result } = await ask({ 'config.json': [answer] })
    expect(result.status).toBe(status)
    expect(messageOf(result)).toContain(words)
  })

  test('50 MB are not read, whether announced or not', async () => {
    const announced = await ask({ 'config.json': [new Response('{}', { headers: { 'content-length': '52428800' } })] })
    expect(messageOf(announced.result)).toContain('larger than 1 MiB')
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 2 ** 16
        if (sent > 50 * 2 ** 20) controller.close()
        else controller.enqueue(new Uint8Array(2 ** 16).fill(32))
      },
    })
    const options = stub({}).options
    const { config } = createHubSource({ ...options, fetch: async () => new Response(endless) })
    expect(messageOf(await config('org/model'))).toContain('larger than 1 MiB')
    expect(sent).toBeLessThan(4 * 2 ** 20)
  })

  test('busy answers are asked again, no earlier than the Hub wishes and no later than 10 s', async () => {
    const twice = await ask({ 'config.json': [refused(429, { 'retry-after': '3' }), refused(503), json(CONFIG)] })
    expect(twice.result.status).toBe('found')
    expect(twice.slept).toEqual([3000, 2000])
    const long = await ask({ 'config.json': [refused(429, { 'retry-after': '86400' }), json(CONFIG)] })
    expect(long.slept).toEqual([10_000])
    const date = new Date(Date.now() + 5000).toUTCString()
    const dated = await ask({ 'config.json': [refused(429, { 'retry-after': date }), json(CONFIG)] })
    expect(dated.slept[0]).toBeGreaterThan(2000)
    const nonsense = await ask({ 'config.json': [refused(429, { 'retry-after': 'soon' }), json(CONFIG)] })
    expect(nonsense.slept).toEqual([1000])
  })

  test('refusals are not asked again', async () => {
    for (const status of [401, 403, 418]) {
      const { asked, slept } = await ask({ 'config.json': [refused(status)] })
      expect([asked.length, slept.length]).toEqual([1, 0])
    }
  })
})

describe('the token', () => {
  const SECRET = 'hf_secret'

  test('goes to the endpoint', async () => {
    const { asked } = await ask({ 'config.json': [json(CONFIG)] }, { token: SECRET })
    expect(asked[0]?.authorization).toBe(`Bearer ${SECRET}`)
  })

  test.each([
    'https://cdn.example/config.json',
    'https://hub.example.evil.example/config.json',
    'https://hub.example@evil.example/config.json',
    'https://hub.example:8443/config.json',
    '//evil.example/config.json',
  ])('stays behind at a redirect to %s', async location => {
    const { asked, result } = await ask(
      { 'resolve/main/config.json': [refused(302, { location })], 'config.json': [json(CONFIG)] },
      { token: SECRET },
    )
    expect(result.status).toBe('found')
    expect(asked[1]?.authorization).toBeUndefined()
    expect(asked[0]?.authorization).toBeDefined()
  })

  test('is in no message', async () => {
    const { result } = await ask({ 'config.json': [refused(403)] }, { token: SECRET })
    expect(messageOf(result)).not.toContain(SECRET)
  })
})

describe('ids', () => {
  const hostile = [
    '../../api/whoami',
    'org/../../etc/passwd',
    'org/%2e%2e',
    'org%2fmodel',
    'org/model%00',
    'org@evil.example/model',
    'https://evil.example/model',
    '//evil.example/model',
    'org/model?x=1',
    'org/model#x',
    'org\\model',
    'org/model/extra',
    'org/model\n',
    ' org/model',
    'ｏｒｇ/model',
    'org／model',
    'org/mod\u202eel',
    'org/model\u0000',
    'öрг/model',
    '.hidden/model',
    'org/-model',
    'org/.git',
    `org/${'a'.repeat(100)}`,
    '',
    '/',
  ]
  test.each(hostile)('%j reaches no address', async id => {
    const { options, asked } = stub({})
    const result = await createHubSource(options).config(id)
    expect(result.status).toBe('unknown')
    expect(asked).toEqual([])
  })

  test.each(['../main', 'a/../../b', '%2e%2e', 'main?x', 'main#x', '@{u}', 'ma in', 'ｍain'])(
    'revision %j reaches no address',
    async revision => {
      const { options, asked } = stub({})
      expect((await createHubSource(options).config('org/model', revision)).status).toBe('unknown')
      expect(asked).toEqual([])
    },
  )

  test('any text stays below the endpoint', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (id, revision) => {
        const { options, asked } = stub({})
        await createHubSource(options).config(id, revision)
        for (const { url } of asked) {
          const { origin, pathname } = new URL(url)
          expect(origin).toBe('https://hub.example')
          expect(pathname.startsWith(`/${id}/resolve/`)).toBe(true)
        }
      }),
    )
    await fc.assert(fc.property(fc.webUrl(), url => !isHubId(url)))
  })

  test('a revision with a slash is one part of the path', async () => {
    const { options, asked } = stub({ 'config.json': [json(CONFIG)] })
    await createHubSource(options).config('org/model', 'refs/pr/3')
    expect(asked[0]?.url).toBe('https://hub.example/org/model/resolve/refs%2Fpr%2F3/config.json')
  })
})

describe('what is read', () => {
  test('the published count comes along, and its absence is no failure', async () => {
    const counted = await ask({
      'resolve/main/config.json': [json(CONFIG)],
      'api/models/org/model': [json({ safetensors: { parameters: { BF16: 7 }, total: 7 } })],
    })
    expect(counted.result).toMatchObject({ status: 'found', config: CONFIG, parameters: 7 })
    for (const answer of [refused(500), json({}), json({ safetensors: { total: 'many' } }), new TypeError('fetch')]) {
      const { result } = await ask({ 'resolve/main/config.json': [json(CONFIG)], 'api/models/org/model': [answer] })
      expect(result).toMatchObject({ status: 'found', parameters: null })
    }
  })

  test('an adapter leads to its base model', async () => {
    const hub = stub({
      '/org/adapter/resolve/main/adapter_config.json': [json({ base_model_name_or_path: 'org/base' })],
      '/org/base/resolve/main/config.json': [json(CONFIG)],
    })
    const result = await createHubSource(hub.options).config('org/adapter')
    expect(result).toMatchObject({ status: 'found', resolvedId: 'org/base', config: CONFIG })
  })

  test.each(['../../api/whoami', 'org/adapter', 'https://evil.example/x', '', 7, null])(
    'an adapter whose base is %j leads nowhere',
    async base => {
      const hub = stub({ '/org/adapter/resolve/main/adapter_config.json': [json({ base_model_name_or_path: base })] })
      expect((await createHubSource(hub.options).config('org/adapter')).status).toBe('unknown')
      expect(hub.asked.every(({ url }) => url.startsWith('https://hub.example/org/adapter/'))).toBe(true)
    },
  )

  test('one question per id and revision in a run', async () => {
    const hub = stub({ 'resolve/main/config.json': [json(CONFIG)] })
    const source = createHubSource(hub.options)
    await Promise.all([source.config('org/model'), source.config('org/model'), source.config('org/model', 'v2')])
    expect(hub.asked.filter(({ url }) => url.includes('/resolve/main/'))).toHaveLength(1)
  })

  test('a mirror with a path, and ModelScope, have their own addresses', async () => {
    const mirror = await ask({ 'config.json': [json(CONFIG)] }, { endpoint: 'https://mirror.example/hf/' })
    expect(mirror.asked[0]?.url).toBe('https://mirror.example/hf/org/model/resolve/main/config.json')
    const scope = await ask({ 'config.json': [json(CONFIG)] }, { endpoint: 'https://modelscope.cn' })
    expect(scope.asked.map(({ url }) => url)).toEqual([
      'https://modelscope.cn/models/org/model/resolve/master/config.json',
    ])
    expect(scope.result).toMatchObject({ origin: 'ModelScope' })
  })
})

describe('a real server', () => {
  let server: Server
  let endpoint = ''
  const handlers = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()

  beforeAll(async () => {
    server = createServer((request, response) => {
      const name = request.url?.split('/')[2] ?? ''
      const handler = handlers.get(name)
      if (handler) handler(request, response)
      else response.writeHead(404).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    endpoint = typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : ''
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const config = (name: string, timeoutMs = 300): Promise<ModelConfigResult> =>
    createHubSource({
      fetch: (url, init) => fetch(url, init),
      endpoint,
      token: null,
      timeoutMs,
      sleep: async () => undefined,
    }).config(`org/${name}`)

  test('a slow drip ends with the time limit, asked once', async () => {
    let asked = 0
    handlers.set('drip', (_request, response) => {
      asked += 1
      response.writeHead(200, { 'content-type': 'application/json' })
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    })
    const started = performance.now()
    expect(messageOf(await config('drip'))).toContain('did not answer within')
    expect(performance.now() - started).toBeLessThan(15_000)
    expect(asked).toBe(1)
  })

  test('a connection that breaks is asked again', async () => {
    let asked = 0
    handlers.set('break', (_request, response) => {
      asked += 1
      if (asked < 3) {
        response.writeHead(200, { 'content-length': '100' })
        response.write('{"model_')
        setTimeout(() => response.destroy(), 10)
      } else response.end(JSON.stringify(CONFIG))
    })
    expect((await config('break', 3000)).status).toBe('found')
  })

  test('a name that has no address', async () => {
    const source = createHubSource({
      fetch: (url, init) => fetch(url, init),
      endpoint: 'https://hub.invalid',
      token: null,
      timeoutMs: 3000,
      sleep: async () => undefined,
    })
    expect(await source.config('org/model')).toMatchObject({ status: 'failed' })
  })
})

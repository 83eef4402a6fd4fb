import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { useProxy } from '../../src/github/use-proxy.ts'
import { NODE_24 } from '../node-24.ts'

const onNode24 = NODE_24 === null ? test.skip : test

test('without a proxy in the environment nothing is changed', () => {
  expect(useProxy({ NO_PROXY: 'localhost', HTTPS_PROXY: '' })).toBe(false)
})

onNode24(
  'requests go through the proxy of the environment on the Node that runners have',
  async () => {
    const seen: string[] = []
    const proxy = createServer()
    proxy.on('connect', (request, socket) => {
      seen.push(`${request.url}`)
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    const address = proxy.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const script = `import { useProxy } from './src/github/use-proxy.ts'
    useProxy(process.env)
    await fetch('https://api.github.invalid/x').catch(() => undefined)
    process.exit()`
    const env = { PATH: '/nowhere', HTTPS_PROXY: `http://127.0.0.1:${port}` }
    await promisify(execFile)(NODE_24 ?? process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      env,
      timeout: 20_000,
    })
    proxy.close()
    expect(seen).toEqual(['api.github.invalid:443'])
  },
  30_000,
)

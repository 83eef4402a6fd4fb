import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { StandInRepository } from './repository.ts'
import { type Answer, answer } from './routes.ts'

/** What goes wrong with a request instead of its answer. */
export type Fault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly message?: string
      readonly headers?: Record<string, string>
    }
  /** The connection is cut before anything is sent. */
  | { readonly kind: 'reset' }
  /** Never answered. */
  | { readonly kind: 'timeout' }
  /** The request has its effect, the answer is lost. */
  | { readonly kind: 'lost-answer' }

export interface StandIn {
  readonly url: string
  readonly repository: StandInRepository
  /** `METHOD /path?query`, in order of arrival. */
  readonly requests: string[]
  /** Authorization headers seen. */
  readonly tokens: Set<string>
  /** Decides about each request before it is answered. */
  fault: (request: string, index: number) => Fault | null
  /** Called before a request is answered, for what happens in between. */
  before: (request: string) => void | Promise<void>
  close(): Promise<void>
}

/** Listens on a free loopback port and answers as api.github.com does, as far as Preflop asks. */
export async function startStandIn(repository: StandInRepository): Promise<StandIn> {
  const server = createServer((request, response) => {
    handle(request, response).catch(error => {
      response.writeHead(500).end(JSON.stringify({ message: `stand-in: ${String(error)}` }))
    })
  })
  const standIn: StandIn = {
    url: await listen(server),
    repository,
    requests: [],
    tokens: new Set(),
    fault: () => null,
    before: () => undefined,
    close: () =>
      new Promise(resolve => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const name = `${request.method} ${request.url}`
    const index = standIn.requests.push(name) - 1
    standIn.tokens.add(request.headers.authorization ?? '')
    await standIn.before(name)
    const fault = standIn.fault(name, index)
    if (fault?.kind === 'timeout') return
    if (fault?.kind === 'reset') {
      request.socket.destroy()
      return
    }
    if (fault?.kind === 'status') {
      send(response, { status: fault.status, body: { message: fault.message ?? 'injected' } }, fault.headers)
      return
    }
    const reply = answer(repository, {
      method: request.method ?? '',
      url: request.url ?? '',
      body,
      origin: standIn.url,
    })
    if (fault?.kind === 'lost-answer') request.socket.destroy()
    else send(response, reply)
  }

  return standIn
}

function send(response: ServerResponse, { status, body }: Answer, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
  response.end(status === 204 ? undefined : JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

function listen(server: Server): Promise<string> {
  return new Promise(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      resolve(`http://127.0.0.1:${port}`)
    })
  })
}

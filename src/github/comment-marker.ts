import { createHash } from 'node:crypto'
import * as z from 'zod/mini'

/** The hidden first line of our comment: what it was written for. */
export interface CommentState {
  readonly key: string
  /** Full sha of the head that was judged. */
  readonly head: string
  /** `RUN_ID.ATTEMPT`. */
  readonly run: string
  /** Of the text without what changes on every push. */
  readonly hash: string
  /** One-click suggestions were offered with it. */
  readonly suggests: boolean
}

const STATE = z.object({
  key: z.string(),
  head: z.string(),
  run: z.string().check(z.regex(/^\d+\.\d+$/)),
  hash: z.string(),
  suggests: z._default(z.boolean(), false),
})

const MARKER = /^\s*<!-- preflop:v1 (\{[^\n]{1,1000}\}) -->/

export function writeMarker(state: CommentState): string {
  const { key, head, run, hash, suggests } = state
  return `<!-- preflop:v1 ${JSON.stringify({ key, head, run, hash, ...(suggests ? { suggests } : {}) })} -->`
}

/** null: not a comment of ours. Who wrote it is another question. */
export function readMarker(body: string): CommentState | null {
  const json = MARKER.exec(body)?.[1]
  if (json === undefined) return null
  try {
    return STATE.safeParse(JSON.parse(json)).data ?? null
  } catch {
    return null
  }
}

/** Negative: run `a` started before run `b`. Run ids only grow, attempts count up inside one. */
export function compareRuns(a: string, b: string): number {
  const [idA = '0', attemptA = '0'] = a.split('.')
  const [idB = '0', attemptB = '0'] = b.split('.')
  const byId = BigInt(idA) - BigInt(idB)
  const difference = byId === 0n ? BigInt(attemptA) - BigInt(attemptB) : byId
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Equal for equal reports: what changes on every push (commit ids, links to the run) is left out. */
export function contentHash(body: string, volatile: readonly string[]): string {
  const texts = volatile.flatMap(text => (/^[0-9a-f]{40,64}$/.test(text) ? [text, text.slice(0, 7)] : [text]))
  const rest = texts.reduce((left, text) => (text === '' ? left : left.replaceAll(text, '…')), body)
  return createHash('sha256').update(rest).digest('hex').slice(0, 16)
}

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type CommentTarget, upsertComment } from '../../src/github/comment.ts'
import { contentHash, writeMarker } from '../../src/github/comment-marker.ts'
import { octokitApi } from '../../src/github/octokit-api.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import { StandInRepository } from '../github-stand-in/repository.ts'
import { type Fault, type StandIn, startStandIn } from '../github-stand-in/server.ts'

const HEAD = 'a'.repeat(40)
const BOT = 'github-actions[bot]'
let standIn: StandIn
let repository: StandInRepository

beforeEach(async () => {
  repository = new StandInRepository()
  repository.pullHead = HEAD
  standIn = await startStandIn(repository)
})
afterEach(() => standIn.close())

function target(fields: Partial<CommentTarget> = {}): CommentTarget {
  return {
    api: octokitApi({ token: 't', apiUrl: standIn.url, timing: FAST_TIMING }),
    repository: { owner: 'acme', repo: 'training' },
    number: 7,
    key: 'default',
    head: HEAD,
    volatile: [HEAD],
    run: '100.1',
    isFirstOfHead: true,
    ...fields,
  }
}

const marked = (run: string, body = 'old', key = 'default') =>
  `${writeMarker({ key, head: HEAD, run, hash: contentHash(body, [HEAD]), suggests: false })}\n${body}`
const write = (fields: Partial<CommentTarget> = {}, body = 'new', mayCreate = true) =>
  upsertComment(target(fields), { body, mayCreate, suggests: false })
const writes = () => standIn.requests.filter(request => !request.startsWith('GET') && !request.includes('graphql'))

describe('upsertComment', () => {
  test('creates one and looks whether it is alone', async () => {
    expect(await write()).toMatchObject({ status: 'created' })
    expect(repository.comments.map(({ body }) => body.split('\n').slice(1))).toEqual([['new']])
    expect(standIn.requests.map(request => request.replace(/\?.*/, ''))).toEqual([
      'GET /repos/acme/training/issues/7/comments',
      'POST /graphql',
      'POST /repos/acme/training/issues/7/comments',
      'GET /repos/acme/training/issues/7/comments',
    ])
  })

  test('creates none when it is not wanted', async () => {
    expect(await write({}, 'new', false)).toEqual({ status: 'skipped', reason: 'not-wanted' })
    expect(standIn.requests).toHaveLength(1)
  })

  test('an existing one is brought up to date even then', async () => {
    repository.addComment(BOT, marked('99.1'))
    expect(await write({}, 'new', false)).toMatchObject({ status: 'updated' })
    expect(repository.comments[0]?.body).toContain('new')
  })

  test('found on a later page', async () => {
    for (let i = 0; i < 230; i++) repository.addComment('someone', `talk ${i}`)
    const ours = repository.addComment(BOT, marked('99.1'))
    expect(await write()).toMatchObject({ status: 'updated', url: expect.stringContaining(String(ours.id)) })
    expect(repository.comments).toHaveLength(231)
  })

  test('unchanged text is not written', async () => {
    repository.addComment(BOT, marked('99.1', 'same'))
    expect(await write({}, 'same')).toMatchObject({ status: 'unchanged' })
    expect(writes()).toEqual([])
  })

  test('unchanged text of a run that others may race is signed by it, so that an older one cannot set it back', async () => {
    repository.addComment(BOT, marked('99.1', 'same'))
    expect(await write({ run: '101.1', isFirstOfHead: false }, 'same')).toMatchObject({ status: 'unchanged' })
    expect(writes()).toHaveLength(1)
    expect(await write({ run: '100.1', isFirstOfHead: false }, 'older')).toEqual({
      status: 'skipped',
      reason: 'newer-run',
    })
    expect(repository.comments[0]?.body).toContain('same')
  })

  test.each([
    ['101.1', '100.1'],
    ['100.2', '100.1'],
  ])('a comment of run %s is not overwritten by run %s', async (newer, older) => {
    repository.addComment(BOT, marked(newer))
    expect(await write({ run: older })).toEqual({ status: 'skipped', reason: 'newer-run' })
    expect(writes()).toEqual([])
  })

  test('nothing is written for a head that has moved on', async () => {
    repository.pullHead = 'f'.repeat(40)
    expect(await write()).toEqual({ status: 'skipped', reason: 'head-moved' })
    expect(repository.comments).toEqual([])
  })

  test('a marker that somebody else planted is not ours', async () => {
    const planted = repository.addComment('mallory', marked('1.1'))
    expect(await write()).toMatchObject({ status: 'created' })
    expect(planted.body).toContain('old')
    expect(repository.comments).toHaveLength(2)
  })

  test('each key has its own comment', async () => {
    repository.addComment(BOT, marked('99.1', 'old', 'other'))
    expect(await write()).toMatchObject({ status: 'created' })
    expect(repository.comments).toHaveLength(2)
  })

  test('of several the oldest stays', async () => {
    const oldest = repository.addComment(BOT, marked('98.1'))
    repository.addComment(BOT, marked('99.1'))
    expect(await write()).toMatchObject({ status: 'updated' })
    expect(repository.comments.map(({ id }) => id)).toEqual([oldest.id])
  })

  test.each([
    ['200.1', 'from 200'],
    ['50.1', 'from 100'],
  ])('a run created one in between (%s): one is left, of the newest run', async (run, left) => {
    standIn.before = request => {
      if (!request.startsWith('POST /repos')) return
      standIn.before = () => undefined
      repository.addComment(BOT, marked(run, `from ${run.split('.')[0]}`))
    }
    await write({}, 'from 100')
    expect(repository.comments).toHaveLength(1)
    expect(repository.comments[0]?.body).toContain(left)
  })

  test('runs at the same moment leave one comment', async () => {
    await Promise.all(['100.1', '101.1', '102.1'].map(run => write({ run }, `from ${run}`)))
    expect(repository.comments).toHaveLength(1)
    expect(repository.comments[0]?.body).toContain('from 102.1')
  })

  test.each<[string, Fault, object]>([
    ['no write access', { kind: 'status', status: 403 }, { kind: 'refused', status: 403 }],
    ['locked', { kind: 'status', status: 422 }, { kind: 'invalid', status: 422 }],
    ['server error', { kind: 'status', status: 502 }, { kind: 'unreachable', status: 502 }],
    ['reset', { kind: 'reset' }, { kind: 'unreachable', status: null }],
    ['timeout', { kind: 'timeout' }, { kind: 'unreachable', status: null }],
  ])('%s on creation is a value', async (_name, fault, failure) => {
    standIn.fault = request => (request.startsWith('POST /repos') ? fault : null)
    expect(await write()).toMatchObject({ status: 'failed', failure })
    expect(writes()).toHaveLength(1)
  })

  test('a lost answer to a creation that worked is noticed', async () => {
    standIn.fault = request => (request.startsWith('POST /repos') ? { kind: 'lost-answer' } : null)
    expect(await write()).toMatchObject({ status: 'created' })
    expect(repository.comments).toHaveLength(1)
  })

  test('without GraphQL the workflow token’s own login counts', async () => {
    standIn.fault = request => (request.includes('graphql') ? { kind: 'status', status: 404 } : null)
    repository.addComment(BOT, marked('99.1'))
    expect(await write()).toMatchObject({ status: 'updated' })
  })

  test('a short rate limit is waited for', async () => {
    standIn.fault = (request, index) =>
      index === 0 && request.startsWith('GET')
        ? {
            kind: 'status',
            status: 403,
            message: 'You have exceeded a secondary rate limit',
            headers: { 'retry-after': '5' },
          }
        : null
    expect(await write()).toMatchObject({ status: 'created' })
  })
})

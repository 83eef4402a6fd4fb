import { describe, expect, test } from '@jest/globals'
import { runAction } from '../../src/github/run-action.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { runnerFor } from '../github-stand-in/runner.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'
import { WORD_STAGES } from '../github-stand-in/word-stages.ts'

interface Outcome {
  readonly exitCode: number
  readonly log: string
  readonly outputs: Record<string, string>
  readonly summary: string
  readonly requests: readonly string[]
}

interface Options {
  readonly event?: string
  readonly payload?: object
  readonly inputs?: Record<string, string>
  readonly run?: string
  readonly sha?: string
  readonly prepare?: (standIn: StandIn) => void
}

async function act(fixture: PullRequestFixture, options: Options = {}): Promise<Outcome> {
  const standIn = await startStandIn(fixture.repository)
  options.prepare?.(standIn)
  const runner = runnerFor({
    apiUrl: standIn.url,
    event: options.event ?? 'pull_request',
    payload: options.payload ?? fixture.payload,
    ...options,
  })
  let log = ''
  const write = (text: string) => {
    log += text
  }
  try {
    const exitCode = await runAction({ env: runner.env, write, timing: FAST_TIMING }, WORD_STAGES)
    return { exitCode, log, outputs: runner.outputs(), summary: runner.summary(), requests: [...standIn.requests] }
  } finally {
    runner.remove()
    await standIn.close()
  }
}

const FAIL = 'fail\nmicro_batch_size: 8\n'
const over = (fields: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { 'configs/a.yml': 'pass\n' }, head: { 'configs/a.yml': FAIL }, ...fields })
const shapes = (requests: readonly string[]) =>
  requests.map(request => request.replace(/\?.*/, '').replace(/[0-9a-f]{40}|main/g, '*'))

describe('a pull request', () => {
  test('that fails: outputs, summary, comment, suggestion, exit code 1; each call once', async () => {
    const fixture = over()
    const { exitCode, outputs, summary, requests } = await act(fixture)
    expect(exitCode).toBe(1)
    expect(outputs).toMatchObject({
      verdict: 'fail',
      'failed-count': '1',
      'checked-count': '1',
      'max-memory-gib': '',
      'total-hours': '1.5',
      'total-gpu-hours': '12',
      'total-cost': '81.24',
      'cost-delta': '',
      currency: 'CNY',
      'comment-url': expect.stringContaining('#issuecomment-'),
      'report-path': expect.stringContaining('report.json'),
    })
    expect(summary).toBe('# fail\n')
    expect(fixture.repository.comments).toHaveLength(1)
    expect(fixture.repository.reviewComments).toMatchObject([
      { path: 'configs/a.yml', line: 2, body: expect.stringContaining('```suggestion\nmicro_batch_size: 2\n```') },
    ])
    expect(shapes(requests)).toEqual([
      'GET /repos/acme/training/compare/*...*',
      'GET /repos/acme/training/git/trees/*',
      'GET /repos/acme/training/git/trees/*',
      'POST /graphql',
      'GET /repos/acme/training/issues/7/comments',
      'POST /graphql',
      'POST /repos/acme/training/issues/7/comments',
      'GET /repos/acme/training/issues/7/comments',
      'GET /repos/acme/training/pulls/7/comments',
      'POST /repos/acme/training/pulls/7/reviews',
    ])
  })

  test('a second push with the same figures writes nothing', async () => {
    const fixture = over()
    await act(fixture)
    const { exitCode, requests } = await act(fixture, { run: '101.1' })
    expect(exitCode).toBe(1)
    expect(fixture.repository.reviewComments).toHaveLength(1)
    expect(requests.filter(request => /^(POST \/repos|PATCH|DELETE)/.test(request))).toEqual([])
    expect(requests.length).toBeLessThanOrEqual(8)
  })

  test('of three configs costs at most 12 requests', async () => {
    const files = (text: string) => ({
      'configs/a.yml': text,
      'configs/b.yml': `${text}1`,
      'configs/c.yml': `${text}2`,
    })
    const { requests } = await act(pullRequest({ base: files('pass\n'), head: files(FAIL) }))
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('that touches no config: green, one line, no comment', async () => {
    const fixture = pullRequest({ base: { 'README.md': 'a' }, head: { 'README.md': 'b' } })
    const { exitCode, outputs, log } = await act(fixture)
    expect([exitCode, outputs['verdict'], fixture.repository.comments.length]).toEqual([0, 'pass', 0])
    expect(log.split('\n').filter(line => line !== '' && !line.startsWith('::add-mask::'))).toEqual([
      'Preflop: pass, no training config changed.',
    ])
  })

  test('of a fork without write access keeps verdict, summary and exit code', async () => {
    const fixture = over({ fork: true })
    const { exitCode, outputs, summary, log } = await act(fixture, {
      prepare: standIn => {
        standIn.fault = request =>
          request.startsWith('POST /repos')
            ? { kind: 'status', status: 403, message: 'Resource not accessible by integration' }
            : null
      },
    })
    expect([exitCode, outputs['verdict'], summary]).toEqual([1, 'fail', '# fail\n'])
    expect(log.match(/^::notice /gm)).toHaveLength(1)
    expect(log).toContain('no-write-access')
  })

  test('of a fork judged with write access: comment and suggestion, but the Hub token stays here', async () => {
    const fixture = over({ fork: true })
    const tokens: string[] = []
    const standIn = await startStandIn(fixture.repository)
    const runner = runnerFor({
      apiUrl: standIn.url,
      event: 'pull_request_target',
      payload: fixture.payload,
      inputs: { 'hf-token': 'hf_secret' },
    })
    await runAction(
      { env: runner.env, write: () => undefined, timing: FAST_TIMING },
      {
        ...WORD_STAGES,
        estimate: request => {
          tokens.push(request.hub.token)
          return WORD_STAGES.estimate(request)
        },
      },
    )
    await standIn.close()
    runner.remove()
    expect(tokens).toEqual([''])
    expect(fixture.repository.comments).toHaveLength(1)
    expect(fixture.repository.reviewComments).toHaveLength(1)
  })

  test('of a fork whose run may only read: no suggestion', async () => {
    const fixture = over({ fork: true })
    const { requests } = await act(fixture)
    expect(fixture.repository.reviewComments).toEqual([])
    expect(requests.filter(request => request.includes('/pulls/7/'))).toEqual([])
  })

  test.each([
    ['always', 'pass', 1],
    ['on-change', 'pass', 1],
    ['on-failure', 'pass', 0],
    ['on-failure', 'fail', 1],
    ['never', 'fail', 0],
  ])('comment: %s on %s creates %d', async (comment, word, count) => {
    const fixture = pullRequest({ base: {}, head: { 'configs/a.yml': `${word}\nmicro_batch_size: 8\n` } })
    await act(fixture, { inputs: { comment, suggest: 'false' } })
    expect(fixture.repository.comments).toHaveLength(count)
    expect(fixture.repository.reviewComments).toEqual([])
  })

  test('an existing comment is brought up to date even with `never`', async () => {
    const fixture = over()
    await act(fixture)
    const before = fixture.repository.comments[0]?.body
    fixture.repository.commits.set(fixture.head, fixture.repository.commits.get(fixture.base) ?? new Map())
    await act(fixture, { run: '101.1', inputs: { comment: 'never' } })
    expect(fixture.repository.comments).toHaveLength(1)
    expect(fixture.repository.comments[0]?.body).not.toBe(before)
  })

  test('a symlink and a submodule are never followed', async () => {
    const { outputs, requests } = await act(
      pullRequest({
        base: {},
        head: { 'configs/a.yml': { link: '/etc/passwd' }, 'configs/b.yml': { commit: 'fail' } },
      }),
    )
    expect(outputs['verdict']).toBe('unknown')
    expect(requests.filter(request => request.includes('blobs'))).toEqual([])
  })

  test('a rename is followed', async () => {
    const renamed = pullRequest({ base: { 'configs/a.yml': FAIL }, head: { 'configs/b.yml': FAIL } })
    const changes: unknown[] = []
    const standIn = await startStandIn(renamed.repository)
    const runner = runnerFor({ apiUrl: standIn.url, event: 'pull_request', payload: renamed.payload })
    await runAction(
      { env: runner.env, write: () => undefined, timing: FAST_TIMING },
      {
        ...WORD_STAGES,
        estimate: request => {
          changes.push(request.changes)
          return WORD_STAGES.estimate(request)
        },
      },
    )
    await standIn.close()
    runner.remove()
    expect(changes).toEqual([[{ path: 'configs/b.yml', previousPath: 'configs/a.yml', status: 'renamed' }]])
  })

  test('a cut tree is said and is at least a warning', async () => {
    const fixture = pullRequest({
      base: { 'a.md': 'x', 'b.yml': 'pass' },
      head: { 'a.md': 'x', 'configs/a.yml': 'pass\n' },
    })
    fixture.repository.truncated = true
    const { outputs, exitCode } = await act(fixture)
    expect([outputs['verdict'] === 'pass', exitCode]).toEqual([false, 0])
  })

  test('without an API there is no verdict, and the check fails', async () => {
    const { exitCode, outputs, log, requests } = await act(over(), {
      prepare: standIn => {
        standIn.fault = () => ({ kind: 'status', status: 503 })
      },
    })
    expect([exitCode, outputs['verdict']]).toEqual([1, 'unknown'])
    expect(log).toMatch(/^::error .*GitHub could not be read/m)
    expect(requests.length).toBeLessThanOrEqual(20)
  })
})

describe('texts that GitHub keeps back', () => {
  test('leave no config judged: unknown, and the check fails', async () => {
    const fixture = over({
      base: { 'configs/a.yml': 'pass\n', '.github/preflop.yml': 'version: 1\n' },
      head: { 'configs/a.yml': FAIL, '.github/preflop.yml': 'version: 1\n' },
    })
    let blobsAsked = 0
    const { exitCode, outputs } = await act(fixture, {
      prepare: standIn => {
        standIn.fault = request => {
          const isLaterBlob = request.includes('/git/blobs/') && ++blobsAsked > 1
          return request.includes('/graphql') || isLaterBlob ? { kind: 'status', status: 500 } : null
        }
      },
    })
    expect([exitCode, outputs['verdict']]).toEqual([1, 'unknown'])
  })
})

describe('the policy', () => {
  const lenient = 'version: 1\nfail_on: any\n'

  test('of the base branch’s tip is in force; one changed by the pull request is previewed', async () => {
    const fixture = over({
      base: { 'configs/a.yml': 'pass\n' },
      head: { 'configs/a.yml': FAIL, '.github/preflop.yml': lenient },
    })
    const { exitCode, outputs } = await act(fixture)
    expect([exitCode, outputs['verdict']]).toEqual([1, 'fail'])
  })

  test('is read at the tip when the branch has moved on', async () => {
    const fixture = over({ tip: { 'configs/a.yml': 'pass\n', '.github/preflop.yml': lenient } })
    const { exitCode, requests } = await act(fixture)
    expect(exitCode).toBe(0)
    expect(requests.some(request => request.includes('/contents/.github/preflop.yml?ref='))).toBe(true)
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('of an organisation is read with its own token', async () => {
    const fixture = over()
    fixture.repository.elsewhere.set('acme/policies/llm/preflop.yml@v2', lenient)
    const tokens: Set<string>[] = []
    const { exitCode } = await act(fixture, {
      inputs: { policy: 'acme/policies/llm/preflop.yml@v2', 'policy-token': 'other-token' },
      prepare: standIn => tokens.push(standIn.tokens),
    })
    expect(exitCode).toBe(0)
    expect([...(tokens[0] ?? [])].sort()).toEqual(['token other-token', 'token test-token'])
  })

  test.each(['policies/none.yml', '../outside.yml', 'acme/policies/none.yml@v1'])(
    'named and missing: %s',
    async policy => {
      const { exitCode, outputs, log } = await act(over(), { inputs: { policy } })
      expect([exitCode, outputs['verdict']]).toEqual([1, 'unknown'])
      expect(log).toMatch(/^::error /m)
    },
  )
})

describe('other events', () => {
  test('merge_group judges and writes no comment', async () => {
    const fixture = over()
    const payload = { merge_group: { base_sha: fixture.base, head_sha: fixture.head } }
    const { exitCode, requests } = await act(fixture, { event: 'merge_group', payload })
    expect(exitCode).toBe(1)
    expect(requests.some(request => request.includes('issues'))).toBe(false)
  })

  test.each([
    ['a branch', {}, 1],
    ['its first push', { before: '0'.repeat(40) }, 1],
    ['a branch that was there before and is gone', { before: 'e'.repeat(40) }, 1],
    ['its deletion', { after: '0'.repeat(40) }, 0],
  ])('push to %s', async (_name, fields, expected) => {
    const fixture = over()
    const payload = {
      before: fixture.base,
      after: fixture.head,
      ref: 'refs/heads/topic',
      repository: { full_name: 'acme/training', default_branch: 'main' },
      ...fields,
    }
    const { exitCode, requests } = await act(fixture, { event: 'push', payload })
    expect(exitCode).toBe(expected)
    expect(requests.length).toBeLessThanOrEqual(8)
  })

  test.each(['workflow_dispatch', 'schedule'])('%s looks at every config', async event => {
    const fixture = over()
    const { exitCode, outputs } = await act(fixture, { event, payload: {}, sha: fixture.head })
    expect([exitCode, outputs['checked-count']]).toEqual([1, '1'])
  })

  test.each([
    ['issues', {}],
    ['pull_request', { plan: 'preflop: 1' }],
    ['pull_request', { gpus: 'many' }],
  ])('%s with %j is misuse and asks nothing', async (event, inputs) => {
    const { exitCode, outputs, log, requests } = await act(over(), { event, inputs })
    expect([exitCode, outputs['verdict'], requests.length]).toEqual([1, 'unknown', 0])
    expect(log).toMatch(/^::error /m)
  })
})

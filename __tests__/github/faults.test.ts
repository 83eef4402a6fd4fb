import { afterAll, describe, expect, test } from '@jest/globals'
import { readMarker } from '../../src/github/comment-marker.ts'
import { runAction } from '../../src/github/run-action.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { runnerFor } from '../github-stand-in/runner.ts'
import { type Fault, startStandIn } from '../github-stand-in/server.ts'
import { WORD_STAGES } from '../github-stand-in/word-stages.ts'

/** Every call of every scenario × every fault × once or for good: what must hold whatever goes wrong. */
const FAULTS: readonly (readonly [string, Fault])[] = [
  ['403', { kind: 'status', status: 403, message: 'Resource not accessible by integration' }],
  ['404', { kind: 'status', status: 404, message: 'Not Found' }],
  ['422', { kind: 'status', status: 422, message: 'Validation Failed' }],
  ['429', { kind: 'status', status: 429, message: 'API rate limit exceeded', headers: { 'retry-after': '1' } }],
  ['500', { kind: 'status', status: 500, message: 'Server Error' }],
  ['reset', { kind: 'reset' }],
  ['timeout', { kind: 'timeout' }],
  ['lost answer', { kind: 'lost-answer' }],
]
const TIMING = { ...FAST_TIMING, requestMilliseconds: 200 }
const FAIL = 'fail\nmicro_batch_size: 8\n'

interface Scenario {
  readonly event: string
  readonly fixture: () => PullRequestFixture
  readonly payload?: (fixture: PullRequestFixture) => object
  /** Runs before the one with faults. */
  readonly earlier?: (fixture: PullRequestFixture) => Promise<unknown>
}

const failing = () =>
  pullRequest({
    base: { 'configs/a.yml': 'pass\n', 'configs/b.yml': 'pass\n' },
    head: { 'configs/a.yml': FAIL, 'configs/b.yml': 'warn\n', '.github/preflop.yml': 'version: 1\n' },
    tip: { 'configs/a.yml': 'pass\n', '.github/preflop.yml': 'version: 1\nretries: 2\n' },
  })

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a failing pull request': { event: 'pull_request', fixture: failing },
  'an outdated comment': {
    event: 'pull_request_target',
    fixture: failing,
    earlier: async fixture => {
      await play({ event: 'pull_request', fixture: () => fixture }, fixture, () => null, '99.1')
      for (const comment of fixture.repository.comments)
        comment.body = comment.body.replace(/"hash":"\w+"/, '"hash":"0"')
    },
  },
  'nothing to write': {
    event: 'pull_request',
    fixture: failing,
    earlier: fixture => play({ event: 'pull_request', fixture: () => fixture }, fixture, () => null, '99.1'),
  },
  'no config touched': {
    event: 'pull_request',
    fixture: () => pullRequest({ base: { 'README.md': 'a' }, head: { 'README.md': 'b' } }),
  },
  'a merge group': {
    event: 'merge_group',
    fixture: failing,
    payload: ({ base, head }) => ({ merge_group: { base_sha: base, head_sha: head } }),
  },
  'a push': {
    event: 'push',
    fixture: failing,
    payload: ({ base, head }) => ({
      before: base,
      after: head,
      ref: 'refs/heads/topic',
      repository: { full_name: 'acme/training', default_branch: 'main' },
    }),
  },
}

interface Played {
  readonly exitCode: number
  readonly verdict: string
  readonly summary: string
  readonly requests: readonly string[]
  readonly comments: number
  readonly milliseconds: number
}

async function play(
  scenario: Scenario,
  fixture: PullRequestFixture,
  fault: (request: string, index: number) => Fault | null,
  run = '100.1',
): Promise<Played> {
  const standIn = await startStandIn(fixture.repository)
  standIn.fault = fault
  const started = performance.now()
  const payload = scenario.payload?.(fixture) ?? fixture.payload
  const runner = runnerFor({ apiUrl: standIn.url, event: scenario.event, payload, run })
  try {
    const exitCode = await runAction({ env: runner.env, write: () => undefined, timing: TIMING }, WORD_STAGES)
    return {
      exitCode,
      verdict: runner.outputs()['verdict'] ?? '',
      summary: runner.summary(),
      requests: [...standIn.requests],
      milliseconds: performance.now() - started,
      comments: fixture.repository.comments.filter(({ body }) => readMarker(body) !== null).length,
    }
  } finally {
    runner.remove()
    await standIn.close()
  }
}

/** Makes the repository as the earlier runs left it; they are played once for all cases. */
async function prepared(scenario: Scenario): Promise<() => PullRequestFixture> {
  const first = scenario.fixture()
  await scenario.earlier?.(first)
  return () => {
    const fixture = scenario.fixture()
    fixture.repository.continueFrom(first.repository)
    return fixture
  }
}

/** What is wrong with the end of a run; empty: nothing. */
function complaints(clean: Played, played: Played): readonly string[] {
  const { exitCode, verdict, summary, comments, requests, milliseconds } = played
  return [
    // the limit of all calls together is for many that are slow: a single one that hangs has a limit of its own
    ...(milliseconds > TIMING.totalMilliseconds * 0.9 ? ['a call without an end'] : []),
    ...(comments > 1 ? [`${comments} comments`] : []),
    ...(summary === '' ? ['no summary'] : []),
    ...(requests.length > 60 ? [`${requests.length} requests`] : []),
    ...(verdict === clean.verdict && exitCode !== clean.exitCode ? [`exit code ${exitCode} for ${verdict}`] : []),
    // Less may be known than without the fault, and then it is said; never is something better than it is.
    ...(verdict === 'pass' && clean.verdict !== 'pass' ? ['a pass that is none'] : []),
    ...(verdict === 'fail' && clean.verdict !== 'fail' ? ['a fail that is none'] : []),
    ...(verdict === 'unknown' && exitCode === 0 ? ['unknown without a word'] : []),
    ...(verdict === '' ? ['no verdict'] : []),
  ]
}

async function inParallel<T>(jobs: readonly (() => Promise<T>)[], width: number): Promise<readonly T[]> {
  const results: T[] = []
  const queue = [...jobs]
  const work = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) results.push(await job())
  }
  await Promise.all(Array.from({ length: width }, work))
  return results
}

let cases = 0

describe('whatever the API does', () => {
  test.each(Object.keys(SCENARIOS))(
    '%s ends with an honest verdict and at most one comment',
    async name => {
      const scenario = SCENARIOS[name]
      if (scenario === undefined) throw new Error(name)
      const fixture = await prepared(scenario)
      const clean = await play(scenario, fixture(), () => null)
      const jobs = clean.requests.flatMap((request, at) =>
        FAULTS.filter(([, { kind }]) => kind !== 'lost-answer' || changesSomething(request)).flatMap(
          ([faultName, fault]) =>
            ['once', 'for good'].map(duration => async () => {
              const target = withoutIds(request)
              const isHit = (seen: string, index: number) =>
                duration === 'once' ? index === at : withoutIds(seen) === target
              const played = await play(scenario, fixture(), (seen, index) => (isHit(seen, index) ? fault : null))
              return complaints(clean, played).map(text => `${faultName} ${duration} at ${at} ${target}: ${text}`)
            }),
        ),
      )
      cases += jobs.length
      const found = await inParallel(jobs, 24)
      expect(found.flat()).toEqual([])
    },
    120_000,
  )

  afterAll(() => {
    process.stderr.write(`fault matrix: ${cases} cases\n`)
  })
})

/** A lost answer to a question is a cut connection. */
function changesSomething(request: string): boolean {
  return !request.startsWith('GET ') && !request.startsWith('POST /graphql')
}

/** Comment ids differ between two plays of one scenario. */
function withoutIds(request: string): string {
  return request.replace(/comments\/\d+/, 'comments/ID')
}

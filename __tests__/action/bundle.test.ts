import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { readMarker } from '../../src/github/comment-marker.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'
import { NODE_24 } from '../node-24.ts'
import { type ActOptions, act, actOn, bundleActor, plan } from './act.ts'

const folder = mkdtempSync(join(tmpdir(), 'preflop-bundle-'))
const BUNDLE = join(folder, 'index.js')
beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.mjs', folder])
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const standIns: StandIn[] = []
afterEach(() => Promise.all(standIns.splice(0).map(standIn => standIn.close())))

const actor = bundleActor(BUNDLE)
const runBundle = (fixture: PullRequestFixture, options: ActOptions = {}) => act(fixture, { actor, ...options })
const runAgainst = (standIn: StandIn, fixture: PullRequestFixture, options: ActOptions = {}) =>
  actOn(standIn, fixture, { actor, ...options })

const SMALL = plan()
const LARGE = plan({ microBatchSize: 512 })
const changed = (head: string, base = SMALL, extra: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { 'configs/run.yml': base }, head: { 'configs/run.yml': head }, ...extra })
const commentsOf = ({ repository }: PullRequestFixture) =>
  repository.comments.filter(({ body }) => readMarker(body) !== null).map(({ body }) => body)
const budget = (yaml: string) => ({ '.github/preflop.yml': `version: 1\nbudget:\n  ${yaml}\n` })

describe.each([
  ['the Node that runs the tests', process.execPath],
  ...(NODE_24 === null ? [] : [['Node 24', NODE_24] as const]),
])('on %s', (_name, node) => {
  test('over memory: the check fails and says so everywhere', async () => {
    const fixture = changed(LARGE)
    const { exitCode, outputs, log, summary, report, requests } = await runBundle(fixture, {
      actor: bundleActor(BUNDLE, node),
    })
    expect([exitCode, outputs['verdict'], outputs['failed-count'], outputs['checked-count']]).toEqual([
      1,
      'fail',
      '1',
      '1',
    ])
    expect(Number(outputs['max-memory-gib'])).toBeGreaterThan(80)
    expect(report?.runs.map(({ path }) => path)).toEqual(['configs/run.yml'])
    expect(log).toMatch(/^::error .*file=configs\/run\.yml/m)
    expect(summary).toContain('configs/run.yml')
    expect(commentsOf(fixture)).toEqual([expect.stringContaining('❌')])
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('all well: green', async () => {
    const fixture = changed(plan({ microBatchSize: 2 }))
    const { exitCode, outputs, requests } = await runBundle(fixture, { actor: bundleActor(BUNDLE, node) })
    expect([exitCode, outputs['verdict']]).toEqual([0, 'pass'])
    expect(commentsOf(fixture)).toHaveLength(1)
    expect(requests.length).toBeLessThanOrEqual(12)
  })
})

describe('a pull request', () => {
  test('over budget by the policy of the base', async () => {
    const base = { 'configs/run.yml': SMALL, ...budget('cost: { fail: 0.01 }') }
    const fixture = pullRequest({ base, head: { ...base, 'configs/run.yml': plan({ microBatchSize: 2 }) } })
    const { exitCode, outputs } = await runBundle(fixture, { inputs: { 'fail-on': 'any' } })
    expect([exitCode, outputs['verdict']]).toEqual([1, 'fail'])
    expect(Number(outputs['total-cost'])).toBeGreaterThan(0.01)
  })

  test('that raises its own limit is judged by the old one, and told of it', async () => {
    const base = { 'configs/run.yml': SMALL, ...budget('cost: { fail: 0.01 }') }
    const head = { 'configs/run.yml': plan({ microBatchSize: 2 }), ...budget('cost: { fail: 100000 }') }
    const { exitCode, summary } = await runBundle(pullRequest({ base, head }), { inputs: { 'fail-on': 'any' } })
    expect(exitCode).toBe(1)
    expect(summary).toMatch(/changes the policy/)
  })

  test('that touches no config ends green with one line and without a comment', async () => {
    const fixture = pullRequest({
      base: { 'configs/run.yml': SMALL, 'README.md': 'a' },
      head: { 'configs/run.yml': SMALL, 'README.md': 'b' },
    })
    const { exitCode, outputs, requests } = await runBundle(fixture)
    expect([exitCode, outputs['verdict'], outputs['checked-count']]).toEqual([0, 'pass', '0'])
    expect(commentsOf(fixture)).toEqual([])
    expect(requests.length).toBeLessThanOrEqual(8)
  })

  test('of a fork without write access keeps verdict, summary and exit code', async () => {
    const fixture = changed(LARGE, SMALL, { fork: true })
    const { exitCode, outputs, summary, log } = await runBundle(fixture, {
      prepare: standIn => {
        standIn.fault = request =>
          /^(POST \/repos|PATCH|DELETE)/.test(request)
            ? { kind: 'status', status: 403, message: 'Resource not accessible by integration' }
            : null
      },
    })
    expect([exitCode, outputs['verdict']]).toEqual([1, 'fail'])
    expect(summary).toContain('configs/run.yml')
    expect(log).toMatch(/^::notice .*no-write-access/m)
  })

  test.each([
    ['a model that nobody knows', plan({ model: 'internal/llama-next-11b' })],
    ['YAML that does not parse', 'preflop: 1\nmodel: [unclosed\n'],
  ])('with %s: said, not failed', async (_name, text) => {
    const fixture = changed(text)
    const { exitCode, outputs, summary } = await runBundle(fixture)
    expect(exitCode).toBe(0)
    expect(['unknown', 'warn']).toContain(outputs['verdict'])
    expect(outputs['checked-count']).toBe('1')
    expect(summary).toContain('configs/run.yml')
  })

  test('three changed configs cost at most 12 requests, 8 when nothing is to be written', async () => {
    const files = (text: string) => ({
      'configs/a.yml': text,
      'configs/b.yml': `${text}name: b\n`,
      'configs/c.yml': `${text}name: c\n`,
      'requirements.txt': 'transformers==5.18.0\n',
    })
    const fixture = pullRequest({ base: files(SMALL), head: files(LARGE), tip: { ...files(SMALL), 'x.md': 'x' } })
    const first = await runBundle(fixture)
    const second = await runBundle(fixture, { run: '101.1' })
    expect([first.exitCode, second.exitCode]).toEqual([1, 1])
    expect(first.requests.length).toBeLessThanOrEqual(12)
    expect(second.requests.filter(request => /^(POST \/repos|PATCH|DELETE)/.test(request))).toEqual([])
    expect(second.requests.length).toBeLessThanOrEqual(8)
  })

  test('two runs at once leave one comment, an older run that ends last changes nothing', async () => {
    const fixture = changed(LARGE)
    const standIn = await startStandIn(fixture.repository)
    standIns.push(standIn)
    await Promise.all([
      runAgainst(standIn, fixture, { run: '200.1' }),
      runAgainst(standIn, fixture, { run: '201.1', inputs: { 'max-memory': '95' } }),
    ])
    const [body, ...others] = commentsOf(fixture)
    expect(others).toEqual([])
    expect(readMarker(body ?? '')?.run).toBe('201.1')
    await runAgainst(standIn, fixture, { run: '150.1', inputs: { 'max-memory': '80' } })
    expect(commentsOf(fixture)).toEqual([body])
  })

  test('text of a config never acts on the log, a mention or a link of the comment', async () => {
    const hostile = plan().replace(
      'preflop: 1\n',
      'preflop: 1\nname: "::error::x ##[error]y\\r::set-output name=a::b @octocat <img src=x> [a](http://evil.example)"\n',
    )
    const fixture = changed(hostile)
    const { log, summary } = await runBundle(fixture)
    const acting = log
      .split(/\r\n|\n|\r/)
      .filter(line => /##\[|^\s*::(?!add-mask|error file|warning |notice |group|endgroup)/.test(line))
    expect(acting).toEqual([])
    for (const markdown of [...commentsOf(fixture), summary]) {
      const text = markdown.replace(/(`+)[^`][\s\S]*?\1/g, '')
      expect(text).not.toContain('@octocat')
      expect(text).not.toContain('<img')
      expect(text).not.toMatch(/\[a\]\(http/)
    }
  })
})

describe('the bundle', () => {
  test('stays small', () => {
    expect(statSync(BUNDLE).size).toBeLessThanOrEqual(2_000_000)
  })

  test('estimates a plan by hand without asking anybody', async () => {
    const fixture = changed(SMALL)
    const { exitCode, outputs, requests } = await runBundle(fixture, {
      event: 'workflow_dispatch',
      payload: {},
      workspace: process.cwd(),
      inputs: { offline: 'true', plan: SMALL, policy: '' },
    })
    expect([exitCode, outputs['verdict'], outputs['checked-count'], requests.length]).toEqual([0, 'pass', '1', 0])
  })
})

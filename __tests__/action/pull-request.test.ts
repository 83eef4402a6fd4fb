import { afterEach, describe, expect, test } from '@jest/globals'
import { readMarker } from '../../src/github/comment-marker.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'
import { act, actOn, plan } from './act.ts'

const standIns: StandIn[] = []
afterEach(() => Promise.all(standIns.splice(0).map(standIn => standIn.close())))

const SMALL = plan()
const LARGE = plan({ microBatchSize: 512 })
const changed = (head: string, base = SMALL, extra: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { 'configs/run.yml': base }, head: { 'configs/run.yml': head }, ...extra })
const commentsOf = ({ repository }: PullRequestFixture) =>
  repository.comments.filter(({ body }) => readMarker(body) !== null).map(({ body }) => body)
const budget = (yaml: string) => ({ '.github/preflop.yml': `version: 1\nbudget:\n  ${yaml}\n` })

describe('a pull request', () => {
  test('over budget by the policy of the base', async () => {
    const base = { 'configs/run.yml': SMALL, ...budget('cost: { fail: 0.01 }') }
    const fixture = pullRequest({ base, head: { ...base, 'configs/run.yml': plan({ microBatchSize: 2 }) } })
    const { exitCode, outputs } = await act(fixture, { inputs: { 'fail-on': 'any' } })
    expect([exitCode, outputs['verdict']]).toEqual([1, 'fail'])
    expect(Number(outputs['total-cost'])).toBeGreaterThan(0.01)
  })

  test('that raises its own limit is judged by the old one, and told of it', async () => {
    const base = { 'configs/run.yml': SMALL, ...budget('cost: { fail: 0.01 }') }
    const head = { 'configs/run.yml': plan({ microBatchSize: 2 }), ...budget('cost: { fail: 100000 }') }
    const { exitCode, summary } = await act(pullRequest({ base, head }), { inputs: { 'fail-on': 'any' } })
    expect(exitCode).toBe(1)
    expect(summary).toMatch(/changes the policy/)
  })

  test('that touches no config ends green with one line and without a comment', async () => {
    const fixture = pullRequest({
      base: { 'configs/run.yml': SMALL, 'README.md': 'a' },
      head: { 'configs/run.yml': SMALL, 'README.md': 'b' },
    })
    const { exitCode, outputs, requests } = await act(fixture)
    expect([exitCode, outputs['verdict'], outputs['checked-count']]).toEqual([0, 'pass', '0'])
    expect(commentsOf(fixture)).toEqual([])
    expect(requests.length).toBeLessThanOrEqual(8)
  })

  test('of a fork without write access keeps verdict, summary and exit code', async () => {
    const fixture = changed(LARGE, SMALL, { fork: true })
    const { exitCode, outputs, summary, log } = await act(fixture, {
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
    const { exitCode, outputs, summary } = await act(fixture)
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
    const first = await act(fixture)
    const second = await act(fixture, { run: '101.1' })
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
      actOn(standIn, fixture, { run: '200.1' }),
      actOn(standIn, fixture, { run: '201.1', inputs: { 'max-memory': '95' } }),
    ])
    const [body, ...others] = commentsOf(fixture)
    expect(others).toEqual([])
    expect(readMarker(body ?? '')?.run).toBe('201.1')
    await actOn(standIn, fixture, { run: '150.1', inputs: { 'max-memory': '80' } })
    expect(commentsOf(fixture)).toEqual([body])
  })

  test('text of a config never acts on the log, a mention or a link of the comment', async () => {
    const hostile = plan().replace(
      'preflop: 1\n',
      'preflop: 1\nname: "::error::x ##[error]y\\r::set-output name=a::b @octocat <img src=x> [a](http://evil.example)"\n',
    )
    const fixture = changed(hostile)
    const { log, summary } = await act(fixture)
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

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readMarker } from '../../src/github/comment-marker.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { NODE_24 } from '../node-24.ts'
import { act, bundleActor, plan } from './act.ts'

const folder = mkdtempSync(join(tmpdir(), 'preflop-bundle-'))
const BUNDLE = join(folder, 'index.js')
beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.mjs', folder])
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SMALL = plan()
const LARGE = plan({ microBatchSize: 512 })
const changed = (head: string, base = SMALL, extra: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { 'configs/run.yml': base }, head: { 'configs/run.yml': head }, ...extra })
const commentsOf = ({ repository }: PullRequestFixture) =>
  repository.comments.filter(({ body }) => readMarker(body) !== null).map(({ body }) => body)

describe.each([
  ['the Node that runs the tests', process.execPath],
  ...(NODE_24 === null ? [] : [['Node 24', NODE_24] as const]),
])('on %s', (_name, node) => {
  test('over memory: the check fails and says so everywhere', async () => {
    const fixture = changed(LARGE)
    const { exitCode, outputs, log, summary, report, requests } = await act(fixture, {
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
    const { exitCode, outputs, requests } = await act(fixture, { actor: bundleActor(BUNDLE, node) })
    expect([exitCode, outputs['verdict']]).toEqual([0, 'pass'])
    expect(commentsOf(fixture)).toHaveLength(1)
    expect(requests.length).toBeLessThanOrEqual(12)
  })
})

describe('the bundle', () => {
  test('stays small', () => {
    expect(statSync(BUNDLE).size).toBeLessThanOrEqual(2_000_000)
  })

  test('estimates a plan by hand without asking anybody', async () => {
    const fixture = changed(SMALL)
    const { exitCode, outputs, requests } = await act(fixture, {
      actor: bundleActor(BUNDLE),
      event: 'workflow_dispatch',
      payload: {},
      workspace: process.cwd(),
      inputs: { offline: 'true', plan: SMALL, policy: '' },
    })
    expect([exitCode, outputs['verdict'], outputs['checked-count'], requests.length]).toEqual([0, 'pass', '1', 0])
  })
})

import { describe, expect, test } from '@jest/globals'
import { readEvent } from '../../src/github/event.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const ZERO = '0'.repeat(40)
const pull = (head: object | null) =>
  JSON.stringify({
    pull_request: {
      number: 7,
      draft: true,
      labels: [{ name: 'approved' }],
      base: { sha: A, ref: 'main', repo: { full_name: 'acme/training' } },
      head: { sha: B, ref: 'topic', repo: head },
    },
  })
const push = (fields: object) =>
  JSON.stringify({
    before: A,
    after: B,
    ref: 'refs/heads/feature/x',
    repository: { full_name: 'acme/training', default_branch: 'trunk' },
    ...fields,
  })

describe('readEvent', () => {
  test.each([
    ['pull_request', { full_name: 'acme/training' }, false],
    ['pull_request_target', { full_name: 'Acme/Training' }, false],
    ['pull_request_target', { full_name: 'mallory/training' }, true],
    ['pull_request', null, true],
  ])('%s with head repository %j: fork is %s', (name, repository, fork) => {
    expect(readEvent(name, pull(repository), A)).toEqual({
      status: 'read',
      event: {
        kind: 'pull-request',
        trigger: name,
        isNewHead: false,
        number: 7,
        base: { sha: A, ref: 'main' },
        head: { sha: B, ref: 'topic' },
        fork,
        labels: ['approved'],
        draft: true,
      },
    })
  })

  test.each([
    ['opened', true],
    ['synchronize', true],
    ['reopened', false],
    ['labeled', false],
  ])('a pull request that is %s has a new head: %s', (action, isNewHead) => {
    const payload = JSON.stringify({ ...JSON.parse(pull({ full_name: 'acme/training' })), action })
    expect(readEvent('pull_request', payload, A)).toMatchObject({ event: { isNewHead } })
  })

  test.each([
    [{}, { before: A, deleted: false }],
    [{ before: ZERO }, { before: null, deleted: false }],
    [{ after: ZERO }, { before: A, deleted: true }],
  ])('push with %j', (fields, expected) => {
    expect(readEvent('push', push(fields), B)).toMatchObject({
      event: { kind: 'push', branch: 'feature/x', defaultBranch: 'trunk', ...expected },
    })
  })

  test('merge_group takes its own two commits', () => {
    const payload = JSON.stringify({ merge_group: { base_sha: A, head_sha: B } })
    expect(readEvent('merge_group', payload, ZERO)).toEqual({
      status: 'read',
      event: { kind: 'merge-group', baseSha: A, headSha: B },
    })
  })

  test.each(['workflow_dispatch', 'schedule'])('%s needs no payload', name => {
    expect(readEvent(name, '', B)).toEqual({ status: 'read', event: { kind: 'checkout', trigger: name, sha: B } })
  })

  test.each([
    ['issues', '{}'],
    ['constructor', '{}'],
    ['', ''],
    ['pull_request', 'not JSON'],
    ['pull_request', '{"pull_request":{"number":7}}'],
    ['merge_group', '{"merge_group":{"base_sha":"main","head_sha":"x"}}'],
  ])('%s with %s is misuse', (name, payload) => {
    expect(readEvent(name, payload, A).status).toBe('misuse')
  })
})

import { expect, test } from '@jest/globals'
import { pullRequest } from '../github-stand-in/pull-request.ts'
import { act } from './act.ts'

const RUN = `preflop: 1
model: { parameters: 1000000000, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 8, vocab_size: 8 }
dataset: { max_steps: 10 }
hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 2, currency: USD } }
rule_of_thumb: { step_seconds: 3600 }
`
const POLICY = {
  '.github/preflop.yml':
    'version: 1\nestimator: rule-of-thumb\nbudget: { cost: { fail: 5 } }\noverride_label: budget-ok\n',
}
const labelled = (...events: readonly (readonly [string, string, string])[]) => {
  const fixture = pullRequest({ base: POLICY, head: { ...POLICY, 'configs/run.yml': RUN }, labels: ['budget-ok'] })
  fixture.repository.labelled = events.map(([label, login, at]) => ({ label, login, at }))
  return fixture
}

test('who set the label last, and when, is said', async () => {
  const fixture = labelled(
    ['budget-ok', 'first', '2026-11-20T08:00:00Z'],
    ['other', 'stranger', '2026-11-24T08:00:00Z'],
    ['budget-ok', 'lead-dev', '2026-11-25T14:03:59Z'],
  )
  const { verdict, exitCode, summary } = await act(fixture)
  expect([verdict, exitCode]).toEqual(['warn', 0])
  expect(summary).toContain('`lead-dev` on 2026-11-25 at 14:03 UTC')
  expect(summary).not.toContain('stranger')
})

test.each<[string, readonly (readonly [string, string, string])[]]>([
  ['has no event of it', []],
  ['names nobody that could be a user', [['budget-ok', '@everyone <img>', '2026-11-25T14:03:59Z']]],
  ['gives no time', [['budget-ok', 'lead-dev', 'yesterday']]],
])('the label counts all the same when GitHub %s', async (_name, events) => {
  const { verdict, summary } = await act(labelled(...events))
  expect(verdict).toBe('warn')
  expect(summary).not.toContain('Set by')
  expect(summary).not.toContain('@everyone')
})

test('a run that needs no override asks nobody', async () => {
  const loose = { '.github/preflop.yml': POLICY['.github/preflop.yml'].replace('fail: 5', 'fail: 5000') }
  const fixture = pullRequest({ base: loose, head: { ...loose, 'configs/run.yml': RUN }, labels: ['budget-ok'] })
  fixture.repository.labelled = [{ label: 'budget-ok', login: 'lead-dev', at: '2026-11-25T14:03:59Z' }]
  const { verdict, summary } = await act(fixture)
  expect(verdict).toBe('pass')
  expect(summary).not.toContain('lead-dev')
})

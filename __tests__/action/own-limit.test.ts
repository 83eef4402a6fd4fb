import { describe, expect, test } from '@jest/globals'
import { pullRequest } from '../github-stand-in/pull-request.ts'
import type { Files } from '../github-stand-in/repository.ts'
import { act } from './act.ts'

/** Ten hours at 2 USD by the rule of thumb; the base's policy allows 5 USD, the head's whatever it likes. */
const RUN = `preflop: 1
model: { parameters: 1000000000, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 8, vocab_size: 8 }
dataset: { max_steps: 10 }
hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 2, currency: USD } }
rule_of_thumb: { step_seconds: 3600 }
`
const STRICT = 'version: 1\nestimator: rule-of-thumb\nbudget: { cost: { fail: 5 } }\n'
const LOOSE = 'version: 1\nestimator: rule-of-thumb\nbudget: { cost: { fail: 5000 } }\n'
const POLICY = '.github/preflop.yml'
const CONFIG = 'configs/run.yml'

interface Attempt {
  readonly name: string
  /** The head's files besides the config. */
  readonly head: Files
  readonly base?: Files
  readonly inputs?: Readonly<Record<string, string>>
}

const NAMED = { policy: 'policies/strict.yml' }
const ATTEMPTS: readonly Attempt[] = [
  { name: 'nothing', head: { [POLICY]: STRICT } },
  { name: 'edits the file', head: { [POLICY]: LOOSE } },
  { name: 'empties the file', head: { [POLICY]: '' } },
  { name: 'makes the file unreadable', head: { [POLICY]: 'version: [' } },
  { name: 'deletes the file', head: {} },
  { name: 'renames the file and puts another in its place', head: { 'docs/old.yml': STRICT, [POLICY]: LOOSE } },
  { name: 'renames the file', head: { '.github/preflop-old.yml': STRICT } },
  { name: 'replaces the file with a link', head: { [POLICY]: { link: '../loose.yml' }, 'loose.yml': LOOSE } },
  { name: 'replaces the folder with a link', head: { '.github': { link: 'mine' }, 'mine/preflop.yml': LOOSE } },
  { name: 'replaces the folder with a submodule', head: { '.github': { commit: 'a'.repeat(40) } } },
  { name: 'ignores its own path', head: { [POLICY]: `${LOOSE}configs: [{ paths: ["**"], ignore: true }]\n` } },
  { name: 'allows itself a label', head: { [POLICY]: `${STRICT}override_label: mine\n` } },
  { name: 'chooses what it is judged by', head: { [POLICY]: STRICT.replace('rule-of-thumb', 'detailed') } },
  { name: 'claims its GPUs are reserved', head: { [POLICY]: `${STRICT}billing: { reserved: { a100-80gb: 99 } }\n` } },
  {
    name: 'claims to be fast',
    head: { [POLICY]: `${STRICT}calibration: [{ gpu: a100-80gb, step_factor: 0.01 }]\n` },
  },
  {
    name: 'edits a policy that the workflow names',
    base: { 'policies/strict.yml': STRICT },
    head: { 'policies/strict.yml': LOOSE },
    inputs: NAMED,
  },
  {
    name: 'deletes a policy that the workflow names',
    base: { 'policies/strict.yml': STRICT },
    head: {},
    inputs: NAMED,
  },
  {
    name: 'renames a policy that the workflow names',
    base: { 'policies/strict.yml': STRICT },
    head: { 'policies/other.yml': STRICT },
    inputs: NAMED,
  },
  {
    name: 'replaces a policy that the workflow names with a link',
    base: { 'policies/strict.yml': STRICT },
    head: { 'policies/strict.yml': { link: '../loose.yml' }, 'loose.yml': LOOSE },
    inputs: NAMED,
  },
]

describe.each(['pull_request', 'pull_request_target', 'merge_group'])('on %s', event => {
  test.each(ATTEMPTS)('a change that $name is judged by the base: fail', async attempt => {
    const fixture = pullRequest({
      base: attempt.base ?? { [POLICY]: STRICT },
      head: { ...attempt.head, [CONFIG]: RUN },
      labels: ['mine'],
    })
    const payload =
      event === 'merge_group' ? { merge_group: { base_sha: fixture.base, head_sha: fixture.head } } : fixture.payload
    const acted = await act(fixture, { event, payload, ...(attempt.inputs ? { inputs: attempt.inputs } : {}) })
    expect([acted.verdict, acted.exitCode]).toEqual(['fail', 1])
    if (attempt.name !== 'nothing') expect(acted.summary).toMatch(/changes the policy/)
  })
})

test('the policy of the branch’s tip is in force, not that of the merge base', async () => {
  const fixture = pullRequest({
    base: { [POLICY]: LOOSE },
    tip: { [POLICY]: STRICT },
    head: { [POLICY]: LOOSE, [CONFIG]: RUN },
  })
  expect((await act(fixture)).verdict).toBe('fail')
})

test('a base whose policy is a link has no policy that can be read: misuse, never a pass', async () => {
  const base = { [POLICY]: { link: 'loose.yml' }, '.github/loose.yml': LOOSE }
  const acted = await act(pullRequest({ base, head: { ...base, [CONFIG]: RUN } }))
  expect([acted.verdict, acted.exitCode]).toEqual(['unknown', 1])
})

test('once merged, the new limit is in force', async () => {
  const fixture = pullRequest({ base: { [POLICY]: LOOSE }, head: { [POLICY]: LOOSE, [CONFIG]: RUN } })
  expect((await act(fixture)).verdict).toBe('pass')
})

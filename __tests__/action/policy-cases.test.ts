import { expect, test } from '@jest/globals'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import { act } from './act.ts'

/**
 * A run whose figures are exact by the rule of thumb: `hours` steps of an hour at 1 USD, so hours = GPU-hours = USD, and
 * `gigabytes` of memory on a card with 79.2 GiB (85.0 GB) usable.
 */
interface Figures {
  readonly hours?: number
  readonly gigabytes?: number
  readonly price?: boolean
  readonly gpu?: boolean
}

function plan({ hours = 100, gigabytes = 40, price = true, gpu = true }: Figures): string {
  const hardware = [gpu ? 'gpu: a100-sxm-80gb' : '', price ? 'price: { per_gpu_hour: 1, currency: USD }' : '']
  return `preflop: 1
model: { parameters: ${Math.round(gigabytes * 125e6)}, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 1, intermediate_size: 8, vocab_size: 8 }
micro_batch_size: 1
sequence_length: 8
dataset: { max_steps: ${hours} }
hardware: { ${hardware.filter(Boolean).join(', ')} }
rule_of_thumb: { step_seconds: 3600 }
`
}

interface Case {
  readonly budget: string
  readonly head: Figures
  /** null: the config is new. Absent: as the head. */
  readonly base?: Figures | null
  readonly event?: 'pull_request' | 'pull_request_target' | 'merge_group' | 'push' | 'schedule' | 'workflow_dispatch'
  readonly failOn?: 'new' | 'any'
  readonly onUnknown?: 'pass' | 'warn' | 'fail'
  readonly label?: string
  /** A rule of the policy for the config's path. */
  readonly rule?: string
  readonly inputs?: Readonly<Record<string, string>>
  readonly verdict: 'pass' | 'warn' | 'fail' | 'unknown'
}

const OVER = { hours: 100 }
const APPROVED = 'preflop-approved'
const cost = 'cost: { warn: 50, fail: 90 }'
const hours = 'hours: { warn: 50, fail: 90 }'
const gpuHours = 'gpu_hours: { warn: 50, fail: 90 }'
const increase = 'cost_increase: { warn: 10%, fail: 25% }'
const amount = 'cost_increase: { warn: 5, fail: 20 }'
const NONE = 'hours: {}'
const MEMORY = { gigabytes: 90 }

const CASES: readonly Case[] = [
  // limit kind × level, on a new config
  { budget: NONE, head: OVER, base: null, verdict: 'pass' },
  { budget: cost, head: { hours: 50 }, base: null, verdict: 'pass' },
  { budget: cost, head: { hours: 51 }, base: null, verdict: 'warn' },
  { budget: cost, head: { hours: 90 }, base: null, verdict: 'warn' },
  { budget: cost, head: { hours: 91 }, base: null, verdict: 'fail' },
  { budget: hours, head: { hours: 50 }, base: null, verdict: 'pass' },
  { budget: hours, head: { hours: 51 }, base: null, verdict: 'warn' },
  { budget: hours, head: { hours: 91 }, base: null, verdict: 'fail' },
  { budget: gpuHours, head: { hours: 50 }, base: null, verdict: 'pass' },
  { budget: gpuHours, head: { hours: 51 }, base: null, verdict: 'warn' },
  { budget: gpuHours, head: { hours: 91 }, base: null, verdict: 'fail' },
  { budget: NONE, head: { gigabytes: 76 }, base: null, verdict: 'pass' },
  { budget: NONE, head: { gigabytes: 80 }, base: null, verdict: 'warn' },
  { budget: NONE, head: { gigabytes: 90 }, base: null, verdict: 'fail' },
  { budget: 'memory: { warn: 40%, fail: 50% }', head: { gigabytes: 40 }, base: null, verdict: 'warn' },
  { budget: 'memory: { fail: 30% }', head: { gigabytes: 40 }, base: null, verdict: 'fail' },
  { budget: 'memory: { warn: 120%, fail: 120% }', head: { gigabytes: 90 }, base: null, verdict: 'pass' },
  // increases need a base
  { budget: increase, head: { hours: 110 }, base: { hours: 100 }, verdict: 'pass' },
  { budget: increase, head: { hours: 111 }, base: { hours: 100 }, verdict: 'warn' },
  { budget: increase, head: { hours: 126 }, base: { hours: 100 }, verdict: 'fail' },
  { budget: increase, head: { hours: 90 }, base: { hours: 100 }, verdict: 'pass' },
  { budget: increase, head: { hours: 1000 }, base: null, verdict: 'pass' },
  { budget: amount, head: { hours: 105 }, base: { hours: 100 }, verdict: 'pass' },
  { budget: amount, head: { hours: 106 }, base: { hours: 100 }, verdict: 'warn' },
  { budget: amount, head: { hours: 121 }, base: { hours: 100 }, verdict: 'fail' },
  { budget: amount, head: { hours: 121 }, base: { hours: 100 }, event: 'schedule', verdict: 'pass' },
  { budget: increase, head: { hours: 126 }, base: { hours: 100 }, label: APPROVED, verdict: 'warn' },
  // state at the base: only what the change broke or made worse by more than 1 % fails
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, verdict: 'warn' },
  { budget: cost, head: { hours: 1010 }, base: { hours: 1000 }, verdict: 'warn' },
  { budget: cost, head: { hours: 1011 }, base: { hours: 1000 }, verdict: 'fail' },
  { budget: cost, head: { hours: 900 }, base: { hours: 1000 }, verdict: 'warn' },
  { budget: cost, head: { hours: 91 }, base: { hours: 90 }, verdict: 'fail' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, failOn: 'any', verdict: 'fail' },
  { budget: hours, head: { hours: 1000 }, base: { hours: 1000 }, verdict: 'warn' },
  { budget: hours, head: { hours: 1011 }, base: { hours: 1000 }, verdict: 'fail' },
  { budget: hours, head: { hours: 1000 }, base: { hours: 1000 }, failOn: 'any', verdict: 'fail' },
  { budget: gpuHours, head: { hours: 1000 }, base: { hours: 1000 }, verdict: 'warn' },
  { budget: gpuHours, head: { hours: 1011 }, base: { hours: 1000 }, verdict: 'fail' },
  { budget: NONE, head: MEMORY, base: { gigabytes: 90 }, verdict: 'warn' },
  { budget: NONE, head: { gigabytes: 91 }, base: { gigabytes: 90 }, verdict: 'fail' },
  { budget: NONE, head: MEMORY, base: { gigabytes: 90 }, failOn: 'any', verdict: 'fail' },
  { budget: NONE, head: MEMORY, base: { gigabytes: 40 }, verdict: 'fail' },
  // the label turns failed money, time and increases into warnings, memory never
  { budget: cost, head: OVER, base: null, label: APPROVED, verdict: 'warn' },
  { budget: hours, head: OVER, base: null, label: APPROVED, verdict: 'warn' },
  { budget: gpuHours, head: OVER, base: null, label: APPROVED, verdict: 'warn' },
  { budget: cost, head: OVER, base: null, label: 'approved', verdict: 'fail' },
  { budget: NONE, head: MEMORY, base: null, label: APPROVED, verdict: 'fail' },
  { budget: cost, head: { ...OVER, ...MEMORY }, base: null, label: APPROVED, verdict: 'fail' },
  { budget: cost, head: OVER, base: null, label: APPROVED, event: 'pull_request_target', verdict: 'warn' },
  { budget: cost, head: OVER, base: null, label: APPROVED, event: 'merge_group', verdict: 'fail' },
  { budget: cost, head: OVER, base: null, label: APPROVED, event: 'push', verdict: 'fail' },
  // path rules
  { budget: cost, head: OVER, base: null, rule: 'budget: { cost: { fail: 500 } }', verdict: 'warn' },
  { budget: cost, head: OVER, base: null, rule: 'budget: { cost: { warn: 500, fail: 500 } }', verdict: 'pass' },
  { budget: cost, head: { hours: 40 }, base: null, rule: 'budget: { cost: { fail: 30 } }', verdict: 'fail' },
  { budget: cost, head: OVER, base: null, rule: 'ignore: true', verdict: 'pass' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, rule: 'fail_on: any', verdict: 'fail' },
  {
    budget: cost,
    head: OVER,
    base: null,
    rule: 'retries: 1\n    override_label: other',
    label: 'other',
    verdict: 'warn',
  },
  {
    budget: NONE,
    head: { hours: 30 },
    base: null,
    rule: 'retries: 4\n    budget: { hours: { fail: 100 } }',
    verdict: 'fail',
  },
  // inputs win over the file
  { budget: cost, head: OVER, base: null, inputs: { 'max-cost': '200' }, verdict: 'warn' },
  { budget: cost, head: { hours: 40 }, base: null, inputs: { 'max-cost': '30' }, verdict: 'fail' },
  { budget: NONE, head: OVER, base: null, inputs: { 'max-hours': '99' }, verdict: 'fail' },
  { budget: NONE, head: { gigabytes: 40 }, base: null, inputs: { 'max-memory': '30%' }, verdict: 'fail' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, inputs: { 'fail-on': 'any' }, verdict: 'fail' },
  // events
  { budget: cost, head: OVER, base: { hours: 10 }, event: 'merge_group', verdict: 'fail' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, event: 'merge_group', verdict: 'warn' },
  { budget: cost, head: OVER, base: { hours: 10 }, event: 'push', verdict: 'fail' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, event: 'push', verdict: 'warn' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, event: 'schedule', verdict: 'fail' },
  { budget: cost, head: { hours: 1000 }, base: { hours: 1000 }, event: 'workflow_dispatch', verdict: 'fail' },
  { budget: cost, head: { hours: 10 }, base: { hours: 1000 }, event: 'schedule', verdict: 'pass' },
  // what a limit needs and nobody can say
  { budget: cost, head: { price: false }, base: null, verdict: 'unknown' },
  { budget: cost, head: { price: false }, base: null, onUnknown: 'fail', verdict: 'fail' },
  { budget: NONE, head: { price: false }, base: null, verdict: 'pass' },
  { budget: NONE, head: { gpu: false }, base: null, verdict: 'unknown' },
  { budget: NONE, head: { gpu: false }, base: null, onUnknown: 'fail', verdict: 'fail' },
  { budget: NONE, head: { gpu: false }, base: null, inputs: { gpu: 'a100-80gb' }, verdict: 'pass' },
]

function fixtureOf({ budget, head, base = head, failOn, onUnknown, label, rule }: Case): PullRequestFixture {
  const policy = [
    'version: 1',
    'estimator: rule-of-thumb',
    `override_label: ${APPROVED}`,
    ...(failOn ? [`fail_on: ${failOn}`] : []),
    ...(onUnknown ? [`on_unknown: ${onUnknown}`] : []),
    `budget:\n  ${budget}`,
    ...(rule ? [`configs:\n  - paths: ["configs/*.yml"]\n    ${rule}`] : []),
    '',
  ].join('\n')
  // a line that changes nothing, so that the config counts as changed
  return pullRequest({
    base: { '.github/preflop.yml': policy, ...(base ? { 'configs/run.yml': `# base\n${plan(base)}` } : {}) },
    head: { '.github/preflop.yml': policy, 'configs/run.yml': plan(head) },
    labels: label === undefined ? [] : [label],
  })
}

const PAYLOADS: Readonly<Record<string, (fixture: PullRequestFixture) => object>> = {
  merge_group: ({ base, head }) => ({ merge_group: { base_sha: base, head_sha: head } }),
  push: ({ base, head }) => ({
    before: base,
    after: head,
    ref: 'refs/heads/main',
    repository: { full_name: 'acme/training', default_branch: 'main' },
  }),
}

function titleOf({ verdict, ...row }: Case): string {
  return `${JSON.stringify(row).replaceAll('"', '')}: ${verdict}`
}

test('there are at least sixty, and no two are the same', () => {
  expect(new Set(CASES.map(titleOf)).size).toBe(CASES.length)
  expect(CASES.length).toBeGreaterThanOrEqual(60)
})

test.each(CASES.map(row => [titleOf(row), row] as const))('%s', async (_title, row) => {
  const fixture = fixtureOf(row)
  const event = row.event ?? 'pull_request'
  const payload = PAYLOADS[event]?.(fixture)
  const acted = await act(fixture, {
    event,
    sha: fixture.head,
    ...(payload ? { payload } : {}),
    ...(row.inputs ? { inputs: row.inputs } : {}),
  })
  expect(acted.verdict).toBe(row.verdict)
  expect(acted.exitCode).toBe(row.verdict === 'fail' ? 1 : 0)
})

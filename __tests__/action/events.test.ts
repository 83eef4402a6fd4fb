import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readMarker } from '../../src/github/comment-marker.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import type { Files } from '../github-stand-in/repository.ts'
import { type Fault, startStandIn } from '../github-stand-in/server.ts'
import { type ActOptions, act, actOn, BLACK_BOX, plan, shapes } from './act.ts'

/** Every event and state of a pull request: exit code, verdict, requests. */
/** In one process they would wait for each other's estimates longer than a request may take. */
const concurrent = BLACK_BOX ? test.concurrent : test
const SMALL = plan()
const LARGE = plan({ microBatchSize: 512 })
const PATH = 'configs/run.yml'
const POLICY = '.github/preflop.yml'
const changed = (head: string, base = SMALL, extra: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { [PATH]: base }, head: { [PATH]: head }, ...extra })
const commentsOf = ({ repository }: PullRequestFixture) =>
  repository.comments.filter(({ body }) => readMarker(body) !== null).map(({ body }) => body)
const isWrite = (request: string) => /^(POST \/repos|PATCH|DELETE)/.test(request)

const READ = ['GET /compare/*...*', 'GET /git/trees/*', 'GET /git/trees/*', 'POST /graphql']
const LOOK = ['GET /issues/7/comments', 'POST /graphql']

describe('the requests of each state of a pull request', () => {
  const states: Readonly<
    Record<string, () => Promise<{ readonly requests: readonly string[]; readonly exitCode: number }>>
  > = {
    'a first comment': () => act(changed(plan({ microBatchSize: 2 }))),
    'a first comment of a failing run with a suggestion': () => act(changed(LARGE)),
    'nothing new': async () => {
      const fixture = changed(plan({ microBatchSize: 2 }))
      await act(fixture)
      return act(fixture, { run: '101.1' })
    },
    'nothing new of a failing run': async () => {
      const fixture = changed(LARGE)
      await act(fixture)
      return act(fixture, { run: '101.1' })
    },
    'new figures': async () => {
      const fixture = changed(plan({ microBatchSize: 2 }))
      await act(fixture)
      return act(fixture, { run: '101.1', inputs: { 'max-memory': '95' } })
    },
    'a label that changes nothing': async () => {
      const fixture = changed(plan({ microBatchSize: 2 }))
      await act(fixture)
      return act(fixture, { run: '101.1', payload: { ...fixture.payload, action: 'labeled' } })
    },
    'no config touched': () => act(pullRequest({ base: { [PATH]: SMALL, a: '1' }, head: { [PATH]: SMALL, a: '2' } })),
    'a base branch that moved on': () =>
      act(changed(plan({ microBatchSize: 2 }), SMALL, { tip: { [PATH]: SMALL, 'x.md': '' } })),
    'a merge group': () => {
      const fixture = changed(LARGE)
      return act(fixture, {
        event: 'merge_group',
        payload: { merge_group: { base_sha: fixture.base, head_sha: fixture.head } },
      })
    },
  }
  const CREATE = ['POST /issues/7/comments', 'GET /issues/7/comments']
  const expected: Readonly<Record<string, readonly string[]>> = {
    'a first comment': [...READ, ...LOOK, ...CREATE],
    'a first comment of a failing run with a suggestion': [
      ...READ,
      ...LOOK,
      ...CREATE,
      'GET /pulls/7/comments',
      'POST /pulls/7/reviews',
    ],
    'nothing new': [...READ, ...LOOK],
    'nothing new of a failing run': [...READ, ...LOOK, 'GET /pulls/7/comments'],
    'new figures': [...READ, ...LOOK, 'PATCH /issues/comments/*'],
    'a label that changes nothing': [...READ, ...LOOK, 'PATCH /issues/comments/*'],
    'no config touched': [...READ, 'GET /issues/7/comments'],
    'a base branch that moved on': [
      ...READ.slice(0, 3),
      'GET /repos/acme/training/contents/.github/preflop.yml',
      'POST /graphql',
      ...LOOK,
      ...CREATE,
    ],
    'a merge group': READ,
  }

  concurrent.each(Object.keys(states))('%s', async name => {
    const { requests } = (await states[name]?.()) ?? { requests: [] }
    const list = shapes(requests).map(shape =>
      shape.startsWith('GET /contents') ? `GET /repos/acme/training${shape.slice(4)}` : shape,
    )
    expect([...list].sort()).toEqual([...(expected[name] ?? [])].sort())
    expect(list.length).toBeLessThanOrEqual(requests.some(isWrite) ? 12 : 8)
  })
})

describe('pull requests', () => {
  test.each<[string, Partial<Parameters<typeof pullRequest>[0]>, ActOptions, number]>([
    ['of a draft', { draft: true }, {}, 1],
    ['judged with the base’s token, of a fork', { fork: true }, { event: 'pull_request_target' }, 1],
    [
      'with conflicts, which only pull_request_target runs on',
      {},
      { event: 'pull_request_target', sha: '0'.repeat(40) },
      1,
    ],
  ])('%s: judged, commented', async (_name, extra, options, comments) => {
    const fixture = changed(LARGE, SMALL, extra)
    const { exitCode, outputs, requests } = await act(fixture, options)
    expect([exitCode, outputs['verdict'], commentsOf(fixture).length]).toEqual([1, 'fail', comments])
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('whose head repository was deleted: judged by the commit, nothing suggested', async () => {
    const fixture = changed(LARGE)
    const { pull_request: pull } = fixture.payload as { pull_request: { head: object } }
    const payload = { ...fixture.payload, pull_request: { ...pull, head: { ...pull.head, repo: null } } }
    const { exitCode, outputs } = await act(fixture, { payload })
    expect([exitCode, outputs['verdict'], commentsOf(fixture).length]).toEqual([1, 'fail', 1])
    expect(fixture.repository.reviewComments).toEqual([])
  })

  test('of more than 3,000 files: judged, and said to be incomplete', async () => {
    const many: Files = Object.fromEntries(Array.from({ length: 3100 }, (_, index) => [`docs/${index}.md`, `${index}`]))
    const fixture = pullRequest({ base: { [PATH]: SMALL }, head: { ...many, [PATH]: plan({ microBatchSize: 2 }) } })
    const { exitCode, outputs, report, requests } = await act(fixture)
    expect([exitCode, outputs['verdict'], outputs['checked-count']]).toEqual([0, 'warn', '1'])
    expect(report?.findings.map(({ code }) => code)).toContain('incomplete')
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('in a repository whose tree GitHub cuts: the changed configs are found folder by folder, at least a warning', async () => {
    const others = { 'a.md': 'a', 'docs/b.md': 'b' }
    const fixture = pullRequest({
      base: { ...others, [PATH]: SMALL },
      head: { ...others, [PATH]: plan({ microBatchSize: 2 }) },
    })
    fixture.repository.truncated = true
    const { exitCode, outputs, report } = await act(fixture)
    expect([exitCode, outputs['verdict'], outputs['checked-count']]).toEqual([0, 'warn', '1'])
    expect(report?.findings.map(({ code }) => code)).toContain('incomplete')
  })

  test('that renames and edits a config: compared with what it was', async () => {
    const fixture = pullRequest({ base: { 'old/a.yml': SMALL }, head: { 'new/b.yml': plan({ microBatchSize: 2 }) } })
    fixture.repository.renames.set('new/b.yml', 'old/a.yml')
    const { report } = await act(fixture)
    expect(report?.runs).toMatchObject([{ path: 'new/b.yml', previousPath: 'old/a.yml', change: 'changed' }])
  })

  test('of a run that was over at the base already: green with a warning, red when any failure counts', async () => {
    const note = (text: string) => text.replace('preflop: 1', 'preflop: 1\nname: note')
    const lenient = await act(changed(note(LARGE), LARGE))
    expect([lenient.exitCode, lenient.outputs['verdict'], lenient.report?.runs[0]?.preExisting]).toEqual([
      0,
      'warn',
      true,
    ])
    const strict = await act(changed(note(LARGE), LARGE), { inputs: { 'fail-on': 'any' } })
    expect([strict.exitCode, strict.outputs['verdict']]).toEqual([1, 'fail'])
  })
})

describe('a run is estimated again when what it depends on changed', () => {
  const TRL = `model_name_or_path: meta-llama/Llama-3.1-8B
dtype: bfloat16
dataset_name: a/b
max_length: 2048
per_device_train_batch_size: 1
max_steps: 10
bf16: true
deepspeed: ds.json
output_dir: out
`
  const SCRIPT = `#!/usr/bin/env bash
accelerate launch --config_file acc.yaml -m trl.scripts.sft \\
  --model_name_or_path meta-llama/Llama-3.1-8B \\
  --dataset_name a/b --max_length 2048 --max_steps 10 --bf16 \\
  --per_device_train_batch_size 1 \\
  --output_dir out
`
  const stage = (number: number) => JSON.stringify({ bf16: { enabled: true }, zero_optimization: { stage: number } })
  const accelerate = (number: number) =>
    `compute_environment: LOCAL_MACHINE\ndistributed_type: DEEPSPEED\ndeepspeed_config:\n  zero_stage: ${number}\nmixed_precision: bf16\nnum_processes: 8\n`
  const hardware = 'version: 1\nhardware: { gpu: h100-sxm-80gb, gpus: 8 }\n'
  const model = (layers: number) =>
    JSON.stringify({
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 2048,
      intermediate_size: 8192,
      num_hidden_layers: layers,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      vocab_size: 128256,
      tie_word_embeddings: true,
    })

  test.each<[string, Files, Files, string]>([
    ['a DeepSpeed file', { 'train.yaml': TRL, 'ds.json': stage(2) }, { 'ds.json': stage(3) }, 'train.yaml'],
    [
      'an Accelerate file',
      { 'train.sh': SCRIPT, 'acc.yaml': accelerate(2) },
      { 'acc.yaml': accelerate(3) },
      'train.sh',
    ],
    [
      'library versions',
      { 'train.yaml': TRL, 'ds.json': stage(2), 'requirements.txt': 'transformers==4.50.0\n' },
      { 'requirements.txt': 'transformers==5.18.0\n' },
      'train.yaml',
    ],
    [
      'a local model’s config',
      {
        'train.yaml': TRL.replace('meta-llama/Llama-3.1-8B', './model'),
        'ds.json': stage(2),
        'model/config.json': model(16),
      },
      { 'model/config.json': model(20) },
      'train.yaml',
    ],
  ])('%s', async (_name, base, edit, path) => {
    const fixture = pullRequest({
      base: { [POLICY]: hardware, ...base },
      head: { [POLICY]: hardware, ...base, ...edit },
    })
    const { report, requests } = await act(fixture)
    expect(report?.runs.map(own => [own.path, own.change])).toEqual([[path, 'changed']])
    expect(requests.length).toBeLessThanOrEqual(12)
  })

  test('the policy: judged by the base’s, previewed by the new one', async () => {
    const budget = (cost: number) => `version: 1\nfail_on: any\nbudget: { cost: { fail: ${cost} } }\n`
    const fixture = pullRequest({
      base: { [PATH]: SMALL, [POLICY]: budget(0.01) },
      head: { [PATH]: plan({ microBatchSize: 2 }), [POLICY]: budget(100000) },
    })
    const { exitCode, report } = await act(fixture)
    expect(exitCode).toBe(1)
    expect(report?.findings.find(({ code }) => code === 'policy-preview')?.message).toMatch(
      /base: fail; by the new ones: (pass|warn)/,
    )
  })
})

describe('merge_group, push, schedule, workflow_dispatch', () => {
  const push = ({ base, head }: PullRequestFixture, fields: object = {}) => ({
    before: base,
    after: head,
    ref: 'refs/heads/topic',
    repository: { full_name: 'acme/training', default_branch: 'main' },
    ...fields,
  })

  test('merge_group judges and never comments', async () => {
    const fixture = changed(LARGE)
    const payload = { merge_group: { base_sha: fixture.base, head_sha: fixture.head } }
    const { exitCode, outputs, summary } = await act(fixture, { event: 'merge_group', payload })
    expect([exitCode, outputs['verdict'], commentsOf(fixture).length]).toEqual([1, 'fail', 0])
    expect(summary).toContain(PATH)
  })

  test.each<[string, object, string, string]>([
    ['of new commits', {}, 'fail', 'changed'],
    ['of a new branch', { before: '0'.repeat(40) }, 'fail', 'changed'],
    ['of a new default branch', { before: '0'.repeat(40), ref: 'refs/heads/main' }, 'fail', 'not-compared'],
    ['over commits that are gone', { before: 'e'.repeat(40) }, 'fail', 'not-compared'],
  ])('push %s', async (_name, fields, verdict, change) => {
    const fixture = changed(LARGE)
    const { outputs, report, requests } = await act(fixture, { event: 'push', payload: push(fixture, fields) })
    expect([outputs['verdict'], report?.runs.map(own => own.change)]).toEqual([verdict, [change]])
    expect(requests.filter(isWrite)).toEqual([])
  })

  test('a push that deletes the branch ends green with one line', async () => {
    const fixture = changed(LARGE)
    const { exitCode, log, requests } = await act(fixture, {
      event: 'push',
      payload: push(fixture, { after: '0'.repeat(40) }),
    })
    expect([exitCode, requests]).toEqual([0, []])
    expect(log.split('\n').filter(line => line !== '' && !line.startsWith('::add-mask::'))).toEqual([
      'Preflop: nothing to do, the branch was deleted.',
    ])
  })

  test.each(['schedule', 'workflow_dispatch'])(
    '%s looks at every config, of the commit or of the checkout',
    async event => {
      const fixture = changed(LARGE)
      const options = { event, payload: {}, sha: fixture.head }
      const ofCommit = await act(fixture, options)
      expect([ofCommit.exitCode, ofCommit.outputs['checked-count']]).toEqual([1, '1'])
      const workspace = checkout({ [PATH]: LARGE, 'other/b.yml': SMALL })
      try {
        const ofCheckout = await act(fixture, { ...options, workspace })
        expect([ofCheckout.exitCode, ofCheckout.outputs['checked-count'], ofCheckout.requests]).toEqual([1, '2', []])
      } finally {
        rmSync(workspace, { recursive: true })
      }
    },
  )

  test('workflow_dispatch with a plan that does not fit fails', async () => {
    const fixture = changed(SMALL)
    const { exitCode, report } = await act(fixture, {
      event: 'workflow_dispatch',
      payload: {},
      sha: fixture.head,
      inputs: { plan: LARGE },
    })
    expect([exitCode, report?.runs.map(({ path }) => path)]).toEqual([1, ['plan.yml']])
  })

  test('another event is misuse and asks nobody', async () => {
    const { exitCode, outputs, requests, log } = await act(changed(SMALL), { event: 'issues', payload: {} })
    expect([exitCode, outputs['verdict'], requests]).toEqual([1, 'unknown', []])
    expect(log).toMatch(/^::error /m)
  })
})

/** A workspace with a checkout in it. */
function checkout(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'preflop-checkout-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  execFileSync('git', ['init', '-q', folder])
  return folder
}

describe('what goes wrong', () => {
  const at = (pattern: RegExp, fault: Fault, times = Number.POSITIVE_INFINITY): ActOptions => {
    let left = times
    return {
      prepare: standIn => {
        standIn.fault = request => {
          if (!pattern.test(request) || left <= 0) return null
          left -= 1
          return fault
        }
      },
    }
  }
  const refused: Fault = { kind: 'status', status: 403, message: 'Resource not accessible by integration' }
  const limited: Fault = {
    kind: 'status',
    status: 403,
    message: 'You have exceeded a secondary rate limit',
    headers: { 'retry-after': '1' },
  }

  // most of them wait before they ask again: together
  concurrent.each<[string, ActOptions, number, number]>([
    ['the compare answer is lost once', at(/compare/, { kind: 'lost-answer' }, 1), 1, 1],
    ['a tree is cut off once', at(/trees/, { kind: 'reset' }, 1), 1, 1],
    ['GitHub has an error once', at(/^GET/, { kind: 'status', status: 502 }, 1), 1, 1],
    ['a secondary rate limit asks to wait', at(/comments/, limited, 1), 1, 1],
    [
      'a rate limit asks to wait',
      at(
        /trees/,
        { kind: 'status', status: 429, message: 'API rate limit exceeded', headers: { 'retry-after': '1' } },
        1,
      ),
      1,
      1,
    ],
    ['GraphQL is not there', at(/graphql/, { kind: 'status', status: 404 }), 1, 1],
    ['the merge base is not told', at(/compare/, { kind: 'status', status: 404 }), 1, 1],
    ['comments may not be read', at(/issues/, refused), 1, 0],
    ['comments may not be written', at(/^POST \/repos/, refused), 1, 0],
    ['the conversation is locked', at(/^POST \/repos/, { kind: 'status', status: 422 }), 1, 0],
    ['the answer to the comment is lost', at(/^POST \/repos.*issues/, { kind: 'lost-answer' }), 1, 1],
    ['suggestions may not be written', at(/reviews/, refused), 1, 1],
  ])(
    '%s: the verdict stays',
    async (_name, options, exitCode, comments) => {
      const fixture = changed(LARGE)
      const ran = await act(fixture, options)
      expect([ran.exitCode, ran.outputs['verdict'], commentsOf(fixture).length]).toEqual([exitCode, 'fail', comments])
      expect(ran.summary).toContain(PATH)
    },
    60_000,
  )

  test.each<[string, Fault]>([
    ['a token that may not read', refused],
    ['a repository that is not there', { kind: 'status', status: 404 }],
    ['a token that is wrong', { kind: 'status', status: 401, message: 'Bad credentials' }],
  ])(
    '%s: no verdict, red, and why',
    async (_name, fault) => {
      const { exitCode, outputs, log } = await act(changed(LARGE), at(/./, fault))
      expect([exitCode, outputs['verdict']]).toEqual([1, 'unknown'])
      expect(log).toMatch(/^::error .*GitHub could not be read/m)
    },
    60_000,
  )
})

describe('runs that overlap', () => {
  test('a label removed again: the run in between, ending last, does not set the comment back', async () => {
    const fixture = changed(plan({ microBatchSize: 2 }))
    const standIn = await startStandIn(fixture.repository)
    const labeled = { ...fixture.payload, action: 'labeled' }
    try {
      await actOn(standIn, fixture, { run: '100.1' })
      const first = readMarker(commentsOf(fixture)[0] ?? '')
      await actOn(standIn, fixture, { run: '300.1', payload: labeled })
      await actOn(standIn, fixture, { run: '200.1', payload: labeled, inputs: { 'max-memory': '20' } })
      expect(commentsOf(fixture).map(readMarker)).toEqual([{ ...first, run: '300.1' }])
    } finally {
      await standIn.close()
    }
  })

  test('a run of a head that has moved on writes nothing', async () => {
    const fixture = changed(LARGE)
    fixture.repository.pullHead = 'd'.repeat(40)
    const { exitCode, requests } = await act(fixture)
    expect([exitCode, requests.filter(isWrite)]).toEqual([1, []])
  })
})

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { runAction } from '../../src/github/run-action.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { renderComment } from '../../src/report/render-comment.ts'
import { FAST_TIMING } from '../github-stand-in/fast-timing.ts'
import { type PullRequestFixture, pullRequest } from '../github-stand-in/pull-request.ts'
import type { Files } from '../github-stand-in/repository.ts'
import { runnerFor } from '../github-stand-in/runner.ts'
import { type StandIn, startStandIn } from '../github-stand-in/server.ts'

/** Real configs through all stages: what is suggested is applied as GitHub would, pushed, and judged again. */
const POLICY = { '.github/preflop.yml': 'version: 1\nhardware: { gpu: a100-sxm-80gb, gpus: 8 }\n' }

const AXOLOTL = `base_model: NousResearch/Meta-Llama-3.1-8B
adapter: lora
lora_r: 16
lora_alpha: 32
lora_target_linear: true
datasets:
  - path: tatsu-lab/alpaca
    type: alpaca
sequence_len: 4096
micro_batch_size: 2
gradient_accumulation_steps: 4
max_steps: 100
optimizer: adamw_torch
bf16: true
gradient_checkpointing: true
flash_attention: true
`
const LIGER = 'plugins:\n  - axolotl.integrations.liger.LigerPlugin\nliger_fused_linear_cross_entropy: true\n'
const TRL = `model_name_or_path: meta-llama/Llama-3.1-8B
dtype: bfloat16
use_peft: true
lora_r: 16
lora_target_modules: all-linear
dataset_name: a/b
max_length: 4096
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
gradient_checkpointing: true
max_steps: 100
bf16: true
output_dir: out
`
const SCRIPT = `#!/usr/bin/env bash
accelerate launch --num_processes 8 -m trl.scripts.sft \\
  --model_name_or_path meta-llama/Llama-3.1-8B \\
  --dtype bfloat16 --use_peft --lora_r 16 --lora_target_modules all-linear \\
  --dataset_name a/b --max_length 4096 --max_steps 100 \\
  --gradient_checkpointing --bf16 \\
  --per_device_train_batch_size 1 \\
  --output_dir out
`
const KUBEFLOW = `apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata: { name: sft }
spec:
  trainer:
    numNodes: 1
    resourcesPerNode: { limits: { nvidia.com/gpu: 8 } }
    command: [torchrun, --nproc_per_node=8, -m, trl.scripts.sft]
    args:
      - --model_name_or_path=meta-llama/Llama-3.1-8B
      - --dtype=bfloat16
      - --use_peft
      - --lora_r=16
      - --lora_target_modules=all-linear
      - --dataset_name=a/b
      - --max_length=4096
      - --max_steps=100
      - --gradient_checkpointing
      - --bf16
      - --per_device_train_batch_size
      - "1"
      - --output_dir=out
`

let standIn: StandIn
let fixture: PullRequestFixture
let run: number

const pushed = (path: string, base: string, head: string, extra: Partial<Parameters<typeof pullRequest>[0]> = {}) =>
  pullRequest({ base: { ...POLICY, [path]: base }, head: { ...POLICY, [path]: head }, ...extra })

async function act(event = 'pull_request', inputs: Record<string, string> = {}): Promise<readonly string[]> {
  const runner = runnerFor({ apiUrl: standIn.url, event, payload: fixture.payload, run: `${run++}.1`, inputs })
  const before = standIn.requests.length
  try {
    await runAction(
      { env: runner.env, write: () => undefined, timing: FAST_TIMING },
      {
        estimate: ({ hub: _hub, ...request }) =>
          runPipeline({ ...request, models: createModelSource({ offline: true }) }),
        render: report => ({ comment: renderComment(report, { version: '0' }), summary: '', annotations: [] }),
      },
    )
    return standIn.requests.slice(before)
  } finally {
    runner.remove()
  }
}

async function start(of: PullRequestFixture): Promise<void> {
  fixture = of
  standIn = await startStandIn(fixture.repository)
}

/** A push to the pull request's branch. */
function push(files: Files): void {
  const head = fixture.repository.commit(`push ${run}`, files)
  fixture.repository.pullHead = head
  const { pull_request: pull, ...payload } = fixture.payload as { pull_request: { head: object } }
  fixture = { ...fixture, payload: { ...payload, pull_request: { ...pull, head: { ...pull.head, sha: head } } } }
  fixture.repository.mergeBases.set(`${fixture.base}...${head}`, fixture.base)
}

const suggestions = () => fixture.repository.reviewComments.map(comment => ({ ...comment, text: textOf(comment.body) }))

function textOf(body: string): string {
  return /(`{3,})suggestion\n([\s\S]*?)\n\1/.exec(body)?.[2] ?? ''
}

/** As the button does: the lines of the comment become its text. */
function clicked(text: string): string {
  const lines = text.split('\n')
  for (const { start_line: start, line, text: replacement } of suggestions().toReversed()) {
    if (line === null) continue
    lines.splice((start ?? line) - 1, line - (start ?? line) + 1, replacement)
  }
  return lines.join('\n')
}

const verdict = () => fixture.repository.comments[0]?.body.match(/### (\S+)/)?.[1]

beforeEach(() => {
  run = 100
})
afterEach(() => standIn.close())

describe.each([
  [
    'a key that is missing, below the line that the change wrote',
    'configs/a.yml',
    AXOLOTL,
    AXOLOTL.replace('sequence_len: 4096', 'sequence_len: 32768'),
  ],
  [
    'values of several lines',
    'configs/a.yml',
    `${AXOLOTL}${LIGER}`,
    `${AXOLOTL}${LIGER}`.replace('micro_batch_size: 2', 'micro_batch_size: 64'),
  ],
  ['TRL', 'configs/a.yaml', TRL, TRL.replace('batch_size: 1', 'batch_size: 64')],
  ['words of a list', 'jobs/a.yml', KUBEFLOW, KUBEFLOW.replace('"1"', '"64"')],
  ['a script', 'scripts/run.sh', SCRIPT, SCRIPT.replace('batch_size 1', 'batch_size 64')],
])('%s', (_name, path, base, head) => {
  beforeEach(() => start(pushed(path, base, head)))

  test('is suggested on lines of the diff; one click, and the next push passes', async () => {
    await act()
    expect(verdict()).toBe('❌')
    expect(suggestions()).toHaveLength(1)
    expect(suggestions()[0]).toMatchObject({ path, login: 'github-actions[bot]' })
    push({ ...POLICY, [path]: clicked(head) })
    await act()
    expect(['✅', '⚠️']).toContain(verdict())
    expect(suggestions()).toHaveLength(1)
  })

  test('is never repeated: not on a push with the same figures, not when resolved or outdated', async () => {
    await act()
    const [offered] = fixture.repository.reviewComments
    push({ ...POLICY, [path]: head, 'README.md': 'more' })
    const requests = await act()
    expect(requests.filter(request => /^(POST \/repos|PATCH|DELETE)/.test(request))).toEqual([])
    if (offered) offered.line = null
    push({ ...POLICY, [path]: `# a comment above\n${head}` })
    await act()
    expect(suggestions()).toHaveLength(1)
  })
})

describe('a suggestion that is no longer offered', () => {
  const path = 'configs/a.yml'
  const head = AXOLOTL.replace('sequence_len: 4096', 'sequence_len: 32768')

  test('is folded away once the run passes, and the list is not asked for again', async () => {
    await start(pushed(path, AXOLOTL, head))
    await act()
    push({ ...POLICY, [path]: head.replace('32768', '4096').replace('max_steps: 100', 'max_steps: 110') })
    const fixing = await act()
    expect(fixture.repository.reviewComments.map(({ minimized }) => minimized)).toEqual([true])
    expect(fixing.length).toBeLessThanOrEqual(12)
    const later = await act()
    expect(later.filter(request => request.includes('/pulls/7/comments'))).toEqual([])
  })

  test('of somebody who only copied the marker is left alone and hides nothing', async () => {
    await start(pushed(path, AXOLOTL, head))
    await act()
    const body = fixture.repository.reviewComments[0]?.body ?? ''
    fixture.repository.reviewComments = []
    fixture.repository.addReviewComment('mallory', { path, line: 9, body })
    await act()
    expect(fixture.repository.reviewComments.map(({ login, minimized }) => [login, minimized])).toEqual([
      ['mallory', false],
      ['github-actions[bot]', false],
    ])
  })
})

test.each([
  ['a fork whose run only reads', { fork: true }, 'pull_request', {}, 0],
  ['a fork judged with write access', { fork: true }, 'pull_request_target', {}, 1],
  ['`suggest: false`', {}, 'pull_request', { suggest: 'false' }, 0],
  ['`comment: never`', {}, 'pull_request', { comment: 'never' }, 0],
])('%s: %j', async (_name, extra, event, inputs, expected) => {
  await start(pushed('configs/a.yml', AXOLOTL, AXOLOTL.replace('sequence_len: 4096', 'sequence_len: 32768'), extra))
  await act(event, inputs)
  expect(suggestions()).toHaveLength(expected)
})

test('a change that is not in the diff is not suggested', async () => {
  const text = AXOLOTL.replace('sequence_len: 4096', 'sequence_len: 32768')
  const policy = { '.github/preflop.yml': `${POLICY['.github/preflop.yml']}fail_on: any\n` }
  const files = (version: string) => ({
    ...policy,
    'configs/a.yml': text,
    'requirements.txt': `transformers==${version}\n`,
  })
  await start(pullRequest({ base: files('5.18.0'), head: files('5.17.0') }))
  await act()
  expect(verdict()).toBe('❌')
  expect(suggestions()).toEqual([])
})

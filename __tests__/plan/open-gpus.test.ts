// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the texts are shell scripts
import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { PolicySettings } from '../../src/policy/read-policy.ts'
import type { Report } from '../../src/report/report.ts'

const PLAN = 'preflop: 1\nmodel: Qwen/Qwen2.5-32B\ngradient_checkpointing: full\ndataset: { max_steps: 10 }\n'
const FSDP = `${PLAN}parallelism: { data: fsdp2 }\n`

function check(text: string, settings: PolicySettings = {}): Promise<Report> {
  return runPipeline({
    head: memoryFileSource(new Map([['a.yml', text]])),
    base: null,
    changes: null,
    paths: ['a.yml'],
    policy: createPolicySet(null, { gpu: 'a100-sxm-80gb', ...settings }),
    policyPath: 'p.yml',
    models: createModelSource({ offline: true }),
  })
}

/** Verdict, GPUs of the figures, severity of the finding. */
async function outcome(text: string, settings: PolicySettings = {}) {
  const { runs } = await check(text, settings)
  const open = runs[0]?.findings.find(({ code }) => code === 'no-gpu-count')
  return [runs[0]?.verdict, runs[0]?.plan?.gpus, open?.severity ?? null]
}

describe('a sharded run whose number of GPUs nobody says', () => {
  test.each([
    ['fits on any number of several', `${FSDP}adapter: { type: lora }\n`, ['pass', 8, 'notice']],
    // 32.8e9 × 8 B are 131 GB on each of two GPUs, 33 GB on each of eight
    ['fits on some', FSDP, ['unknown', 8, 'warning']],
    ['fits on none', `${FSDP}micro_batch_size: 256\nsequence_length: 32768\n`, ['fail', 8, 'notice']],
    [
      'shards its optimizer alone',
      `${PLAN.replace('32B', '14B')}parallelism: { data: zero1 }\n`,
      ['unknown', 8, 'warning'],
    ],
    ['has at least the ranks of its model', `${PLAN}parallelism: { data: fsdp2, tensor: 8 }\n`, ['pass', 8, 'notice']],
  ])('%s', async (_, text, expected) => {
    expect(await outcome(text)).toEqual(expected)
  })

  test.each([
    ['the policy', FSDP, { gpus: 8 }, ['pass', 8, null]],
    ['the policy, too few', FSDP, { gpus: 2 }, ['fail', 2, null]],
    ['the file', `${FSDP}gpus: 8\n`, {}, ['pass', 8, null]],
  ])('is settled by %s', async (_, text, settings, expected) => {
    expect(await outcome(text, settings)).toEqual(expected)
  })

  test.each([
    ['without sharding', PLAN],
    ['with data-parallel copies', `${PLAN}parallelism: { data: ddp }\n`],
  ])('%s one GPU is as good as many', async (_, text) => {
    expect(await outcome(text)).toEqual(['fail', 1, null])
  })

  test('names the fewest that hold it and gets no fix that it may not need', async () => {
    const { runs } = await check(FSDP)
    const [finding] = runs[0]?.findings.filter(({ code }) => code === 'no-gpu-count') ?? []
    expect(finding).toMatchObject({ path: 'a.yml', line: 5, hint: expect.stringContaining('`hardware.gpus`') })
    const fewest = Number(/fits on (\d+) or more/.exec(finding?.message ?? '')?.[1])
    expect(['pass', 'warn']).toContain((await outcome(FSDP, { gpus: fewest }))[0])
    expect((await outcome(FSDP, { gpus: fewest / 2 }))[0]).toBe('fail')
    expect(runs[0]).toMatchObject({ fixes: [], alternatives: [] })
  })

  test('names the variable where a launch script only has a default for it', async () => {
    const command = 'torchrun --nnodes ${NNODES:-1} --nproc_per_node 8 sft.py --config sft.yaml\n'
    const files = new Map([
      ['run.sh', `#!/bin/bash\n${command.replace('sft.py', 'trl/scripts/sft.py')}`],
      [
        'sft.yaml',
        'model_name_or_path: Qwen/Qwen2.5-72B\ndataset_name: a/b\nmax_length: 1024\nper_device_train_batch_size: 1\nfsdp: full_shard auto_wrap\noutput_dir: out\n',
      ],
    ])
    const report = await runPipeline({
      head: memoryFileSource(files),
      base: null,
      changes: null,
      paths: ['run.sh'],
      policy: createPolicySet(null, { gpu: 'a100-sxm-80gb' }),
      policyPath: 'p.yml',
      models: createModelSource({ offline: true }),
    })
    const [run] = report.runs
    expect([run?.verdict, run?.plan?.gpus]).toEqual(['unknown', 8])
    const found = run?.findings.find(({ code }) => code === 'no-gpu-count')
    expect(found).toMatchObject({ path: 'run.sh', line: 2, message: expect.stringContaining('hangs on `NNODES`') })
    expect(run?.assumptions.find(({ planKey }) => planKey === 'gpus')).toMatchObject({
      from: 'assumed',
      note: expect.stringContaining('does not set `NNODES`'),
    })
  })

  test.each(['pass', 'warn', 'fail'] as const)('counts beside judged runs as on_unknown %s says', async onUnknown => {
    const other = 'preflop: 1\nmodel: Qwen/Qwen2.5-0.5B\nadapter: { type: lora }\n'
    const report = await runPipeline({
      head: memoryFileSource(
        new Map([
          ['a.yml', FSDP],
          ['b.yml', other],
        ]),
      ),
      base: null,
      changes: null,
      paths: ['*.yml'],
      policy: createPolicySet(null, { gpu: 'a100-sxm-80gb', onUnknown }),
      policyPath: 'p.yml',
      models: createModelSource({ offline: true }),
    })
    expect(report.runs.map(({ verdict }) => verdict)).toEqual(['unknown', 'pass'])
    expect(report.verdict).toBe(onUnknown)
  })

  test('keeps and breaks no limit on money or hours', async () => {
    const fail = { warn: null, fail: 1e-9 }
    const { runs } = await check(`${FSDP}adapter: { type: lora }\n`, { budget: { hours: fail, gpuHours: fail } })
    expect(runs[0]?.verdict).toBe('unknown')
    expect(runs[0]?.limits.map(({ kind, level }) => [kind, level])).toEqual([
      ['memory', 'pass'],
      ['hours', 'unknown'],
      ['gpu_hours', 'unknown'],
    ])
  })
})

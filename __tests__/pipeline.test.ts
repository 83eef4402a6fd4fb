import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../src/files/memory-file-source.ts'
import { createModelSource } from '../src/models/create-model-source.ts'
import { type PathChange, runPipeline } from '../src/pipeline.ts'
import { createPolicySet } from '../src/policy/policy-set.ts'
import type { PolicySettings } from '../src/policy/read-policy.ts'
import { renderTerminal } from '../src/report/render-terminal.ts'
import type { Report } from '../src/report/report.ts'

const models = createModelSource({ offline: true })
const plan = (over: Record<string, string | number> = {}): string =>
  Object.entries({
    preflop: 1,
    model: 'Qwen/Qwen2.5-7B',
    gpus: 1,
    micro_batch_size: 1,
    sequence_length: 2048,
    gradient_checkpointing: 'full',
    ...over,
  })
    .map(([key, value]) => `${key}: ${value}`)
    .join('\n')
const hardware =
  'hardware: { gpu: a100-sxm-80gb, price: { per_gpu_hour: 2, currency: USD } }\ndataset: { max_steps: 100 }\n'
const file = (over: Record<string, string | number> = {}): string => `${plan(over)}\n${hardware}`

interface Compared {
  readonly base?: Readonly<Record<string, string>>
  readonly head: Readonly<Record<string, string>>
  readonly changes?: readonly PathChange[]
  readonly settings?: PolicySettings
}

function compare({ base, head, changes, settings }: Compared): Promise<Report> {
  return runPipeline({
    head: memoryFileSource(new Map(Object.entries(head))),
    base: base ? memoryFileSource(new Map(Object.entries(base))) : null,
    changes: changes ?? null,
    paths: [],
    policy: createPolicySet(null, settings),
    policyPath: '.github/preflop.yml',
    models,
  })
}

const modified = (path: string): PathChange => ({ path, previousPath: null, status: 'modified' })

describe('runPipeline', () => {
  test('a changed key is named as the cause, with the figures of the base', async () => {
    const report = await compare({
      base: { 'a.yml': file() },
      head: { 'a.yml': file({ sequence_length: 4096 }), 'b.yml': file() },
      changes: [modified('a.yml')],
    })
    expect(report.runs).toHaveLength(1)
    expect(report.totals.unaffected).toBe(1)
    const [run] = report.runs
    expect(run).toMatchObject({
      path: 'a.yml',
      change: 'changed',
      causes: [{ key: 'sequence_length', from: 2048, to: 4096 }],
    })
    expect((run?.memory?.deviceBytes ?? 0) - (run?.base?.memoryBytes ?? 0)).toBeCloseTo(
      run?.causes[0]?.memoryBytes ?? Number.NaN,
      0,
    )
  })

  test('a failure that was there before warns, a worse one fails', async () => {
    const over = { micro_batch_size: 64, gradient_checkpointing: 'none' }
    const same = await compare({
      base: { 'a.yml': file(over) },
      head: { 'a.yml': `${file(over)}# note\n` },
      changes: [modified('a.yml')],
    })
    expect(same).toMatchObject({ verdict: 'warn', runs: [{ preExisting: true }] })
    const worse = await compare({
      base: { 'a.yml': file(over) },
      head: { 'a.yml': file({ ...over, micro_batch_size: 96 }) },
      changes: [modified('a.yml')],
    })
    expect(worse).toMatchObject({ verdict: 'fail', runs: [{ preExisting: false }] })
  })

  test('a renamed file is compared with its old path', async () => {
    const report = await compare({
      base: { 'old.yml': file() },
      head: { 'new.yml': file({ micro_batch_size: 2 }) },
      changes: [{ path: 'new.yml', previousPath: 'old.yml', status: 'renamed' }],
    })
    expect(report.runs[0]).toMatchObject({ path: 'new.yml', previousPath: 'old.yml', change: 'changed' })
    expect(report.runs[0]?.base?.memoryBytes).toBeGreaterThan(0)
  })

  test('a companion that changed makes its config count', async () => {
    const config =
      'base_model: Qwen/Qwen2.5-7B\ndatasets: [{ path: a, type: alpaca }]\nsequence_len: 1024\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\ndeepspeed: ds.json\nlearning_rate: 1e-5\n'
    const stage = (value: number): string => `{"zero_optimization": {"stage": ${value}}, "bf16": {"enabled": true}}`
    const report = await compare({
      base: { 'a.yml': config, 'ds.json': stage(2) },
      head: { 'a.yml': config, 'ds.json': stage(3) },
      changes: [modified('ds.json')],
      settings: { gpu: 'a100-sxm-80gb', gpus: 8 },
    })
    expect(report.runs).toHaveLength(1)
    expect(report.runs[0]).toMatchObject({ path: 'a.yml', change: 'changed', plan: { parallelism: { data: 'zero3' } } })
    expect(report.runs[0]?.memory?.deviceBytes).toBeLessThan(report.runs[0]?.base?.memoryBytes ?? 0)
  })

  test('a config that cannot be read any more is reported', async () => {
    const report = await compare({
      base: { 'a.yml': file() },
      head: { 'a.yml': 'preflop: [1' },
      changes: [modified('a.yml')],
    })
    expect(report).toMatchObject({
      verdict: 'unknown',
      runs: [{ path: 'a.yml', verdict: 'unknown', findings: [{ code: 'syntax-error' }] }],
    })
  })

  test.each([
    ['no model of that name', { 'a.yml': `preflop: 1\nmodel: nobody/nothing-9b\n${hardware}` }, 'unknown-model'],
    ['no GPU', { 'a.yml': plan() }, 'no-gpu'],
    ['no such GPU', { 'a.yml': `${plan()}\nhardware: { gpu: a1000 }\n` }, 'unknown-gpu'],
    ['no size of the data', { 'a.yml': `${plan()}\nhardware: { gpu: h100 }\n` }, 'unknown-dataset-size'],
    ['no price', { 'a.yml': `${plan()}\nhardware: { gpu: h100 }\ndataset: { max_steps: 5 }\n` }, 'no-price'],
    [
      'several cards, nothing sharded',
      { 'a.yml': file({ gpus: 4, gradient_checkpointing: 'none', micro_batch_size: 64 }) },
      'unsharded-gpus',
    ],
  ])('%s is said', async (_name, head, code) => {
    const report = await compare({ head })
    expect(report.runs.flatMap(({ findings }) => findings.map(finding => finding.code))).toContain(code)
    expect(report.runs).toHaveLength(1)
  })

  test('a missing price names what would settle it', async () => {
    const steps = 'dataset: { max_steps: 5 }\n'
    const hint = async (gpu: string): Promise<string | undefined> => {
      const report = await compare({ head: { 'a.yml': `${plan()}\nhardware: { gpu: ${gpu} }\n${steps}` } })
      return report.runs[0]?.findings.find(({ code }) => code === 'no-price')?.hint
    }
    expect(await hint('h100-sxm-80gb')).toContain('hardware.price.provider')
    expect(await hint('rtx-3090-ti')).not.toContain('provider')
  })

  test('a number of GPUs that nobody said is marked beside it', async () => {
    const said = await compare({ head: { 'a.yml': file() } })
    const unsaid = await compare({ head: { 'a.yml': file().replace(/^gpus: 1\n/m, '') } })
    const shown = (report: Report): string => renderTerminal(report, { columns: 100, ascii: true })
    expect(shown(unsaid)).toContain('1 × A100 SXM4 80GB (number of GPUs assumed)')
    expect(shown(said)).not.toContain('number of GPUs assumed')
  })

  test('what only an assumed length, or all samples at their limit, puts over the limit may fit', async () => {
    const verl = (micro: number): string =>
      `actor_rollout_ref: { model: { path: Qwen/Qwen2.5-7B }, actor: { ppo_micro_batch_size_per_gpu: ${micro} } }\ndata: { max_prompt_length: 2048, max_response_length: 8192 }\nalgorithm: { adv_estimator: grpo }\ntrainer: { n_gpus_per_node: 8, nnodes: 8 }\n`
    const codesOf = async (text: string): Promise<readonly (string | undefined)[]> => {
      const { runs } = await compare({ head: { 'a.yml': text }, settings: { gpu: 'a100-sxm-80gb' } })
      return [runs[0]?.verdict, ...(runs[0]?.findings.map(({ code }) => code) ?? [])]
    }
    const unsaid = `${plan({ micro_batch_size: 64, loss: 'full_logits', adapter: '{ type: lora, rank: 8 }' }).replace(/^sequence_length: .*\n/m, '')}\n${hardware}`
    expect(await codesOf(unsaid)).toEqual(expect.arrayContaining(['warn', 'too-close-to-call']))
    expect(await codesOf(`${unsaid}sequence_length: 2048\n`)).toEqual(expect.arrayContaining(['fail', 'over-memory']))
    expect(await codesOf(verl(16))).toEqual(expect.arrayContaining(['warn', 'too-close-to-call']))
  })

  test('an unknown model still names its GPU', async () => {
    const report = await compare({ head: { 'a.yml': `preflop: 1\nmodel: nobody/nothing-9b\n${hardware}` } })
    expect(report.runs[0]).toMatchObject({ verdict: 'unknown', gpuName: expect.stringContaining('A100') })
  })

  test('a classification head replaces the vocabulary head and its logits', async () => {
    const report = await compare({ head: { 'a.yml': file(), 'b.yml': file({ classification_labels: 3 }) } })
    const [whole, classifier] = report.runs
    // Qwen2.5-7B: untied head of 152064 × 3584 against 3 × 3584
    expect((whole?.parameters?.total ?? 0) - (classifier?.parameters?.total ?? 0)).toBe((152_064 - 3) * 3584)
    const logits = (run: typeof whole) =>
      run?.memory?.components.find(({ name }) => name === 'logits and loss')?.bytes ?? 0
    expect(logits(classifier)).toBeLessThan(1e6)
  })

  test('the size of a named data set comes from the policy', async () => {
    const config = `${plan()}\nhardware: { gpu: h100 }\ndataset: { names: [org/data], epochs: 2 }\n`
    const report = await compare({
      head: { 'a.yml': config },
      settings: { datasets: { 'org/data': { samples: 1000, meanTokens: 300 } } },
    })
    expect(report.runs[0]).toMatchObject({ time: { steps: 2000 }, plan: { meanSequenceLength: 300 } })
  })

  test('the rule of thumb can be the gate', async () => {
    const report = await compare({
      head: { 'a.yml': file({ model: 'Qwen/Qwen2.5-14B' }) },
      settings: { estimator: 'rule-of-thumb', gpu: 'a100-sxm-80gb' },
    })
    expect(report).toMatchObject({ estimator: 'rule-of-thumb', verdict: 'fail' })
  })

  test('a config that a launcher names only as a DeepSpeed file stays a run of its own', async () => {
    const launch = (option: string) =>
      `#!/bin/bash\naccelerate launch --num_processes 8 train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 1 --bf16 True ${option} a.yml\n`
    const report = await compare({ head: { 'a.yml': file(), 'run.sh': launch('--deepspeed') } })
    expect(report.runs.map(({ path }) => path).sort()).toEqual(['a.yml', 'run.sh'])
  })

  test('versions that the repository pins hold for every format', async () => {
    const head = {
      'a.yaml':
        'checkpoint_dir: checkpoints/tiiuae/falcon-7b\nlora_r: 8\nquantize: bnb.nf4\nprecision: bf16-true\ntrain: { micro_batch_size: 1, max_seq_length: 512 }\n',
    }
    const [current] = (await compare({ head })).runs
    const [pinned] = (await compare({ head: { ...head, 'requirements.txt': 'bitsandbytes==0.42.0\n' } })).runs
    expect([current?.format, pinned?.plan?.libraries]).toEqual(['litgpt', { bitsandbytes: '0.42.0' }])
    // before 0.44 a 4-bit product keeps its input
    expect(pinned?.memory?.deviceBytes).toBeGreaterThan(current?.memory?.deviceBytes ?? Infinity)
    // LitGPT's head is a matrix of its own, whatever the Hub's config ties
    expect(pinned?.parameters?.total).toBe(6_921_720_704 + 65_024 * 4544)
  })

  test('a report of figures has the same figures, and no items', async () => {
    const options = {
      head: memoryFileSource(new Map([['a.yml', file()]])),
      base: null,
      changes: null,
      paths: [],
      policy: createPolicySet(null),
      policyPath: '.github/preflop.yml',
      models,
    }
    const whole = await runPipeline(options)
    const figures = await runPipeline({ ...options, detail: 'figures' })
    expect(figures.totals).toEqual(whole.totals)
    const [run] = figures.runs
    const [same] = whole.runs
    expect(same?.assumptions.length).toBeGreaterThan(0)
    expect(run).toEqual({
      ...same,
      assumptions: [],
      memory: { ...same?.memory, components: [], moments: [] },
      time: { ...same?.time, stepComponents: [], components: [] },
    })
  })

  test('money in another currency is converted, never added raw', async () => {
    const settings = { currency: 'CNY', exchangeRates: { USD: 7 } }
    const inDollars = await compare({ head: { 'a.yml': file() } })
    const inYuan = await compare({ head: { 'a.yml': file() }, settings })
    expect(inYuan.runs[0]?.cost?.total).toBeCloseTo((inDollars.runs[0]?.cost?.total ?? 0) * 7, 6)
    expect(inYuan.totals.currency).toBe('CNY')
    const unrated = await compare({ head: { 'a.yml': file() }, settings: { currency: 'EUR' } })
    expect(unrated.runs[0]?.findings.map(({ code }) => code)).toContain('no-exchange-rate')
  })
})

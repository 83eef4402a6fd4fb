import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { PolicySettings } from '../../src/policy/read-policy.ts'
import type { RunReport } from '../../src/report/report.ts'

/** 400 characters are 100 tokens by the rule. */
const WORDS = 'abcd'.repeat(100)
const RECORDS = {
  prompt: { prompt: WORDS },
  pair: { prompt: WORDS, chosen: WORDS.repeat(3), rejected: WORDS },
  answered: { prompt: WORDS, completion: WORDS },
} as const

const PLAN = `preflop: 1
model: Qwen/Qwen2.5-0.5B
micro_batch_size: 8
sequence_length: 2048
dataset: { names: [data.jsonl], epochs: 1 }
`
const GRPO =
  'stage: grpo\nreinforcement: { generation: vllm_colocate, prompt_length: 1024, completion_length: 1024, generations: 8 }\n'

async function run(text: string, record: object, settings: PolicySettings = {}): Promise<RunReport> {
  const files = { 'a.yml': PLAN + text, 'data.jsonl': `${JSON.stringify(record)}\n`.repeat(64) }
  const { runs } = await runPipeline({
    head: memoryFileSource(new Map(Object.entries(files))),
    base: null,
    changes: null,
    paths: ['a.yml'],
    policy: createPolicySet(null, { gpu: 'h100-sxm-80gb', gpus: 1, ...settings }),
    policyPath: 'p.yml',
    models: createModelSource({ offline: true }),
  })
  const [first] = runs
  if (!first?.plan) throw new Error('the run is read')
  return first
}
const meanOf = async (...args: Parameters<typeof run>): Promise<TrainingPlan['meanSequenceLength'] | undefined> =>
  (await run(...args)).plan?.meanSequenceLength

describe('the mean record of a file', () => {
  test.each([
    ['is a sample of what is trained on', 'stage: sft\n', RECORDS.answered, 200],
    ['of pairs is the prompt and one of two answers', 'stage: dpo\n', RECORDS.pair, 300],
    ['of prompts is no sequence where the answers are generated', GRPO, RECORDS.prompt, null],
    ['of prompts and reference answers is none either', GRPO, RECORDS.answered, null],
    [
      'of prompts and the stated mean completion are one',
      GRPO.replace('generations: 8', 'generations: 8, mean_completion_length: 300'),
      RECORDS.prompt,
      400,
    ],
    [
      'is the whole sequence of an offline stage with a reference model',
      'stage: kto\nreinforcement: { reference_model: separate }\n',
      RECORDS.answered,
      200,
    ],
  ])('%s', async (_, text, record, mean) => {
    expect(await meanOf(text, record)).toBe(mean)
  })
})

describe('the policy’s means', () => {
  const datasets = (entry: object): PolicySettings => ({
    datasets: { 'data.jsonl': { samples: 64, meanTokens: null, ...entry } },
  })
  test.each([
    ['of a sample', 'stage: sft\n', { meanTokens: 700 }, 700],
    ['of a prompt alone tell no sequence', GRPO, { meanTokens: 200 }, null],
    ['of a prompt and a completion are a sequence', GRPO, { meanTokens: 200, meanCompletionTokens: 300 }, 500],
    ['of a completion follow a prompt of full length', GRPO, { meanCompletionTokens: 300 }, 1324],
  ])('%s', async (_, text, entry, mean) => {
    expect(await meanOf(text, { text: '' }, datasets(entry))).toBe(mean)
  })

  test('of a completion are in the plan, or their absence is an assumption that names the key', async () => {
    const open = await run(GRPO, RECORDS.prompt)
    const known = await run(GRPO, RECORDS.prompt, datasets({ meanCompletionTokens: 300 }))
    const assumption = (report: RunReport) =>
      report.assumptions.find(({ planKey }) => planKey === 'reinforcement.meanCompletionLength')
    expect(assumption(open)).toMatchObject({ from: 'assumed', note: expect.stringContaining('mean_completion_tokens') })
    expect(assumption(known)).toMatchObject({ from: 'policy', value: 300 })
    expect(known.time?.stepSeconds ?? Number.NaN).toBeLessThan(open.time?.stepSeconds ?? Number.NaN)
    expect(known.memory?.deviceBytes).toBe(open.memory?.deviceBytes)
  })

  test('of a completion mean nothing where none is generated', async () => {
    const report = await run('stage: sft\n', RECORDS.answered, datasets({ meanCompletionTokens: 300 }))
    expect(report.plan).toMatchObject({ meanSequenceLength: null, reinforcement: null })
    expect(report.assumptions.map(({ planKey }) => planKey)).not.toContain('reinforcement.meanCompletionLength')
  })
})

describe('a cap of LLaMA-Factory', () => {
  const samplesOf = async (
    cap: number,
    files: Readonly<Record<string, string>>,
  ): Promise<number | null | undefined> => {
    const text = `model_name_or_path: Qwen/Qwen2.5-0.5B
stage: sft
do_train: true
finetuning_type: lora
output_dir: out
dataset: one,two
template: qwen
max_samples: ${cap}
`
    const { runs } = await runPipeline({
      head: memoryFileSource(new Map(Object.entries({ 'a.yml': text, ...files }))),
      base: null,
      changes: null,
      paths: ['a.yml'],
      policy: createPolicySet(null, { gpu: 'h100-sxm-80gb', gpus: 1 }),
      policyPath: 'p.yml',
      models: createModelSource({ offline: true }),
    })
    return runs[0]?.plan?.dataset.samples
  }
  const files = {
    'data/dataset_info.json': '{"one": {"file_name": "one.jsonl"}, "two": {"file_name": "two.jsonl"}}',
    'data/one.jsonl': '{"text": "a"}\n'.repeat(30),
    'data/two.jsonl': '{"text": "a"}\n'.repeat(5),
  }

  test('counts as far as the data sets reach', async () => {
    expect(await samplesOf(1_000_000, files)).toBe(35)
    expect(await samplesOf(20, files)).toBe(25)
  })

  test('stands alone where they are not known', async () => {
    expect(await samplesOf(20, {})).toBe(40)
  })
})

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of a sweep’s command
import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { Report } from '../../src/report/report.ts'

const report = (text: string, files: Readonly<Record<string, string>> = {}): Promise<Report> =>
  runPipeline({
    head: memoryFileSource(new Map(Object.entries({ ...files, 'sweep.yml': text }))),
    base: null,
    changes: null,
    paths: ['sweep.yml'],
    policy: createPolicySet(null),
    policyPath: '.github/preflop.yml',
    models: createModelSource({ offline: true }),
    advice: false,
  })

const FIXED = `  model_name_or_path: { value: Qwen/Qwen2.5-0.5B }
  dataset_name: { value: a/b }
  output_dir: { value: out }
`
const sweep = (parameters: string, head = 'method: grid\nprogram: sft.py\n') =>
  `${head}metric: { name: loss, goal: minimize }\nparameters:\n${FIXED}${parameters}`
const swept = ({ runs }: Report) =>
  runs[0]?.findings.filter(({ code }) => code === 'swept-values').map(({ line, message }) => [line, message])

describe('a W&B sweep', () => {
  test('of numbers is read with the largest of each, at the lines of the file', async () => {
    const found = await report(
      sweep(
        '  per_device_train_batch_size: { values: [4, 16, 8] }\n  max_length: { min: 512, max: 2048, distribution: int_uniform }\n',
      ),
    )
    expect(found.runs.map(({ format, name }) => [format, name])).toEqual([['wandb-sweep', null]])
    expect(found.runs[0]?.plan).toMatchObject({ microBatchSize: 16, sequenceLength: 2048 })
    expect(found.runs[0]?.assumptions.find(({ planKey }) => planKey === 'microBatchSize')).toMatchObject({ line: 8 })
    expect(swept(found)).toEqual([
      [1, 'This sweep starts a run for each value of its ranges (grid); hours and cost are those of one.'],
      [
        8,
        '`per_device_train_batch_size` (4, 16, 8), `max_length` (512 to 2048): read with the largest of each, the most demanding.',
      ],
    ])
  })

  test('of words has a run for each combination', async () => {
    const found = await report(
      sweep(
        '  optim: { values: [adamw_torch, sgd] }\n  bf16: { values: [true, false] }\n  per_device_train_batch_size: { value: 8 }\n',
      ),
    )
    expect(found.runs.map(({ name }) => name).toSorted()).toEqual([
      'optim=adamw_torch, bf16=False',
      'optim=adamw_torch, bf16=True',
      'optim=sgd, bf16=False',
      'optim=sgd, bf16=True',
    ])
    const optimizers = found.runs.map(({ name, plan }) => [name?.includes('sgd'), plan?.optimizer])
    for (const [isSgd, optimizer] of optimizers) expect(optimizer).toBe(isSgd ? 'sgd' : 'adamw')
  })

  test('of too many words is read with the first of each, and says so', async () => {
    const found = await report(
      sweep(
        '  optim: { values: [sgd, adamw_torch, lion_32bit] }\n  lr_scheduler_type: { values: [cosine, linear, constant] }\n  per_device_train_batch_size: { value: 8 }\n',
      ),
    )
    expect(found.runs).toHaveLength(1)
    expect(found.runs[0]?.plan?.optimizer).toBe('sgd')
    expect(swept(found)?.[1]).toEqual([
      8,
      '`optim` (sgd, adamw_torch, lion_32bit), `lr_scheduler_type` (cosine, linear, constant): more than 8 combinations; read with the first of each.',
    ])
  })

  test.each([
    ['method: grid\nprogram: sft.py\n', '4 runs (grid)'],
    ['method: grid\nprogram: sft.py\nrun_cap: 3\n', '3 runs (grid)'],
    ['method: random\nprogram: sft.py\nrun_cap: 30\n', 'up to 30 runs (random)'],
    ['method: bayes\nprogram: sft.py\n', 'runs until somebody stops it (bayes)'],
  ])('%j starts %s', async (head, text) => {
    const found = await report(
      sweep('  per_device_train_batch_size: { values: [1, 2] }\n  lora_r: { values: [8, 16] }\n', head),
    )
    expect(swept(found)?.[0]?.[1]).toBe(`This sweep starts ${text}; hours and cost are those of one.`)
  })

  test('takes exponents of e for log_uniform, the mean for a normal distribution', async () => {
    const found = await report(
      sweep(
        '  learning_rate: { distribution: log_uniform, min: -9, max: 0 }\n  max_length: { distribution: normal, mu: 1024, sigma: 9 }\n  per_device_train_batch_size: { value: 1 }\n',
      ),
    )
    expect(found.runs[0]?.plan?.sequenceLength).toBe(1024)
    expect(swept(found)?.[1]?.[1]).toContain('to 1), `max_length` (around 1024)')
  })

  test('starts its own command: a launcher, a config, arguments without hyphens, switches', async () => {
    const launched = await report(
      sweep(
        '  use_peft: { value: true }\n  per_device_train_batch_size: { value: 2 }\n',
        'method: grid\nprogram: sft.py\ncommand: [accelerate, launch, --num_processes=4, "${program}", "${args_no_boolean_flags}"]\n',
      ),
    )
    expect(launched.runs[0]?.plan).toMatchObject({ gpus: 4, microBatchSize: 2, adapter: { type: 'lora' } })
    const named = await report(
      'method: grid\nparameters:\n  micro_batch_size: { values: [2, 8] }\ncommand: [axolotl, train, a.yml, "${args}"]\n',
      {
        'a.yml':
          'base_model: Qwen/Qwen2.5-0.5B\ndatasets: [{ path: a/b }]\nsequence_len: 512\nmicro_batch_size: 1\ngradient_accumulation_steps: 1\n',
      },
    )
    expect(named.runs[0]?.plan).toMatchObject({ framework: 'axolotl', microBatchSize: 8, sequenceLength: 512 })
    const hydra = await report(
      'method: grid\nparameters:\n  actor_rollout_ref:\n    parameters:\n      model: { parameters: { path: { value: Qwen/Qwen2.5-0.5B } } }\n      rollout: { parameters: { n: { values: [4, 8] } } }\n  data.train_batch_size: { value: 256 }\ncommand: [python, -m, verl.trainer.main_ppo, "${args_no_hyphens}"]\n',
    )
    expect(hydra.runs[0]?.plan).toMatchObject({ framework: 'verl', reinforcement: { generations: 8 } })
  })

  test('of a program that is no trainer is a notice', async () => {
    const { runs, findings } = await report('method: grid\nprogram: plot.py\nparameters: { a: { values: [1, 2] } }\n')
    expect(runs).toEqual([])
    expect(findings.map(({ code, severity, message }) => [code, severity, message])).toEqual([
      [
        'unrecognised-config',
        'notice',
        'This is a W&B sweep whose program is no trainer that Preflop knows, not a training config.',
      ],
    ])
  })
})

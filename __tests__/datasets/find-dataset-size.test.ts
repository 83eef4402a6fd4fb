import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import type { DatasetSource } from '../../src/datasets/dataset-size.ts'
import { findDatasetSize } from '../../src/datasets/find-dataset-size.ts'
import { diskFileSource } from '../../src/files/disk-file-source.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createModelSource } from '../../src/models/create-model-source.ts'
import { runPipeline } from '../../src/pipeline.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'

const LINE = '{"text": "hello"}\n'
const FILES = memoryFileSource(
  new Map([
    ['data/train.jsonl', LINE.repeat(5)],
    ['configs/own.jsonl', LINE.repeat(3)],
    ['data/part-1.jsonl', LINE.repeat(10)],
    ['data/part-2.jsonl', LINE.repeat(20)],
    [
      'data/dataset_info.json',
      '{"mine": {"file_name": "train.jsonl"}, "theirs": {"hf_hub_url": "org/published"}, "odd": {"script_url": "x"}}',
    ],
  ]),
)
const published: DatasetSource = {
  size: async id =>
    id === 'org/published'
      ? { status: 'found', size: { samples: 1000, meanTokens: null, note: 'published' } }
      : { status: 'missing' },
}
const place = { files: FILES, configPath: 'configs/a.yml', published }

test.each([
  ['data/train.jsonl', 5],
  ['./data/train.jsonl', 5],
  ['own.jsonl', 3],
  ['../data/train.jsonl', 5],
  ['data/part-*.jsonl', 30],
  ['mine', 5],
  ['theirs', 1000],
  ['org/published', 1000],
  ['odd', null],
  ['data/none.jsonl', null],
  ['../../etc/passwd.txt', null],
  ['/etc/hosts.txt', null],
  ['https://evil.example/a.jsonl', null],
])('%s has %p samples', async (name, samples) => {
  const result = await findDatasetSize(name, place)
  expect(result.status === 'found' ? result.size.samples : null).toBe(samples)
})

describe('a folder on disk', () => {
  test('is streamed beyond what a config may hold, and no link is followed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'preflop-data-'))
    try {
      mkdirSync(join(folder, 'data'))
      writeFileSync(join(folder, 'data/large.jsonl'), LINE.repeat(200_000))
      symlinkSync('/etc/hosts', join(folder, 'data/link.txt'))
      const disk = { ...place, files: diskFileSource(folder), configPath: 'a.yml' }
      expect(await findDatasetSize('data/large.jsonl', disk)).toMatchObject({ size: { samples: 200_000 } })
      expect((await findDatasetSize('data/link.txt', disk)).status).not.toBe('found')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('in a report', () => {
  const axolotl = (datasets: string) =>
    `base_model: Qwen/Qwen2.5-0.5B\ndatasets: ${datasets}\nsequence_len: 512\nmicro_batch_size: 2\ngradient_accumulation_steps: 1\nnum_epochs: 2\nlearning_rate: 1e-5\n`
  const report = (config: string, files: Readonly<Record<string, string>>, settings = {}) =>
    runPipeline({
      head: memoryFileSource(new Map(Object.entries({ 'a.yml': config, ...files }))),
      base: null,
      changes: null,
      paths: ['a.yml'],
      policy: createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 1, ...settings }),
      policyPath: 'p.yml',
      models: createModelSource({ offline: true }),
      datasets: published,
    })
  const files = { 'data/train.jsonl': LINE.repeat(100) }

  test.each([
    ['[{ path: data/train.jsonl, type: alpaca }]', 100],
    ['[{ path: json, data_files: data/train.jsonl, type: alpaca }]', 100],
    ['[{ path: data/train.jsonl, type: alpaca }, { path: org/published, type: alpaca }]', 1100],
    ['[{ path: org/published, type: alpaca, split: "train[:5%]" }]', null],
    ['[{ path: org/published, type: alpaca, shards: 10 }]', null],
    ['[{ path: org/published, type: alpaca }, { path: org/other, type: alpaca }]', null],
  ])('axolotl %s makes %p samples', async (datasets, samples) => {
    const { runs } = await report(axolotl(datasets), files)
    expect(runs[0]?.plan?.dataset.samples).toBe(samples)
    const codes = runs[0]?.findings.filter(({ code }) => code === 'unknown-dataset-size')
    expect(codes).toHaveLength(samples === null ? 1 : 0)
  })

  test('the policy’s size wins over a count, and a count names its file and rule', async () => {
    const config = axolotl('[{ path: data/train.jsonl, type: alpaca }]')
    const counted = (await report(config, files)).runs[0]
    expect(counted?.assumptions.find(({ key }) => key === 'meanSequenceLength')).toMatchObject({
      from: 'assumed',
      note: expect.stringContaining('4 characters a token'),
    })
    const datasets = { 'data/train.jsonl': { samples: 7, meanTokens: 300 } }
    expect((await report(config, files, { datasets })).runs[0]?.plan).toMatchObject({
      dataset: { samples: 7 },
      meanSequenceLength: 300,
    })
  })

  test('a file that cannot be counted says why, with the line of its name', async () => {
    const { runs } = await report(axolotl('[{ path: data/x.json, type: alpaca }]'), { 'data/x.json': '{"a": 1}' })
    expect(runs[0]?.findings.filter(({ code }) => code === 'unknown-dataset-size')).toMatchObject([
      { path: 'a.yml', line: 2, message: expect.stringContaining('no list of samples') },
    ])
    expect(runs[0]?.time).toMatchObject({ steps: null, runSeconds: null })
  })

  test('more data in the same pull request makes the run longer', async () => {
    const config = axolotl('[{ path: data/train.jsonl, type: alpaca }]')
    const tree = (lines: number) =>
      memoryFileSource(
        new Map([
          ['a.yml', config],
          ['data/train.jsonl', LINE.repeat(lines)],
        ]),
      )
    const { runs } = await runPipeline({
      head: tree(3000),
      base: tree(1000),
      changes: [{ path: 'data/train.jsonl', previousPath: null, status: 'modified' }],
      paths: [],
      policy: createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 1 }),
      policyPath: 'p.yml',
      models: createModelSource({ offline: true }),
    })
    expect(runs.map(({ path }) => path)).toEqual(['a.yml'])
    expect(runs[0]?.time?.runSeconds ?? 0).toBeGreaterThan(runs[0]?.base?.runSeconds ?? 0)
    expect(runs[0]?.causes.map(({ key }) => key)).toContain('dataset.samples')
  })
})

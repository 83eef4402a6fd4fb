import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const BASE = `model: org/model
tuner_type: lora
dataset: ['org/data#500']
learning_rate: 1e-4
`

describe('ms-swift', () => {
  test('without max_length only the data knows the longest sample, and that is said', async () => {
    const { plan, provenance, codes } = await readText(BASE)
    expect([plan.sequenceLength, provenance.sequenceLength?.from]).toEqual([2048, 'assumed'])
    expect(codes).toEqual(['assumed-default'])
  })

  test('without max_length packed rows fill the model’s longest context', async () => {
    const { plan, codes } = await readText(`${BASE}packing: true\n`)
    expect(plan.sequenceLength).toBe(8192)
    expect(codes).toEqual([])
  })

  test.each([
    ['', null],
    ['split_dataset_ratio: 0.1', 500],
    ['split_dataset_ratio: 0.1\nsave_steps: 100', 100],
    ['split_dataset_ratio: 0.1\neval_steps: 50\nsave_steps: 100', 50],
    ['split_dataset_ratio: 0.1\nsave_strategy: "no"', null],
    ['val_dataset: org/val\nsave_steps: 20', 20],
  ])('validation follows the checkpoints: %j', async (lines, everySteps) => {
    const { plan } = await readText(`${BASE}max_length: 1024\n${lines}\n`)
    expect(plan.evaluation?.everySteps ?? null).toBe(everySteps)
  })

  test('packaged DeepSpeed files have their own buckets', async () => {
    const zero3 = await readText(`${BASE}max_length: 1024\ndeepspeed: zero3\n`)
    expect(zero3.plan.buffers).toMatchObject({ reduceBucketElements: 'auto', overlapComm: false })
    const zero2 = await readText(`${BASE}max_length: 1024\ndeepspeed: zero2_offload\n`)
    expect(zero2.plan.buffers).toMatchObject({ reduceBucketElements: 2e8, allgatherBucketElements: 2e8 })
    expect(zero2.plan.parallelism).toMatchObject({ data: 'zero2', offload: 'optimizer' })
  })

  test.each([
    [1, '', true],
    [8, '', false],
    [8, 'deepspeed: zero2\n', true],
    [8, 'fsdp: fsdp2\n', false],
    [8, 'gradient_checkpointing_kwargs: { use_reentrant: true }\n', true],
  ])('re-entrant checkpointing on %i GPU(s) with %j', async (gpus, lines, reentrant) => {
    const { plan } = await readText(`${BASE}max_length: 1024\ngpus: ${gpus}\n${lines}`)
    expect(plan.checkpointingReentrant).toBe(reentrant)
  })

  test('GRPO: completions come on top of max_length', async () => {
    const { plan } = await readText(`${BASE}rlhf_type: grpo\nmax_length: 1024\nmax_completion_length: 2048\n`)
    expect(plan).toMatchObject({ stage: 'grpo', sequenceLength: 3072, reinforcement: { promptLength: 1024 } })
  })
})

test.each([
  ['', null],
  ['num_labels: 3', 3],
  ['task_type: seq_cls\nnum_labels: 4', 4],
  ['task_type: seq_cls', 2],
  ['task_type: causal_lm\nnum_labels: 3', null],
  ['rlhf_type: rm\nnum_labels: 1', null],
])('ms-swift: a task or a number of labels makes a classifier: %j', async (lines, labels) => {
  const { plan } = await readText(`${BASE}max_length: 1024\n${lines}\n`)
  expect(plan.classificationLabels).toBe(labels)
})

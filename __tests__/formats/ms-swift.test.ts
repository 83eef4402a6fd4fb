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
  ['task_type: reranker', 1],
  ['task_type: reranker\nnum_labels: 2', 2],
])('ms-swift: a task or a number of labels makes a classifier: %j', async (lines, labels) => {
  const { plan } = await readText(`${BASE}max_length: 1024\n${lines}\n`)
  expect(plan.classificationLabels).toBe(labels)
})

describe('ms-swift: heads that make no logits of the vocabulary', () => {
  test.each([
    ['embedding', 'positive and negative texts'],
    ['generative_reranker', 'for each negative'],
  ])('%s', async (task, words) => {
    const { plan, findings } = await readText(`${BASE}max_length: 1024\ntask_type: ${task}\n`)
    expect(plan).toMatchObject({ loss: 'cut_cross_entropy', classificationLabels: null })
    expect(findings.map(({ message }) => message).join()).toContain(words)
  })

  test('a causal language model makes them', async () => {
    const { plan, codes } = await readText(`${BASE}max_length: 1024\ntask_type: causal_lm\n`)
    expect([plan.loss, codes]).toEqual(['full_logits', []])
  })
})

test.each([
  ['rlhf_type: grpo\nmax_new_tokens: 100\nmax_completion_length: 2048', 1, 100],
  ['rlhf_type: grpo\nresponse_length: 50\nmax_new_tokens: 100\nnum_iterations: 2', 2, 50],
  ['rlhf_type: ppo\nreward_model: org/rm', 4, 512],
  ['rlhf_type: ppo\nreward_model: org/rm\nnum_ppo_epochs: 2', 2, 512],
])('ms-swift: updates per completion and its length: %j', async (lines, iterations, completionLength) => {
  const { plan } = await readText(`${BASE}max_length: 1024\n${lines}\n`)
  expect(plan.reinforcement).toMatchObject({ iterations, completionLength })
})

describe('megatron-swift', () => {
  const MEGATRON =
    "model: org/model\ntuner_type: full\ndataset: ['org/data#500']\nmicro_batch_size: 1\nglobal_batch_size: 16\noutput_dir: out\nmax_length: 2048\n"
  test('targets under the names of fused layers are those of the model', async () => {
    const { plan } = await readText(`${MEGATRON.replace('full', 'lora')}target_modules: [linear_qkv]\n`)
    expect(plan.adapter?.targetModules).toMatchObject({ regex: expect.stringContaining('q_proj') })
    const all = await readText(`${MEGATRON.replace('full', 'lora')}target_modules: [all-linear]\n`)
    expect(all.plan.adapter?.targetModules).toBe('all-linear')
  })

  const states = { optimizerStates: 'float32', gradients: 'float32', masterWeightBytes: 4 }
  test.each([
    ['', { precision: states, parallelism: { data: 'distributed_optimizer' }, optimizer: 'adamw' }],
    ['use_precision_aware_optimizer: true', { precision: { ...states, masterWeightBytes: 2 } }],
    [
      'use_precision_aware_optimizer: true\nexp_avg_dtype: bf16\nexp_avg_sq_dtype: bf16\nmain_grads_dtype: bf16',
      { precision: { optimizerStates: 'bfloat16', gradients: 'bfloat16', masterWeightBytes: 2 } },
    ],
    ['exp_avg_dtype: bf16\nexp_avg_sq_dtype: bf16', { precision: states }],
    [
      'use_precision_aware_optimizer: true\nuse_distributed_optimizer: false',
      { precision: states, parallelism: { data: 'ddp' } },
    ],
    ['sequence_parallel: true', { parallelism: { sequenceParallel: false } }],
    ['sequence_parallel: true\ntensor_model_parallel_size: 2', { parallelism: { sequenceParallel: true } }],
    ['optimizer: dist_muon', { optimizer: 'muon', parallelism: { data: 'ddp' } }],
    ['use_megatron_fsdp: true', { parallelism: { data: 'fsdp2' } }],
    ['use_megatron_fsdp: true\ndata_parallel_sharding_strategy: optim_grads', { parallelism: { data: 'zero2' } }],
    ['fp16: true', { precision: { weights: 'float16', compute: 'float16' } }],
    ['fp8_format: hybrid\nfp8_recipe: mxfp8', { precision: { weights: 'bfloat16', compute: 'mxfp8' } }],
    ['fp8_format: e4m3', { precision: { compute: 'float8' } }],
    [
      'pipeline_model_parallel_size: 2\nvirtual_pipeline_model_parallel_size: 4',
      { parallelism: { pipeline: 2, pipelineInterleave: 4 } },
    ],
    ['train_iters: 100', { dataset: { epochs: null, maxSteps: 100, dropLast: true } }],
    ['num_train_epochs: 2', { dataset: { epochs: 2 } }],
    ['', { checkpoints: { everySteps: 500, timesTotal: null, includesOptimizer: true }, evaluation: null }],
    ['save_steps: 100\nno_save_optim: true', { checkpoints: { everySteps: 100, includesOptimizer: false } }],
    ['save_strategy: epoch\nnum_train_epochs: 3', { checkpoints: { everySteps: null, timesTotal: 3 } }],
    ['split_dataset_ratio: 0.1\neval_steps: 20', { evaluation: { everySteps: 20, share: 0.1 } }],
  ])('%j', async (lines, expected) => {
    expect((await readText(`${MEGATRON}${lines}\n`, { gpus: 8 })).plan).toMatchObject(expected)
  })
})

test.each([
  ['', 'vllm_colocate', 0.9],
  ['rollout: { gpus: 4, vllm_gpu_memory_utilization: 0.8 }\n', 'vllm_server', 0],
  [
    'rollout: { gpus: 4, vllm_gpu_memory_utilization: 0.4 }\ncolocate_groups: [[train, rollout]]\n',
    'vllm_colocate',
    0.4,
  ],
])('ms-swift under Ray: %j generates with %s', async (lines, generation, colocatedMemoryShare) => {
  const { plan } = await readText(`${BASE}rlhf_type: grpo\nmax_length: 1024\nuse_vllm: true\n${lines}`)
  expect(plan.reinforcement).toMatchObject({ generation, colocatedMemoryShare })
})

import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const ADAPTER =
  '{"peft_type": "LORA", "r": 128, "target_modules": ["q_proj", "v_proj"], "rank_pattern": {"q_proj": 64}}'

describe('PEFT adapters as a base', () => {
  test('Axolotl lora_model_dir: its adapter_config.json governs', async () => {
    const text = `base_model: org/model
datasets: [{ path: org/data, type: alpaca }]
micro_batch_size: 1
gradient_accumulation_steps: 1
adapter: lora
lora_model_dir: runs/one
`
    const { plan, codes, provenance } = await readText(text, { files: { 'runs/one/adapter_config.json': ADAPTER } })
    expect(codes).toEqual([])
    expect(plan.adapter).toMatchObject({ rank: 128, targetModules: ['q_proj', 'v_proj'], rankPattern: { q_proj: 64 } })
    expect(provenance['adapter.rank']).toMatchObject({ from: 'launch', path: 'runs/one/adapter_config.json' })
  })

  test('LLaMA-Factory adapter_name_or_path', async () => {
    const text = `model_name_or_path: org/model
stage: sft
do_train: true
dataset: identity
template: llama3
adapter_name_or_path: runs/one
`
    const { plan } = await readText(text, { files: { 'runs/one/adapter_config.json': ADAPTER } })
    expect(plan.adapter).toMatchObject({ type: 'lora', rank: 128 })
  })
})

const SWIFT = 'model: org/model\ntuner_type: full\ndataset: [org/data]\noutput_dir: out\n'

describe('ms-swift commands', () => {
  test.each([
    ['scripts/swift sft run.yaml', 'sft', 'none'],
    ['scripts/swift pt run.yaml', 'pretrain', 'none'],
    ['scripts/swift rlhf run.yaml', 'dpo', 'none'],
    ['scripts/megatron sft run.yaml', 'sft', 'distributed_optimizer'],
  ])('%s', async (path, stage, data) => {
    const { plan } = await readText(SWIFT, { path })
    expect(plan.stage).toBe(stage)
    expect(plan.parallelism.data).toBe(data)
  })

  test('Megatron keeps float32 main parameters and divides the global batch', async () => {
    const { plan } = await readText(`${SWIFT}micro_batch_size: 2\nglobal_batch_size: 16\n`)
    expect(plan.precision).toMatchObject({ weights: 'bfloat16', gradients: 'float32', masterWeights: true })
    expect(plan).toMatchObject({ microBatchSize: 2, gradientAccumulationSteps: 8, loss: 'vocab_parallel' })
  })

  test('packaged engines and counts in data set names', async () => {
    const { plan } = await readText(
      'model: org/model\ntuner_type: lora\ndataset: ["a/b#500", "c/d#250"]\ndeepspeed: zero3_offload\noutput_dir: out\n',
    )
    expect(plan.parallelism).toMatchObject({ data: 'zero3', offload: 'parameters_and_optimizer' })
    expect(plan.dataset).toMatchObject({ samples: 750, names: ['a/b', 'c/d'] })
  })
})

describe('parallel sizes without a number of GPUs', () => {
  test('the fewest GPUs that they allow are assumed; dp_shard_size makes the count complete', async () => {
    const base = `base_model: org/model
datasets: [{ path: org/data, type: alpaca }]
micro_batch_size: 1
gradient_accumulation_steps: 1
context_parallel_size: 2
tensor_parallel_size: 2
`
    const assumed = await readText(base)
    expect([assumed.plan.gpus, assumed.provenance.gpus?.from]).toEqual([4, 'assumed'])
    const complete = await readText(`${base}dp_shard_size: 4\n`)
    expect([complete.plan.gpus, complete.provenance.gpus?.from]).toEqual([16, 'file'])
    expect(complete.codes).toEqual([])
  })
})

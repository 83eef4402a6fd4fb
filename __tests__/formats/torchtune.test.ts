import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const BASE = `tokenizer: {_component_: torchtune.models.llama3.llama3_tokenizer, max_seq_len: 512}
dataset: {_component_: torchtune.datasets.alpaca_dataset}
epochs: 3
optimizer: {_component_: torch.optim.AdamW}
dtype: bf16
`
const MODEL = 'model: {_component_: torchtune.models.llama3_2.llama3_2_1b}\n'

describe('torchtune', () => {
  test('checkpoints once an epoch, or every so many steps; validation only when asked', async () => {
    const loss = 'loss: {_component_: torchtune.modules.loss.LinearCrossEntropyLoss}\nbatch_size: 2\n'
    const plain = (await readText(`${BASE}${MODEL}${loss}`)).plan
    expect(plain.checkpoints).toEqual({ everySteps: null, timesTotal: 3, includesOptimizer: true })
    expect(plain.evaluation).toBeNull()
    const stated = (await readText(`${BASE}${MODEL}${loss}save_every_n_steps: 50\nrun_val_every_n_steps: 10\n`)).plan
    expect(stated.checkpoints?.everySteps).toBe(50)
    expect(stated.evaluation).toMatchObject({ everySteps: 10, microBatchSize: 2 })
  })

  test('embedding and head are units of their own when named; model and loss compile apart', async () => {
    const run = `${BASE}${MODEL}loss: {_component_: torchtune.modules.loss.LinearCrossEntropyLoss}\nbatch_size: 2\n`
    const plain = (await readText(run)).plan
    expect([plain.parallelism.wrap, plain.compileLoss]).toEqual(['layers', null])
    const named = `${run}custom_sharded_layers: [tok_embeddings, output]\ncompile: {loss: False}\n`
    const { plan } = await readText(named)
    expect([plan.parallelism.wrap, plan.compile, plan.compileLoss]).toEqual(['outer', true, false])
  })

  test('PPO holds four models on one device and accumulates parts of ppo_batch_size', async () => {
    const { plan } = await readText(`${BASE}policy_model: {_component_: torchtune.models.mistral.mistral_7b}
loss: {_component_: torchtune.rlhf.loss.PPOLoss}
batch_size: 64
num_steps: 640
ppo_epochs: 2
ppo_batch_size: 32
gradient_accumulation_steps: 4
max_generated_tokens: 58
`)
    expect(plan).toMatchObject({ stage: 'ppo', gpus: 1, microBatchSize: 8, sequenceLength: 570 })
    expect(plan.dataset.maxSteps).toBe(10 * 2 * 2)
    expect(plan.reinforcement).toMatchObject({ referenceModel: 'separate', rewardModel: true, valueModel: true })
  })

  test('GRPO: every prompt gives grpo_samples sequences', async () => {
    const { plan } = await readText(`${BASE}${MODEL}loss: {_component_: torchtune.dev.grpo.loss.GRPOSimpleLoss}
batch_size: 1
forward_batch_size: 2
grpo_samples: 16
max_generated_tokens: 256
num_steps: 200
`)
    expect(plan).toMatchObject({ stage: 'grpo', microBatchSize: 32, sequenceLength: 768, dataset: { maxSteps: 200 } })
    expect(plan.reinforcement).toMatchObject({ referenceModel: 'separate', generations: 16 })
  })
})

test('asynchronous GRPO: the training workers are the GPUs, their batch counts sequences', async () => {
  const { plan } = await readText(`${MODEL}tokenizer: {max_seq_len: 512}
dataset: {_component_: torchtune.dev.grpo.gsm8k.gsm8k_dataset}
orchestration: {num_inference_workers: 4, num_training_workers: 2, num_steps: 250}
inference: {max_generated_tokens: 256, group_size: 16}
training:
  batch_size: 8
  optimizer: {_component_: torch.optim.AdamW, fused: True}
  loss: {_component_: torchtune.dev.rl.linear_grpo_loss.LinearGRPOLoss}
dtype: bf16
`)
  expect(plan).toMatchObject({ stage: 'grpo', gpus: 2, microBatchSize: 8, sequenceLength: 768 })
  expect(plan.dataset.maxSteps).toBe(250)
  expect(plan.reinforcement?.generations).toBe(16)
})

test('a single-device recipe stays on one GPU whatever a policy says', async () => {
  const text =
    'model: {_component_: torchtune.models.llama3_1.llama3_1_8b}\ndataset: {_component_: torchtune.datasets.alpaca_dataset}\noptimizer: {_component_: torch.optim.AdamW}\nbatch_size: 2\n'
  const read = (path: string) => readText(text, { path })
  expect((await read('configs/8B_lora_single_device.yaml')).provenance.gpus?.from).toBe('launch')
  expect((await read('configs/8B_lora.yaml')).provenance.gpus?.from).toBe('assumed')
})

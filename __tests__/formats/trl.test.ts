import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

const BASE = `model_name_or_path: org/model
output_dir: out
learning_rate: 1e-6
per_device_train_batch_size: 8
`

describe('TRL and its recipes', () => {
  test('PEFT’s own script says use_peft_lora and max_seq_len', async () => {
    const { plan } = await readText(`${BASE}dataset_name: org/data\nuse_peft_lora: true\nlora_r: 8\nmax_seq_len: 512\n`)
    expect(plan).toMatchObject({ adapter: { type: 'lora', rank: 8 }, sequenceLength: 512 })
  })

  test.each([
    ['trl', `${BASE}dataset_name: org/data\n`],
    ['alignment-handbook', `${BASE}dataset_mixture: { datasets: [{ id: org/a, split: train }] }\n`],
    ['open-r1', `${BASE}dataset_name: org/data\nreward_funcs: [accuracy]\nsystem_prompt: think\n`],
    ['transformers', BASE],
    [null, 'model_name_or_path: org/model\n'],
    ['open-instruct', `${BASE}dataset_mixer_list: [org/data, 1.0]\n`],
  ])('recognised as %s', async (format, text) => {
    expect((await readText(text)).format).toBe(format)
  })

  test.each([
    ['recipes/m/sft/config.yaml', '', 'sft'],
    ['recipes/m/orpo/config.yaml', '', 'orpo'],
    ['recipes/m/dpo/config.yaml', '', 'dpo'],
    ['configs/run.yaml', 'desirable_weight: 1.0\n', 'kto'],
    ['configs/run.yaml', 'num_generations: 4\n', 'grpo'],
    ['configs/run.yaml', 'loss_type: sigmoid\n', 'dpo'],
    ['reward.yaml', '', 'reward'],
  ])('%s %s is %s', async (path, keys, stage) => {
    expect((await readText(`${BASE}dataset_name: org/data\n${keys}`, { path })).plan.stage).toBe(stage)
  })

  test('the SFT loss is chunked since 1.6; Liger fuses it', async () => {
    const sft = `${BASE}dataset_name: org/data\n`
    expect((await readText(sft)).plan.loss).toBe('chunked')
    expect((await readText(sft, { libraries: { trl: '1.5.0' } })).plan.loss).toBe('full_logits')
    expect((await readText(`${sft}use_liger_kernel: true\n`)).plan).toMatchObject({
      loss: 'fused_linear',
      fusedKernels: 'liger',
    })
  })

  test('adapters of a quantized base: prepared in float32 before 0.26, cast to bfloat16 since', async () => {
    const qlora = `${BASE}dataset_name: org/data\nuse_peft: true\nload_in_4bit: true\ntorch_dtype: bfloat16\n`
    const recent = (await readText(qlora)).plan
    expect([recent.precision.weights, recent.adapter?.dtype]).toEqual(['bfloat16', 'bfloat16'])
    const old = (await readText(qlora, { libraries: { trl: '0.25.0' } })).plan
    expect([old.precision.weights, old.adapter?.dtype]).toEqual(['float32', 'float32'])
  })

  test('GRPO: incomplete batches are left out, generation apart from the update is said to be', async () => {
    const grpo = `${BASE}dataset_name: org/data\nnum_generations: 16\ngradient_accumulation_steps: 4\n`
    const { plan, codes } = await readText(`${grpo}steps_per_generation: 4\n`)
    expect(plan.dataset.dropLast).toBe(true)
    expect(codes).not.toContain('unsupported-option')
    const keys = ['steps_per_generation: 8', 'generation_batch_size: 256', 'cast_lm_head_to_fp32: true']
    for (const key of keys) expect((await readText(`${grpo}${key}\n`)).codes).toContain('unsupported-option')
  })

  test('GRPO: lengths, vLLM in the same GPU, reference model by beta', async () => {
    const grpo = `${BASE}dataset_name: org/data\nnum_generations: 16\nmax_prompt_length: 512\nmax_completion_length: 1024\nuse_vllm: true\n`
    expect((await readText(grpo)).plan).toMatchObject({
      sequenceLength: 1536,
      reinforcement: {
        referenceModel: 'none',
        generations: 16,
        generation: 'vllm_colocate',
        colocatedMemoryShare: 0.3,
      },
    })
    const old = await readText(grpo, { libraries: { trl: '0.18.0' } })
    expect(old.plan.reinforcement).toMatchObject({
      referenceModel: 'separate',
      generation: 'vllm_server',
      colocatedMemoryShare: 0,
    })
  })

  test('RLOO keeps a reference model and generates two answers', async () => {
    const { plan } = await readText(`${BASE}dataset_name: org/data\nmax_completion_length: 256\n`, {
      path: 'rloo.yaml',
    })
    expect(plan.reinforcement).toMatchObject({ referenceModel: 'separate', generations: 2 })
  })

  test('max_length null leaves the longest sample to the data', async () => {
    const { plan, provenance } = await readText(`${BASE}dataset_name: org/data\nmax_length: null\n`)
    expect(plan.sequenceLength).toBe(2048)
    expect(provenance.sequenceLength?.from).toBe('assumed')
  })

  test('evaluation every logging_steps; checkpoints every 500 steps', async () => {
    const { plan } = await readText(`${BASE}dataset_name: org/data\neval_strategy: steps\n`)
    expect(plan.evaluation).toMatchObject({ everySteps: 10, microBatchSize: 8 })
    expect(plan.checkpoints).toEqual({ everySteps: 500, timesTotal: null, includesOptimizer: true })
    expect((await readText(`${BASE}dataset_name: org/data\neval_strategy: no\n`)).plan.evaluation).toBeNull()
  })

  test.each([
    ['', true],
    ['bnb_4bit_quant_storage: uint8\n', true],
    ['bnb_4bit_quant_storage: bfloat16\n', false],
  ])('4-bit weights packed into bytes with %j: %s', async (line, packs) => {
    const { plan } = await readText(`${BASE}dataset_name: org/data\nuse_peft: true\nload_in_4bit: true\n${line}`)
    expect(plan.quantizationDetails.packsInBytes).toBe(packs)
  })

  test('ORPO prepares quantized bases in every version', async () => {
    const { plan } = await readText(`${BASE}dataset_name: org/data\nuse_peft: true\nload_in_4bit: true\n`, {
      path: 'recipes/orpo/config.yaml',
    })
    expect(plan).toMatchObject({ stage: 'orpo', precision: { weights: 'float32' } })
  })

  test('reward models of old versions are cut at 512 tokens', async () => {
    const reward = { path: 'recipes/reward/config.yaml' }
    const text = `${BASE}dataset_name: org/data\n`
    expect((await readText(text, reward)).plan).toMatchObject({ stage: 'reward', sequenceLength: 1024 })
    expect((await readText(text, { ...reward, libraries: { trl: '0.13.0' } })).plan.sequenceLength).toBe(512)
  })

  test('sync_each_batch keeps no unsharded gradients', async () => {
    const fsdp = `${BASE}dataset_name: org/data\nfsdp: full_shard\nbf16: true\n`
    const kwargs = (on: boolean) => `accelerator_config: { gradient_accumulation_kwargs: { sync_each_batch: ${on} } }\n`
    expect((await readText(fsdp)).plan.parallelism.noSync).toBe(true)
    expect((await readText(`${fsdp}${kwargs(false)}`)).plan.parallelism.noSync).toBe(true)
    expect((await readText(`${fsdp}${kwargs(true)}`)).plan.parallelism.noSync).toBe(false)
  })

  test('PEFT under ZeRO-3 checkpoints re-entrantly', async () => {
    const lora = `${BASE}dataset_name: org/data\nuse_peft: true\n`
    expect((await readText(lora)).plan.checkpointingReentrant).toBe(false)
    expect((await readText(`${lora}accelerate_config: zero3\n`)).plan.checkpointingReentrant).toBe(true)
    expect((await readText(`${lora}accelerate_config: zero2\n`)).plan.checkpointingReentrant).toBe(false)
  })
})

describe('Accelerate files by convention', () => {
  const CONFIG = 'model_name_or_path: org/model\ndataset_name: org/data\noutput_dir: out\nlearning_rate: 1e-5\n'
  const ACCELERATE = 'distributed_type: DEEPSPEED\nnum_processes: 4\ndeepspeed_config: { zero_stage: 3 }\n'

  test('the only file of accelerate_configs above counts, and is said', async () => {
    const { plan, provenance } = await readText(CONFIG, {
      path: 'recipes/model/sft/config.yaml',
      files: { 'recipes/accelerate_configs/zero3.yaml': ACCELERATE },
    })
    expect(plan).toMatchObject({ gpus: 4, parallelism: { data: 'zero3' } })
    expect(provenance.gpus?.note).toContain('by convention')
  })

  test('of several none is taken', async () => {
    const { plan } = await readText(CONFIG, {
      path: 'recipes/model/sft/config.yaml',
      files: { 'recipes/accelerate_configs/zero3.yaml': ACCELERATE, 'recipes/accelerate_configs/ddp.yaml': ACCELERATE },
    })
    expect(plan.gpus).toBe(1)
  })
})

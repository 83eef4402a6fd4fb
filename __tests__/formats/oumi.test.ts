// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OmegaConf's interpolations
import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { ReadSession } from '../../src/formats/read-session.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { readText } from './read-text.ts'

const MODEL = 'model:\n  model_name: org/model\n'
const DATA = 'data:\n  train:\n    datasets:\n      - dataset_name: org/chat\n'

/** A supervised run, its sections filled with the lines given. */
function sft({ model = '', training = '', rest = '' }): string {
  return `${MODEL}${model}${DATA}training:\n  trainer_type: TRL_SFT\n  output_dir: out\n${training}${rest}`
}

const SHARDED = sft({
  model: '  model_max_length: 4096\n  torch_dtype_str: bfloat16\n  enable_liger_kernel: true\n',
  training:
    '  per_device_train_batch_size: 2\n  gradient_accumulation_steps: 4\n  max_steps: 100\n  enable_gradient_checkpointing: true\n  optimizer: adamw_torch_fused\n  save_steps: 0\n',
  rest: 'fsdp:\n  enable_fsdp: true\n  sharding_strategy: HYBRID_SHARD\n  auto_wrap_policy: TRANSFORMER_BASED_WRAP\n',
})

describe('oumi', () => {
  test('the whole plan of a sharded run', async () => {
    const { format, plan, provenance, codes } = await readText(SHARDED, { gpus: 16 })
    expect([format, codes]).toEqual(['oumi', []])
    expect(plan).toMatchObject({
      framework: 'oumi',
      stage: 'sft',
      adapter: null,
      quantization: 'none',
      precision: {
        weights: 'bfloat16',
        compute: 'bfloat16',
        autocast: false,
        gradients: 'bfloat16',
        optimizerStates: 'bfloat16',
        masterWeights: false,
      },
      optimizer: 'adamw',
      optimizerImplementation: 'fused',
      microBatchSize: 2,
      gradientAccumulationSteps: 4,
      sequenceLength: 4096,
      packing: false,
      variableLength: true,
      gradientCheckpointing: 'full',
      checkpointingReentrant: false,
      attention: 'sdpa',
      loss: 'fused_linear',
      fusedKernels: 'liger',
      parallelism: { data: 'fsdp1', shardSize: 8, reshardAfterForward: true, wrap: 'layers', offload: 'none' },
      evaluation: null,
      checkpoints: null,
      dataset: { maxSteps: 100, padding: 'longest', names: ['org/chat'] },
    })
    expect(provenance.microBatchSize).toMatchObject({ from: 'file', line: 13 })
    expect(provenance.sequenceLength).toMatchObject({ from: 'file', line: 3 })
  })

  test('defaults: batch 8, three epochs, foreach AdamW, weights of the checkpoint, no bf16 of TRL, the loss of TRL 1.4', async () => {
    const { plan } = await readText(sft({}))
    expect(plan).toMatchObject({
      microBatchSize: 8,
      gradientAccumulationSteps: 1,
      dataset: { epochs: 3 },
      optimizer: 'adamw',
      optimizerImplementation: 'foreach',
      precision: { weights: 'bfloat16', autocast: false },
      gradientCheckpointing: 'none',
      loss: 'full_logits',
      checkpoints: { everySteps: 500, includesOptimizer: true },
    })
    const newer = await readText(sft({}), { libraries: { trl: '1.13.0' } })
    expect(newer.plan.loss).toBe('chunked')
  })

  test.each([
    ['HF', 'sft', null],
    ['trl_dpo', 'dpo', 'separate'],
    ['TRL_KTO', 'kto', 'separate'],
    ['TRL_GRPO', 'grpo', 'none'],
    ['OUMI', 'sft', null],
  ])('trainer_type %s', async (trainer, stage, reference) => {
    const { plan } = await readText(sft({}).replace('TRL_SFT', trainer))
    expect([plan.stage, plan.reinforcement?.referenceModel ?? null]).toEqual([stage, reference])
  })

  test('an unknown trainer is said, and no figures are made of it', async () => {
    const { codes, plan } = await readText(sft({}).replace('TRL_SFT', 'TRL_PPO'))
    expect(codes).toContain('invalid-value')
    expect(plan.framework).not.toBe('oumi')
  })

  test('a key that is nearly one of its section', async () => {
    const { findings } = await readText(sft({ training: '  per_device_train_batchsize: 2\n  warmup_steps: 5\n' }))
    expect(findings).toEqual([
      expect.objectContaining({ code: 'unknown-key', line: 10, hint: 'Did you mean `per_device_train_batch_size`?' }),
    ])
  })

  test('distillation is declined where its trainer stands', async () => {
    const { findings } = await readText(sft({}).replace('TRL_SFT', 'TRL_GKD'))
    expect(findings).toContainEqual(expect.objectContaining({ code: 'unsupported-format', line: 8 }))
  })

  test('only trainers of samples and pairs take the model’s length', async () => {
    const long = sft({ model: '  model_max_length: 4096\n' })
    const lengths = await Promise.all(
      ['TRL_SFT', 'TRL_DPO', 'TRL_KTO', 'HF'].map(async name => (await readText(long.replace('TRL_SFT', name))).plan),
    )
    expect(lengths.map(plan => plan.sequenceLength)).toEqual([4096, 4096, 1024, 4096])
  })

  const lora = (peft: string, rest = '') =>
    sft({
      model: '  torch_dtype_str: bfloat16\n',
      training: '  use_peft: true\n',
      rest: `peft:\n  lora_alpha: 8\n${peft}${rest}`,
    })

  test('LoRA of rank 8 over PEFT’s own modules, in float32', async () => {
    const { plan } = await readText(lora(''))
    expect(plan.adapter).toMatchObject({
      type: 'lora',
      rank: 8,
      dropout: 0,
      targetModules: 'default',
      dtype: 'float32',
    })
    const all = await readText(lora('  lora_r: 64\n  lora_target_modules: [all-linear]\n  lora_bias: all\n'))
    expect(all.plan.adapter).toMatchObject({ rank: 64, targetModules: 'all-linear', bias: 'all' })
  })

  test('a peft section without use_peft trains everything, and says so', async () => {
    const { plan, findings } = await readText(sft({ rest: 'peft:\n  lora_r: 16\n  q_lora: true\n' }))
    expect([plan.adapter, plan.quantization]).toEqual([null, 'none'])
    expect(findings).toContainEqual(expect.objectContaining({ code: 'ignored-key', line: 10 }))
    expect((await readText(sft({ training: '  use_peft: false\n', rest: 'peft:\n  lora_r: 16\n' }))).codes).toEqual([])
  })

  test.each([
    ['', 'fp4'],
    ['  bnb_4bit_quant_type: nf4\n', 'nf4'],
    ['  bnb_4bit_quant_type: nf4\n  use_bnb_nested_quant: true\n', 'nf4-double'],
    ['  q_lora_bits: 8\n', 'int8'],
  ])('QLoRA%s', async (lines, quantization) => {
    const { plan } = await readText(lora(`  q_lora: true\n${lines}`))
    expect(plan.quantization).toBe(quantization)
    expect(plan.precision).toMatchObject({ weights: 'float32', compute: 'float32' })
    expect(plan.adapter?.dtype).toBe('bfloat16')
  })

  test('QLoRA under FSDP is cast to the model’s dtype as a whole', async () => {
    const fsdp = 'fsdp:\n  enable_fsdp: true\n'
    const storage = '  q_lora: true\n  bnb_4bit_quant_storage: bfloat16\n'
    const { plan, codes } = await readText(lora(storage, fsdp), { gpus: 4 })
    expect([plan.precision.weights, plan.adapter?.dtype, codes]).toEqual(['bfloat16', 'bfloat16', []])
    expect((await readText(lora('  q_lora: true\n', fsdp), { gpus: 4 })).codes).toContain('will-not-start')
  })

  test('FSDP wraps nothing unless asked, and mixed precision lifts what trains to float32', async () => {
    const plain = sft({ rest: 'fsdp:\n  enable_fsdp: true\n' })
    expect((await readText(plain, { gpus: 8 })).plan.parallelism).toMatchObject({ data: 'fsdp1', wrap: 'root' })
    const mixed = await readText(`${plain}  mixed_precision: bf16\n  cpu_offload: true\n`, { gpus: 8 })
    expect(mixed.plan.precision).toMatchObject({ weights: 'float32', compute: 'bfloat16' })
    expect(mixed.plan.parallelism.offload).toBe('parameters_and_optimizer')
  })

  test('Oumi’s own loop: fused AdamW, weights as loaded under FSDP, gradients reduced in every micro-step', async () => {
    const text = sft({ rest: 'fsdp:\n  enable_fsdp: true\n  mixed_precision: bf16\n' }).replace('TRL_SFT', 'OUMI')
    const { plan } = await readText(text, { gpus: 8 })
    expect(plan).toMatchObject({
      optimizerImplementation: 'fused',
      precision: { weights: 'bfloat16', compute: 'bfloat16' },
      parallelism: { data: 'fsdp1', noSync: false },
    })
  })

  test('DeepSpeed by its own section or a file', async () => {
    const section =
      'deepspeed:\n  enable_deepspeed: true\n  zero_stage: ZERO_3\n  offload_optimizer: {}\n  reduce_bucket_size: 1000\n'
    const { plan } = await readText(sft({ rest: section }), { gpus: 8 })
    expect(plan.parallelism).toMatchObject({ data: 'zero3', offload: 'optimizer' })
    expect(plan.buffers).toMatchObject({ reduceBucketElements: 1000, overlapComm: false })
    const file = sft({ rest: 'deepspeed:\n  enable_deepspeed: true\n  deepspeed_config_path: ds.json\n' })
    const read = await readText(file, { gpus: 8, files: { 'ds.json': '{"zero_optimization": {"stage": 2}}' } })
    expect(read.plan.parallelism.data).toBe('zero2')
  })

  test('pre-training packs rows of the model’s length', async () => {
    const text = sft({ model: '  model_max_length: 2048\n  load_pretrained_weights: false\n' })
    const { plan } = await readText(text.replace('    datasets:', '    pack: true\n    datasets:'))
    expect(plan).toMatchObject({ stage: 'pretrain', packing: true, sequenceLength: 2048, variableLength: false })
  })

  test('samples are counted where every data set says how many', async () => {
    const item = '      - dataset_name: org/chat\n'
    const counted = sft({}).replace(item, `${item}        sample_count: 300\n${item}        sample_count: 200\n`)
    expect((await readText(counted)).plan.dataset.samples).toBe(500)
    expect((await readText(counted.replace('        sample_count: 300\n', ''))).plan.dataset.samples).toBeNull()
  })

  test('interpolations, evaluation, checkpoints by epoch, deterministic runs, frozen towers', async () => {
    const text = sft({
      model: '  model_max_length: 512\n  freeze_layers: [model.visual]\n',
      training:
        '  trainer_kwargs:\n    max_seq_length: ${model.model_max_length}\n    packing: true\n  eval_strategy: steps\n  logging_steps: 5\n  save_steps: 0\n  save_epoch: true\n  use_deterministic: true\n  enable_gradient_checkpointing: true\n',
    })
    const { plan } = await readText(text, { facts: { hasVision: true } })
    expect(plan).toMatchObject({
      sequenceLength: 512,
      packing: true,
      gradientCheckpointing: 'none',
      freeze: { kind: 'patterns', patterns: ['vision_tower'] },
      evaluation: { everySteps: 500, microBatchSize: 8 },
      checkpoints: { everySteps: null, timesTotal: 3 },
    })
  })

  test('GRPO by TRL: Oumi’s share of the GPU for vLLM', async () => {
    const grpo = '  grpo:\n    use_vllm: true\n    num_generations: 4\n    max_completion_length: 300\n'
    const { plan } = await readText(sft({ training: grpo }).replace('TRL_SFT', 'TRL_GRPO'))
    expect(plan.reinforcement).toMatchObject({
      generations: 4,
      completionLength: 300,
      generation: 'vllm_colocate',
      colocatedMemoryShare: 0.9,
    })
  })

  test('GRPO by verl: its config, what Oumi sets, and the overrides on top', async () => {
    const training = `  max_steps: 20
  enable_gradient_checkpointing: true
  grpo:
    use_vllm: true
    vllm_gpu_memory_utilization: 0.4
    max_completion_length: 700
  verl_config_overrides:
    data: { max_prompt_length: 300, max_response_length: 500 }
    actor_rollout_ref:
      actor: { ppo_mini_batch_size: 64, ppo_micro_batch_size_per_gpu: 4, use_kl_loss: true }
      rollout: { n: 5 }
    trainer: { n_gpus_per_node: 4 }
`
    const validated = sft({ training }).replace(
      '  train:',
      '  validation: { datasets: [{ dataset_name: v }] }\n  train:',
    )
    const { plan, codes, format } = await readText(validated.replace('TRL_SFT', 'VERL_GRPO'))
    expect([format, codes]).toEqual(['oumi', []])
    expect(plan).toMatchObject({
      framework: 'verl',
      stage: 'grpo',
      sequenceLength: 800,
      microBatchSize: 4,
      gpus: 4,
      gradientCheckpointing: 'full',
      // verl's 20 steps take a batch of 1,024 prompts each, in 16 updates
      dataset: { maxSteps: 320, names: ['org/chat'] },
      reinforcement: { generations: 5, generation: 'vllm_colocate', colocatedMemoryShare: 0.4 },
    })
  })

  test.each([
    ['evaluation', `${MODEL}tasks:\n  - evaluation_backend: lm_harness\n    task_name: mmlu\noutput_dir: out\n`],
    ['inference', `${MODEL}generation:\n  max_new_tokens: 64\nengine: VLLM\n`],
    ['tuning', `${MODEL}${DATA}tuning:\n  n_trials: 3\n  tunable_training_params:\n    learning_rate: {}\n`],
    ['a job that evaluates', 'resources: { accelerators: "A100:1" }\nrun: oumi evaluate -c evaluation.yaml\n'],
    ['quantisation', `${MODEL}method: awq_q4_0\noutput_path: out\n`],
  ])('%s is no training', async (_name, text) => {
    expect((await readText(text)).format).toBeNull()
  })

  test.each([
    ['oumi distributed torchrun -m oumi train -c train.yaml --training.max_steps 7', 8],
    ['oumi distributed accelerate launch -m oumi train -c oumi://train.yaml --training.max_steps 7', 8],
    ['torchrun --nproc-per-node 2 -m oumi train --config train.yaml --training.max_steps=7', 2],
  ])('a job: %s', async (command, gpus) => {
    const job = `resources: { accelerators: "A100:8" }\nrun: |\n  ${command}\n`
    const files = new Map(Object.entries({ 'job.yaml': job, 'train.yaml': SHARDED }))
    const session = new ReadSession(memoryFileSource(files), FORMAT_READERS)
    const document = await session.document('job.yaml')
    const reader = document ? session.readerOf(document) : null
    const read = document && reader ? await session.read(document, reader) : null
    const run = read?.result.runs[0]
    expect(run?.draft['dataset.maxSteps']).toMatchObject({ value: 7 })
    expect(run?.draft.gpus).toMatchObject({ value: gpus })
    expect(run?.draft.microBatchSize).toMatchObject({ value: 2, path: 'train.yaml' })
  })
})

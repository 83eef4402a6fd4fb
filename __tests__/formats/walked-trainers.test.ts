import { describe, expect, test } from '@jest/globals'
import { countOf } from './described-count.ts'
import { readText } from './read-text.ts'

/** What a walk of one real config per framework against its source brought to light. */

const LITGPT = 'checkpoint_dir: c/Llama-3.2-1B\ntrain: {micro_batch_size: 2, global_batch_size: 8}\n'
const LITGPT_PRETRAIN = 'model_name: Llama-3.2-1B\ntrain: {micro_batch_size: 2, global_batch_size: 64}\ndevices: 16\n'

describe('LitGPT', () => {
  test('evaluation and checkpoints by steps; LoRA saves no optimizer', async () => {
    const full = await readText(`${LITGPT}eval: {interval: 25, max_iters: 10}\ndevices: 4\n`)
    expect(full.plan.evaluation).toMatchObject({ everySteps: 25, microBatchSize: 2, samples: 80 })
    expect(full.plan.checkpoints).toEqual({ everySteps: 1000, timesTotal: null, includesOptimizer: true })
    const lora = await readText(`${LITGPT}lora_r: 8\n`)
    expect(lora.plan.evaluation?.everySteps).toBe(100)
    // one prompt is answered each time, and the run ends with a validation
    expect(lora.plan.evaluation).toMatchObject({ newTokens: 100, answers: 1, atEnd: true })
    const short = await readText(`${LITGPT}eval: {max_new_tokens: 20, final_validation: false}\n`)
    expect(short.plan.evaluation).toMatchObject({ everySteps: 600, newTokens: 20, atEnd: false })
    expect(lora.plan.checkpoints?.includesOptimizer).toBe(false)
  })

  test('pretraining shards within a node and steps in one fused kernel at the model’s context', async () => {
    const { plan } = await readText(LITGPT_PRETRAIN)
    expect(plan).toMatchObject({ sequenceLength: 8192, optimizerImplementation: 'fused', compile: true })
    expect(plan.parallelism).toMatchObject({ data: 'fsdp1', shardSize: 16 })
    expect((await readText(LITGPT)).plan.optimizerImplementation).toBe('foreach')
  })

  test('data modules name their data set', async () => {
    const read = await readText(`${LITGPT}data: {class_path: litgpt.data.Alpaca2k}\n`)
    expect(read.plan.dataset.names).toEqual(['mhenrichsen/alpaca_2k_test'])
  })
})

const TITAN =
  '# NOTE: this toml config is a preset for 128 H100 GPUs.\n[model]\nname = "llama3"\nflavor = "8B"\n[training]\nsteps = 10\n'

describe('torchtitan', () => {
  test('the preset comment is an assumption', async () => {
    const { plan, provenance } = await readText(TITAN, { path: 'a.toml' })
    expect(plan).toMatchObject({ gpus: 128, hardware: { gpu: 'H100' } })
    expect(provenance.gpus).toMatchObject({ from: 'assumed', line: 1 })
  })

  test.each([
    ['[parallelism]\ntensor_parallel_degree = 8\n', 'vocab_parallel'],
    ['[parallelism]\ntensor_parallel_degree = 8\ndisable_loss_parallel = true\n', 'full_logits'],
    ['', 'full_logits'],
  ])('loss with %j', async (table, loss) => {
    expect((await readText(`${TITAN}${table}`, { path: 'a.toml' })).plan.loss).toBe(loss)
  })

  test('checkpoints and validation are off unless enabled', async () => {
    expect((await readText(TITAN, { path: 'a.toml' })).plan).toMatchObject({ checkpoints: null, evaluation: null })
    const tables = '[checkpoint]\nenable = true\ninterval = 50\n[validation]\nenable = true\nfreq = 20\n'
    const { plan } = await readText(`${TITAN}${tables}`, { path: 'a.toml' })
    expect(plan.checkpoints?.everySteps).toBe(50)
    expect(plan.evaluation).toMatchObject({ everySteps: 20, microBatchSize: 8 })
  })
})

test('NeMo Automodel: gradient sync, optimizer, schedule and data as stated', async () => {
  const { plan } =
    await readText(`step_scheduler: {global_batch_size: 32, local_batch_size: 1, ckpt_every_steps: 200, val_every_steps: 100}
model: {pretrained_model_name_or_path: org/model, attn_implementation: eager}
distributed: {strategy: fsdp2, defer_fsdp_grad_sync: false}
optimizer: {_target_: torch.optim.Adam}
dataset: {path_or_dataset: rowan/hellaswag, num_samples_limit: 500}
validation_dataset: {path_or_dataset: rowan/hellaswag, num_samples_limit: 64}
packed_sequence: {packed_sequence_size: 4096}
`)
  expect(plan).toMatchObject({ optimizerImplementation: 'foreach', attention: 'eager', packing: true })
  expect(plan.parallelism.noSync).toBe(false)
  expect(plan.checkpoints?.everySteps).toBe(200)
  expect(plan.evaluation).toMatchObject({ everySteps: 100, samples: 64 })
  expect(plan.dataset).toMatchObject({ names: ['rowan/hellaswag'], samples: 500, padding: 'none' })
})

test('verl: a trainer step updates once per mini batch; foreach AdamW', async () => {
  const { plan } = await readText(`actor_rollout_ref:
  model: {path: org/model}
  actor: {ppo_mini_batch_size: 256, ppo_micro_batch_size_per_gpu: 4}
data: {train_batch_size: 1024}
trainer: {total_training_steps: 10, save_freq: 5, test_freq: 2}
`)
  expect(plan.optimizerImplementation).toBe('foreach')
  expect(plan.dataset.maxSteps).toBe(40)
  expect(plan.checkpoints?.everySteps).toBe(20)
  expect(plan.evaluation?.everySteps).toBe(8)
})

test('OpenRLHF: logits in float32, joined rows are no packing, nothing is saved unless asked', async () => {
  const { plan } = await readText(
    'model: {model_name_or_path: org/model}\nds: {packing_samples: true}\ntrain: {batch_size: 8}\nckpt: {save_steps: 50}\n',
  )
  expect(plan).toMatchObject({ loss: 'full_logits_float32', packing: false, evaluation: null })
  expect(plan.dataset.padding).toBe('none')
  expect(plan.checkpoints?.everySteps).toBe(50)
})

test('Megatron-LM: no sequence parallelism with one tensor rank; schedule by intervals', async () => {
  const text = `MODEL_ARGS:
  --num-layers: 2
  --hidden-size: 64
  --num-attention-heads: 4
  --micro-batch-size: 1
  --global-batch-size: 16
  --seq-length: 128
  --train-iters: 100
  --sequence-parallel: true
  --eval-interval: 20
  --eval-iters: 4
  --save: out
  --save-interval: 50
`
  const { plan } = await readText(text)
  expect(plan.parallelism.sequenceParallel).toBe(false)
  expect(plan.evaluation).toMatchObject({ everySteps: 20, samples: 64 })
  expect(plan.checkpoints).toEqual({ everySteps: 50, timesTotal: null, includesOptimizer: true })
  const two = await readText(`${text}  --tensor-model-parallel-size: 2\n`)
  expect(two.plan.parallelism.sequenceParallel).toBe(true)
})

describe('Unsloth', () => {
  test.each([
    [1, true],
    [4, false],
  ])('on %i GPU(s) checkpoints are offloaded and re-entrant: %s', async (gpus, single) => {
    const { plan } = await readText('model: org/model\ntraining: { training_type: lora }\nlora: {}\n', { gpus })
    expect(plan).toMatchObject({ activationOffload: single, checkpointingReentrant: single })
  })

  test('full fine-tuning is bfloat16, or float32 where the GPU has none', async () => {
    const text = 'model: org/model\ntraining: { training_type: full, gradient_checkpointing: none }\n'
    const { plan } = await readText(text)
    expect(plan).toMatchObject({ gradientCheckpointing: 'none', precision: { weights: 'bfloat16' } })
    expect((await readText(text, { facts: { bf16Supported: false } })).plan.precision.weights).toBe('float32')
    expect(plan.checkpoints?.everySteps).toBe(500)
  })
})

const MEGATRON = [
  '--num-layers: 2',
  '--hidden-size: 64',
  '--num-attention-heads: 4',
  '--micro-batch-size: 1',
  '--bf16: true',
]
const AWARE = ['--use-distributed-optimizer: true', '--use-precision-aware-optimizer: true']

test('Megatron-LM: a step of GRPO is not priced as one of pretraining', async () => {
  const lines = [
    '--num-layers: 2',
    '--hidden-size: 64',
    '--num-attention-heads: 2',
    '--seq-length: 128',
    '--micro-batch-size: 1',
    '--train-iters: 5',
    '--vocab-size: 100',
    '--bf16: true',
  ]
  const read = (more: readonly string[]) =>
    readText(`MODEL_ARGS:\n${[...lines, ...more].map(line => `  ${line}\n`).join('')}`)
  const { plan, findings } = await read(['--perform-rl-step: true'])
  expect(plan.stage).toBe('grpo')
  expect(findings).toMatchObject([{ code: 'unsupported-option', severity: 'error', line: 10 }])
  const without = await read(['--perform-rl-step: false'])
  expect([without.plan.stage, without.codes]).toEqual(['pretrain', []])
})

describe('Megatron-LM’s precision-aware optimizer', () => {
  test.each([
    ['keeps the bits that bfloat16 lacks', AWARE, 2],
    [
      'keeps float16 masters',
      [...AWARE, '--main-params-dtype: fp16', '--fp8-format: e4m3', '--fp8-recipe: blockwise'],
      2,
    ],
    [
      'keeps float32 masters beside scaled 8-bit weights',
      [...AWARE, '--fp8-format: e4m3', '--fp8-recipe: blockwise'],
      4,
    ],
    ['delayed scaling keeps the remainders', [...AWARE, '--fp8-format: hybrid'], 2],
    ['needs the distributed optimizer', ['--use-precision-aware-optimizer: true'], 4],
    ['off', ['--use-distributed-optimizer: true'], 4],
  ])('%s', async (_name, lines, bytes) => {
    const { plan } = await readText(`MODEL_ARGS:\n${[...MEGATRON, ...lines].map(line => `  ${line}`).join('\n')}\n`)
    expect(plan.precision).toMatchObject({ masterWeights: true, masterWeightBytes: bytes })
  })

  test.each([
    [['--exp-avg-dtype: bf16'], 'float32'],
    [['--exp-avg-dtype: bf16', '--exp-avg-sq-dtype: bf16'], 'bfloat16'],
    [['--exp-avg-dtype: fp8', '--exp-avg-sq-dtype: fp16'], 'float16'],
  ])('the wider of its moments holds: %j', async (lines, dtype) => {
    const text = [...MEGATRON, ...AWARE, ...lines].map(line => `  ${line}`).join('\n')
    expect((await readText(`MODEL_ARGS:\n${text}\n`)).plan.precision.optimizerStates).toBe(dtype)
  })
})

test.each([
  [['--fp8-param-gather: true'], 1],
  [['--recompute-granularity: full', '--recompute-method: uniform', '--recompute-num-layers: 4'], 1],
  [['--recompute-granularity: full', '--recompute-method: uniform', '--recompute-num-layers: 1'], 0],
  [['--recompute-granularity: selective', '--recompute-modules: [core_attn, moe_act]'], 1],
  [['--recompute-granularity: selective', '--recompute-modules: [core_attn]'], 0],
  [['--recompute-granularity: selective'], 0],
])('Megatron-LM: what changes memory beyond the plan is said: %j', async (lines, findings) => {
  const text = [...MEGATRON, ...lines].map(line => `  ${line}`).join('\n')
  const { codes } = await readText(`MODEL_ARGS:\n${text}\n`)
  expect(codes.filter(code => code === 'unsupported-option')).toHaveLength(findings)
})

test.each([
  ['"0:384 200B:768 400B:1152"', 1_000_000, 384],
  ['"0:384 200B:768 400B:1152"', 60_000_000, 768],
  ['"0:384 4096K:768"', 1001, 768],
  ['"0:384 4096000:768"', 1000, 384],
  ['"1000*1000:5"', 1000, undefined],
])('Megatron-LM: batches in steps %s, %i samples', async (schedule, samples, batch) => {
  const lines = ['--seq-length: 4096', `--train-samples: ${samples}`, `--step-batch-size-schedule: ${schedule}`]
  const text = [...MEGATRON, ...lines].map(line => `  ${line}`).join('\n')
  const { plan } = await readText(`MODEL_ARGS:\n${text}\n`, { facts: { gpus: 8 }, gpus: 8 })
  expect(plan.gradientAccumulationSteps * plan.microBatchSize * 8).toBe(batch ?? 8)
})

test('NeMo Automodel: FusedAdam keeps float32 moments and masters of its own', async () => {
  const text = (keys: string) => `step_scheduler: {local_batch_size: 1}
model: {pretrained_model_name_or_path: org/model, torch_dtype: bfloat16}
distributed: {strategy: fsdp2}
optimizer: {${keys}}
`
  const read = async (keys: string) => (await readText(text(keys))).plan.precision
  const name = '_target_: transformer_engine.pytorch.optimizers.fused_adam.FusedAdam'
  expect(await read('_target_: torch.optim.AdamW')).toMatchObject({ masterWeights: false, optimizerStates: 'bfloat16' })
  expect(await read(name)).toMatchObject({ masterWeights: false, optimizerStates: 'float32' })
  expect(
    await read(
      `${name}, master_weights: true, store_param_remainders: true, exp_avg_dtype: torch.bfloat16, exp_avg_sq_dtype: torch.bfloat16`,
    ),
  ).toMatchObject({ masterWeights: true, masterWeightBytes: 2, optimizerStates: 'bfloat16' })
})

const NEMO = `name: megatron_gpt
trainer: {devices: 8, precision: bf16, max_steps: 1000, val_check_interval: 100, limit_val_batches: 50}
exp_manager: {checkpoint_callback_params: {save_top_k: 10}}
model:
  micro_batch_size: 4
  global_batch_size: 64
  num_layers: 2
  hidden_size: 64
  num_attention_heads: 4
  override_vocab_size: 1000
  data: {splits_string: "900,50,50"}
`

describe('NeMo 1', () => {
  test('a checkpoint at each validation, of global batches; gradients reduced once a step', async () => {
    const { plan } = await readText(NEMO)
    expect(plan.evaluation).toEqual({
      everySteps: 100,
      timesTotal: null,
      microBatchSize: 4,
      samples: 3200,
      share: 0,
    })
    expect(plan.checkpoints).toEqual({ everySteps: 100, timesTotal: null, includesOptimizer: true })
    expect(plan.parallelism.noSync).toBe(true)
    const sharded = await readText(NEMO.replace('micro_batch_size: 4', 'micro_batch_size: 4\n  fsdp: true'))
    expect(sharded.plan.parallelism.noSync).toBe(false)
  })

  test.each([
    ['splits_string: "900,50,50"', 'splits_string: "100,0,0"', null, 1],
    ['limit_val_batches: 50', 'limit_val_batches: 0', null, 1],
    ['val_check_interval: 100', 'val_check_interval: 0.25', 4, 4],
  ])('%s as %s', async (from, to, validations, saves) => {
    const { plan } = await readText(NEMO.replace(from, to))
    expect(plan.evaluation?.timesTotal ?? null).toBe(validations)
    expect(plan.checkpoints?.timesTotal).toBe(saves)
  })

  test.each([
    ['{checkpoint_callback_params: {save_top_k: 10}}', '{create_checkpoint_callback: false}', null],
    ['save_top_k: 10', 'every_n_train_steps: 40', 40],
  ])('exp_manager %s as %s', async (from, to, every) => {
    expect((await readText(NEMO.replace(from, to))).plan.checkpoints?.everySteps ?? null).toBe(every)
  })

  test('a global batch that the ranks of the file do not divide is a contradiction', async () => {
    expect((await readText(NEMO)).codes).not.toContain('conflicting-settings')
    const { codes, plan } = await readText(NEMO.replace('global_batch_size: 64', 'global_batch_size: 60'))
    expect(codes).toContain('conflicting-settings')
    expect(codes).not.toContain('will-not-start')
    expect(plan.gradientAccumulationSteps).toBe(1)
  })
})

const FOUNDRY = `max_seq_len: 1024
model: {name: hf_causal_lm, pretrained_model_name_or_path: org/model}
train_loader: {name: finetuning, dataset: {hf_name: org/data}}
eval_loader: {name: finetuning}
eval_interval: 0.5dur
optimizer: {name: decoupled_lionw}
max_duration: 2ep
global_train_batch_size: 40
device_train_microbatch_size: 8
callbacks: {hf_checkpointer: {save_interval: 1dur, precision: bfloat16}}
`

describe('LLM Foundry', () => {
  test('Hugging Face weights are written by a callback; intervals in parts of the run', async () => {
    const { plan } = await readText(FOUNDRY)
    expect(plan.checkpoints).toEqual({ everySteps: null, timesTotal: 1, includesOptimizer: false })
    expect(plan.evaluation?.timesTotal).toBe(2)
    const own = await readText(`${FOUNDRY}save_folder: out\nsave_interval: 500ba\n`)
    expect(own.plan.checkpoints).toEqual({ everySteps: 500, timesTotal: null, includesOptimizer: true })
  })

  test('the last micro-batch may be short', async () => {
    expect((await readText(FOUNDRY, { gpus: 2 })).plan.gradientAccumulationSteps).toBe(3)
  })
})

test('LitGPT accumulates whole micro-batches only, and ties inline models', async () => {
  const text = `model_config: {n_layer: 2, n_embd: 64, n_head: 4, mlp_class_name: LLaMAMLP}
train: {micro_batch_size: 12, global_batch_size: 64, max_tokens: 1000000, tie_embeddings: true}
devices: 2
`
  const { plan } = await readText(text)
  expect(plan.gradientAccumulationSteps).toBe(2)
  const untied = await readText(text.replace('tie_embeddings: true', 'tie_embeddings: false'))
  expect(countOf(untied.plan.model) - countOf(plan.model)).toBeGreaterThan(64 * 1000)
})

test('Axolotl reads no saves an epoch as none given', async () => {
  const text = (saves: number): string => `base_model: org/model
datasets: [{ path: org/data, type: alpaca }]
micro_batch_size: 1
num_epochs: 3
saves_per_epoch: ${saves}
`
  expect((await readText(text(0))).plan.checkpoints?.timesTotal).toBe(3)
  expect((await readText(text(2))).plan.checkpoints?.timesTotal).toBe(6)
})

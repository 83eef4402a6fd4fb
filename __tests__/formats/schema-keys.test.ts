import { describe, expect, test } from '@jest/globals'
import { readText } from './read-text.ts'

/** Keys of the frameworks' own schemas that change memory or time: what each does to the plan, or what is said of it. */
const AXOLOTL =
  'base_model: org/model\ndatasets: [{ path: org/data, type: alpaca }]\nmicro_batch_size: 2\nsequence_len: 512\n'
const FACTORY =
  'model_name_or_path: org/model\nstage: sft\ndo_train: true\nfinetuning_type: lora\ndataset: a\ntemplate: t\noutput_dir: out\n'
const TRL = 'model_name_or_path: org/model\ndataset_name: org/data\noutput_dir: out\nlearning_rate: 1e-5\n'
const SWIFT = "model: org/model\ntuner_type: full\ndataset: ['org/data#500']\noutput_dir: out\nmax_length: 1024\n"
const TUNE =
  'model: {_component_: torchtune.models.llama3_1.llama3_1_8b}\ndataset: {_component_: torchtune.datasets.alpaca_dataset}\noptimizer: {_component_: torch.optim.AdamW}\nbatch_size: 2\nepochs: 1\n'

describe('keys that set the plan', () => {
  test.each([
    [`${AXOLOTL}rl: gdpo\ntrl: { max_completion_length: 128 }`, { sequenceLength: 640 }],
    [`${AXOLOTL}batch_flattening: true`, { dataset: { padding: 'none' } }],
    [`${AXOLOTL}batch_flattening: auto`, { dataset: { padding: 'longest' } }],
    [`${AXOLOTL}batch_flattening: auto\nflash_attention: true`, { dataset: { padding: 'none' } }],
    [`${AXOLOTL}optimizer: galore_adamw\noptim_args: { rank: 64 }`, { optimizerRank: 64 }],
    [`${TRL}optim: galore_adamw\noptim_args: "rank=64, update_proj_gap=100"`, { optimizerRank: 64 }],
    [`${TRL}optim: galore_adamw`, { optimizerRank: null }],
    [`${TRL}torch_compile_mode: max-autotune`, { compile: true }],
    [`${TRL}torch_compile: false`, { compile: false }],
    [`${TRL}use_liger_kernel: true`, { loss: 'fused_linear', fusedKernels: 'liger' }],
    [
      `${TRL}use_liger_kernel: true\nliger_kernel_config: { fused_linear_cross_entropy: false, rms_norm: true }`,
      { loss: 'full_logits', fusedKernels: 'liger' },
    ],
    [`${FACTORY}flash_attn: true`, { attention: 'flash' }],
    [`${FACTORY}flash_attn: disabled`, { attention: 'eager' }],
    [`${FACTORY}resize_vocab: true`, { adapter: { modulesToSave: ['embed_tokens', 'lm_head'] } }],
    [`${FACTORY}resize_vocab: true\nadditional_target: norm`, { adapter: { modulesToSave: ['norm'] } }],
    [`${SWIFT}use_galore: true`, { optimizer: 'galore_adamw', optimizerRank: 128 }],
    [`${SWIFT}deepspeed: zero2\ndeepspeed_autotp_size: 4`, { parallelism: { data: 'zero2', tensor: 4 } }],
    [`${SWIFT}group_by_length: true`, { dataset: { lengthGrouped: true } }],
    [
      `${SWIFT}freeze_parameters: [model.embed_tokens]`,
      { freeze: { kind: 'patterns', patterns: ['model.embed_tokens'] } },
    ],
    [
      `${SWIFT}freeze_parameters_ratio: 1\ntrainable_parameters: [model.layers.31]`,
      { freeze: { kind: 'trainable_patterns', patterns: ['model\\.layers\\.31'] } },
    ],
    [
      `${TUNE}enable_activation_checkpointing: false\nac_mode: selective\nac_option: 2`,
      { gradientCheckpointing: { every: 2 } },
    ],
    [`${TUNE}ac_mode: selective\nac_option: op`, { gradientCheckpointing: 'selective' }],
    [`${TUNE}data_parallel_replicate_dim: 2\ntensor_parallel_dim: 2`, { parallelism: { tensor: 2, shardSize: 2 } }],
  ])('%#', async (text, expected) => {
    expect((await readText(`${text}\n`, { gpus: 8 })).plan).toMatchObject(expected)
  })

  test('Axolotl freezes the towers of models that have them', async () => {
    const read = (hasVision: boolean) => readText(`${AXOLOTL}freeze_mm_modules: true\n`, { facts: { hasVision } })
    expect((await read(true)).plan.freeze).toEqual({ kind: 'patterns', patterns: ['vision_tower', 'projector'] })
    expect((await read(false)).plan.freeze).toEqual({ kind: 'none' })
  })
})

describe('keys that the plan has no place for', () => {
  test.each([
    [AXOLOTL, 'tiled_mlp: true', 'warning'],
    [AXOLOTL, 'qat: { activation_dtype: int8 }', 'warning'],
    [AXOLOTL, 'auto_find_batch_size: true', 'warning'],
    [TRL, 'label_smoothing_factor: 0.1', 'warning'],
    [FACTORY, 'use_llama_pro: true', 'warning'],
    [FACTORY, 'use_kt: true', 'warning'],
    [SWIFT, 'lisa_activated_layers: 2', 'warning'],
    [SWIFT, 'teacher_model: org/large', 'error'],
    [`${SWIFT}micro_batch_size: 1\n`, 'mtp_num_layers: 1', 'warning'],
    [TUNE, 'teacher_model: {_component_: torchtune.models.llama3_1.llama3_1_70b}', 'error'],
    [TUNE, 'quantizer: {_component_: torchtune.training.quantization.Int8DynActInt4WeightQATQuantizer}', 'warning'],
  ])('%#: %s%s', async (base, line, severity) => {
    const { findings } = await readText(`${base}${line}\n`)
    const told = findings.filter(({ code }) => code === 'unsupported-option')
    expect(told.map(found => [found.severity, found.message.includes(line.split(':')[0] ?? '?')])).toEqual([
      [severity, true],
    ])
  })

  test.each([
    [AXOLOTL, 'tiled_mlp: false'],
    [TRL, 'label_smoothing_factor: 0'],
    [SWIFT, 'lisa_activated_layers: 0'],
  ])('%#: nothing is said of what is off', async (base, line) => {
    expect((await readText(`${base}${line}\n`)).codes).not.toContain('unsupported-option')
  })
})

test.each([
  // 128 sequences of 2,048 tokens are 16 rows of 16,384, on eight ranks
  [
    'OpenRLHF',
    'python3 -m openrlhf.cli.train_ppo_ray --actor.model_name_or_path a/b --actor.num_gpus_per_node 8 --train.colocate_all --train.batch_size 128 --data.max_len 2048 --train.dynamic_batch_enable --train.max_tokens_per_gpu 16384\n',
    2,
  ],
  // 64 prompts × 8 answers of 4,096 tokens are 128 rows of 16,384, on eight ranks
  [
    'verl',
    'python3 -m verl.trainer.main_ppo actor_rollout_ref.model.path=a/b algorithm.adv_estimator=grpo data.train_batch_size=64 actor_rollout_ref.actor.ppo_mini_batch_size=64 actor_rollout_ref.rollout.n=8 data.max_prompt_length=1024 data.max_response_length=3072 actor_rollout_ref.actor.use_dynamic_bsz=True trainer.n_gpus_per_node=8\n',
    16,
  ],
])('%s: a dynamic batch is as many rows as its sequences fill', async (_, text, rows) => {
  const { plan } = await readText(text, { path: 'run.sh' })
  expect(plan).toMatchObject({
    microBatchSize: 1,
    sequenceLength: 16_384,
    gradientAccumulationSteps: rows,
    packing: true,
  })
})

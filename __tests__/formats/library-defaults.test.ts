import { describe, expect, test } from '@jest/globals'
import { VERSION_DEFAULTS, type VersionDefaultId } from '../../src/launch/version-defaults.ts'
import type { TrainingPlan } from '../../src/plan/training-plan.ts'
import { readText } from './read-text.ts'

const TRL = 'model_name_or_path: org/model\ndataset_name: org/data\noutput_dir: out\nlearning_rate: 1e-5\n'
const GRPO = `${TRL}reward_funcs: [accuracy]\nuse_vllm: true\n`
const TRAINER = 'model_name_or_path: org/model\noutput_dir: out\nper_device_train_batch_size: 1\n'
const AXOLOTL = 'base_model: org/model\ndatasets: [{ path: org/data }]\nmicro_batch_size: 1\nsequence_len: 512\n'
const FACTORY = 'model_name_or_path: org/model\nstage: sft\ndo_train: true\ndataset: a\ntemplate: t\noutput_dir: out\n'
const VERL = 'actor_rollout_ref: { model: { path: org/model } }\ndata: { train_files: a.parquet }\n'
const SWIFT = "model: org/model\ndataset: ['org/data#5']\ntuner_type: full\noutput_dir: out\n"

type Seen = (plan: TrainingPlan) => unknown

/** Row of the table, config, versions, what is seen of the plan, before and after the step. */
const ROWS: readonly (readonly [VersionDefaultId, string, Readonly<Record<string, string>>, Seen, unknown, unknown])[] =
  [
    ['transformers.weights', TRAINER, { transformers: '4.57.6' }, p => p.precision.weights, 'float32', 'bfloat16'],
    ['transformers.use_reentrant', TRAINER, { transformers: '4.57.6' }, p => p.checkpointingReentrant, true, false],
    [
      'transformers.fsdp_version',
      `${TRAINER}fsdp: full_shard\nbf16: true\n`,
      { transformers: '5.9.0' },
      p => p.parallelism.data,
      'fsdp1',
      'fsdp2',
    ],
    ['torch.optim', TRAINER, { torch: '2.7.1' }, p => p.optimizerImplementation, 'foreach', 'fused'],
    [
      'accelerate.fsdp_float32',
      `${TRAINER}fsdp: full_shard\nfsdp_config: { version: 1 }\nbf16: true\n`,
      { accelerate: '0.29.3' },
      p => p.precision.weights,
      'bfloat16',
      'float32',
    ],
    [
      'accelerate.fsdp2_no_sync',
      `${TRAINER}fsdp: full_shard\nbf16: true\n`,
      { accelerate: '1.10.1' },
      p => p.parallelism.noSync,
      false,
      true,
    ],
    ['trl.gradient_checkpointing', TRL, { trl: '0.21.0' }, p => p.gradientCheckpointing, 'none', 'full'],
    ['trl.use_reentrant', TRL, { trl: '0.27.0', transformers: '4.57.6' }, p => p.checkpointingReentrant, true, false],
    ['trl.bf16', TRL, { trl: '0.18.0' }, p => p.precision.autocast, false, true],
    ['trl.dtype', TRL, { trl: '0.26.0' }, p => p.precision.weights, 'bfloat16', 'float32'],
    [
      'trl.kbit_preparation',
      `${TRL}dtype: bfloat16\nuse_peft: true\nload_in_4bit: true\n`,
      { trl: '0.25.0' },
      p => p.adapter?.dtype,
      'float32',
      'bfloat16',
    ],
    [
      'trl.kbit_preparation_dpo',
      `${TRL}loss_type: sigmoid\ndtype: bfloat16\nuse_peft: true\nload_in_4bit: true\n`,
      { trl: '0.28.0' },
      p => p.precision.weights,
      'float32',
      'bfloat16',
    ],
    [
      'trl.kbit_preparation_kto',
      `${TRL}desirable_weight: 1\ndtype: bfloat16\nuse_peft: true\nload_in_4bit: true\n`,
      { trl: '1.3.0' },
      p => p.precision.weights,
      'float32',
      'bfloat16',
    ],
    [
      'trl.zero3_adapters_follow_base',
      `${TRL}dtype: bfloat16\nbf16: false\nuse_peft: true\ndeepspeed: { zero_optimization: { stage: 3 } }\n`,
      { trl: '1.6.0' },
      p => p.adapter?.dtype,
      'float32',
      'bfloat16',
    ],
    ['trl.sft_loss', TRL, { trl: '1.5.0' }, p => p.loss, 'full_logits', 'chunked'],
    ['trl.preference_max_length', `${TRL}beta: 0.1\n`, { trl: '0.13.0' }, p => p.sequenceLength, 512, 1024],
    ['trl.grpo_beta', GRPO, { trl: '0.18.0' }, p => p.reinforcement?.referenceModel, 'separate', 'none'],
    ['trl.grpo_completion_length', GRPO, { trl: '1.9.0' }, p => p.reinforcement?.completionLength, 256, 512],
    ['trl.vllm_mode', GRPO, { trl: '0.29.0' }, p => p.reinforcement?.generation, 'vllm_server', 'vllm_colocate'],
    [
      'trl.vllm_memory_share',
      `${GRPO}vllm_mode: colocate\n`,
      { trl: '0.15.0' },
      p => p.reinforcement?.colocatedMemoryShare,
      0.9,
      0.3,
    ],
    ['axolotl.optimizer', AXOLOTL, { axolotl: '0.7.0' }, p => p.optimizerImplementation, 'loop', 'fused'],
    [
      'axolotl.lora_kernels',
      `${AXOLOTL}adapter: lora\nlora_r: 8\nlora_target_linear: true\n`,
      { axolotl: '0.15.0' },
      p => p.adapter?.kernels,
      [],
      ['qkv', 'output', 'mlp'],
    ],
    ['axolotl.tf32', `${AXOLOTL}bf16: false\n`, { axolotl: '0.15.0' }, p => p.precision.compute, 'float32', 'tf32'],
    ['llamafactory.cutoff_len', FACTORY, { llamafactory: '0.9.0' }, p => p.sequenceLength, 1024, 2048],
    [
      'llamafactory.lora_target',
      FACTORY,
      { llamafactory: '0.1.6' },
      p => p.adapter?.targetModules,
      ['q_proj', 'v_proj'],
      'all-linear',
    ],
    ['ms-swift.max_length', `${SWIFT}packing: true\n`, { 'ms-swift': '2.6.1' }, p => p.sequenceLength, 2048, 8192],
    ['ms-swift.split_dataset_ratio', SWIFT, { 'ms-swift': '3.5.3' }, p => p.evaluation?.share ?? 0, 0.01, 0],
    ['verl.gradient_checkpointing', VERL, { verl: '0.1' }, p => p.gradientCheckpointing, 'none', 'full'],
    ['verl.use_remove_padding', VERL, { verl: '0.6.1' }, p => p.dataset.padding, 'fixed', 'none'],
  ]

describe('defaults by library version', () => {
  test.each(ROWS)('%s', async (_id, text, libraries, seen, before, after) => {
    expect(seen((await readText(text, { libraries })).plan)).toEqual(before)
    expect(seen((await readText(text)).plan)).toEqual(after)
  })

  test('ms-swift splits nothing off a stream', async () => {
    const { plan } = await readText(`${SWIFT}streaming: true\nmax_steps: 10\n`, { libraries: { 'ms-swift': '3.5.3' } })
    expect(plan.evaluation).toBeNull()
  })

  test.each([
    ['llamafactory.freeze_vision_tower', `${FACTORY}finetuning_type: full\n`, { llamafactory: '0.7.0' }],
    ['ms-swift.freeze_vit', SWIFT, { 'ms-swift': '2.6.1' }],
  ] as const)('%s, of models with a vision tower', async (_id, text, libraries) => {
    const facts = { hasVision: true }
    const patterns = async (versions: Readonly<Record<string, string>>) => {
      const { plan } = await readText(text, { libraries: versions, facts })
      return plan.freeze.kind === 'patterns' ? plan.freeze.patterns : []
    }
    expect(await patterns({})).toContain('vision_tower')
    expect(await patterns(libraries)).not.toContain('vision_tower')
  })

  test.each([
    ['trl.packing_flattens', `${TRL}packing: true\n`, { trl: '0.18.0' }, 'variableLength', 'cut from one stream'],
    ['trl.cuts_prompts', GRPO, { trl: '0.25.0' }, 'sequenceLength', 'prompt 512'],
  ] as const)('%s is named in the provenance', async (_id, text, libraries, key, words) => {
    expect((await readText(text, { libraries })).provenance[key]?.note).toContain(words)
  })

  test('every row of the table has a case here', () => {
    const covered = [
      ...ROWS.map(([id]) => id),
      ...['llamafactory.freeze_vision_tower', 'ms-swift.freeze_vit', 'trl.packing_flattens', 'trl.cuts_prompts'],
    ]
    expect(Object.keys(VERSION_DEFAULTS).filter(id => !covered.includes(id))).toEqual([])
  })
})

import { describe, expect, test } from '@jest/globals'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { AXOLOTL_REFUSALS } from '../../src/formats/refusals/axolotl-refusals.ts'
import { reportDeepSpeedRefusals } from '../../src/formats/refusals/deepspeed-refusals.ts'
import { GPT_NEOX_REFUSALS } from '../../src/formats/refusals/gpt-neox-refusals.ts'
import { LLAMA_FACTORY_REFUSALS } from '../../src/formats/refusals/llama-factory-refusals.ts'
import { MEGATRON_REFUSALS } from '../../src/formats/refusals/megatron-refusals.ts'
import { OUMI_REFUSALS } from '../../src/formats/refusals/oumi-refusals.ts'
import { type Refusal, reportRefusals } from '../../src/formats/refusals/refusal.ts'
import { TORCHTUNE_REFUSALS } from '../../src/formats/refusals/torchtune-refusals.ts'
import { TRANSFORMERS_REFUSALS } from '../../src/formats/refusals/transformers-refusals.ts'
import { TRL_REFUSALS } from '../../src/formats/refusals/trl-refusals.ts'
import { VERL_REFUSALS } from '../../src/formats/refusals/verl-refusals.ts'
import type { Libraries } from '../../src/launch/version-defaults.ts'
import type { Finding } from '../../src/plan/finding.ts'
import { readText } from './read-text.ts'

/** A settings text and the rules that it breaks, by a part of their words; none: it starts. */
type Case = readonly [text: string, ...rules: readonly string[]]

const TRANSFORMERS: readonly Case[] = [
  ['load_best_model_at_end: true\neval_strategy: epoch\n', 'same strategy'],
  ['load_best_model_at_end: true\n', 'same strategy'],
  ['load_best_model_at_end: true\neval_strategy: epoch\nsave_strategy: epoch\n'],
  ['load_best_model_at_end: true\nevaluation_strategy: steps\n'],
  ['load_best_model_at_end: true\nsave_strategy: best\neval_strategy: epoch\n'],
  ['load_best_model_at_end: true\neval_strategy: $EVAL\n'],
  [
    'load_best_model_at_end: true\neval_strategy: steps\neval_steps: 200\nsave_steps: 500\n',
    'multiple of `eval_steps`',
  ],
  ['load_best_model_at_end: true\neval_strategy: steps\neval_steps: 250\nsave_steps: 500\n'],
  ['load_best_model_at_end: true\neval_strategy: steps\neval_steps: 0.1\nsave_steps: 0.3\n'],
  [
    'load_best_model_at_end: true\neval_strategy: steps\neval_steps: 0.1\nsave_steps: 500\n',
    'multiple of `eval_steps`',
  ],
  ['fp16: true\nbf16: true\n', 'at most one of the two'],
  ['fp16: false\nbf16: true\n'],
  ['lr_scheduler_type: reduce_lr_on_plateau\n', 'waits for an evaluation'],
  ['dataloader_prefetch_factor: 2\n', 'prefetched by workers'],
  ['dataloader_prefetch_factor: 2\ndataloader_num_workers: 4\n'],
  ['fsdp: full_shard\ndeepspeed: ds.json\n', 'one engine'],
  ['fsdp: ""\ndeepspeed: ds.json\n'],
  [
    'fsdp: full_shard\ngradient_checkpointing: true\nfsdp_config: { activation_checkpointing: true }\n',
    'only one of the two recomputes',
  ],
  [
    'save_only_model: true\nload_best_model_at_end: true\neval_strategy: steps\ndeepspeed: ds.json\n',
    'checkpoints of the model alone',
  ],
]

const TRL: readonly Case[] = [
  ...TRANSFORMERS,
  ['num_generations: 1\n', 'at least two completions'],
  ['generation_batch_size: 16\nsteps_per_generation: 2\n', 'follows from the other'],
  ['generation_batch_size: 12\n', 'whole groups'],
  ['generation_batch_size: 12\nnum_generations: 4\n'],
]

const LLAMA_FACTORY: readonly Case[] = [
  ...TRANSFORMERS.map(([text, ...rules]): Case => [`val_size: 0.1\n${text}`, ...rules]),
  ['quantization_bit: 4\nfinetuning_type: full\n', 'LoRA or OFT only'],
  ['quantization_bit: 4\n'],
  ['quantization_bit: 4\npissa_init: true\n', 'neither PiSSA nor'],
  ['quantization_bit: 4\nresize_vocab: true\n', 'neither PiSSA nor'],
  ['quantization_bit: 4\nresize_vocab: false\n'],
  ['predict_with_generate: true\ncompute_accuracy: true\nval_size: 0.1\n', 'generates answers or scores'],
  ['adapter_name_or_path: a\nfinetuning_type: freeze\n', 'goes on only as an adapter'],
  ['use_galore: true\n', 'train the weights themselves'],
  ['use_galore: true\nuse_badam: true\nfinetuning_type: full\n', 'at most one of the three'],
  ['use_apollo: true\ndeepspeed: ds.json\nfinetuning_type: full\n', 'do not run under DeepSpeed'],
  ['use_dora: true\nfinetuning_type: full\n', 'options of LoRA'],
  ['use_llama_pro: true\nfinetuning_type: full\n', 'added blocks'],
  ['stage: ppo\n', 'needs a reward model'],
  ['stage: ppo\nreward_model: r\n'],
  ['stage: dpo\nneat_packing: true\n', 'options of supervised fine-tuning'],
  [
    'stage: rm\nval_size: 0.1\nload_best_model_at_end: true\neval_strategy: steps\n',
    'do not load the best model at the end',
  ],
  ['eval_dataset: a\nval_size: 0.1\n', 'named or split off'],
  ['eval_strategy: steps\n', 'needs `eval_dataset` or a `val_size`'],
  ['eval_strategy: no\n'],
  ['eval_strategy: steps\nval_size: $VAL\n'],
  ['streaming: true\n', 'has no length'],
  ['streaming: true\nmax_steps: 100\nmax_samples: 1000\n', 'not cut by samples'],
  ['mask_history: true\ntrain_on_prompt: true\n', 'masks what the other trains on'],
]

const AXOLOTL: readonly Case[] = [
  ['load_in_8bit: true\n', 'through an adapter only'],
  ['adapter: qlora\nload_in_8bit: true\nload_in_4bit: true\n', 'LoRA over 4 bits'],
  ['adapter: qlora\n', '`load_in_4bit: true`'],
  ['adapter: qlora\nload_in_4bit: true\n'],
  ['lora_target_parameters: [a]\nlora_dropout: 0.1\n', 'no dropout'],
  ['adapter: lora\nload_in_8bit: true\nlora_qkv_kernel: true\n', 'no 8-bit weights'],
  ['gradient_accumulation_steps: 2\nbatch_size: 8\n', 'follows from the other'],
  ['test_datasets: [{ path: a }]\nval_set_size: 0.1\n', 'named or split off'],
  ['test_datasets: [{ path: a }]\nval_set_size: 0\n'],
  ['warmup_steps: 10\nwarmup_ratio: 0.1\n', 'in steps or as a share'],
  ['save_strategy: epoch\nsave_steps: 10\n', '`save_strategy: steps`'],
  ['saves_per_epoch: 2\nsave_steps: 10\n', 'saving is given'],
  ['eval_strategy: epoch\neval_steps: 10\n', '`eval_strategy: steps`'],
  ['eval_strategy: steps\neval_steps: 10\n'],
  ['evals_per_epoch: 2\neval_steps: 10\n', 'evaluation is given'],
  ['evals_per_epoch: 2\neval_strategy: epoch\n', 'counted in steps'],
  ['val_set_size: 0\neval_steps: 10\n', 'nothing to evaluate on'],
  ['val_set_size: 0\nevals_per_epoch: 4\n'],
  ['sample_packing: true\neval_table_size: 5\n', 'samples that are not packed'],
  ['sample_packing: true\neval_table_size: 5\neval_sample_packing: false\n'],
  ['sample_packing: true\nrl: dpo\n', 'are not packed'],
  ['rl: kto\n', '`remove_unused_columns: false`'],
  ['rl: kto\nremove_unused_columns: false\n'],
  ['deepspeed: a.json\nfsdp: [full_shard]\n', 'one engine'],
  ['optimizer: adamw_8bit\nfsdp_config: { fsdp_offload_params: true }\n', 'offloaded parameters of FSDP1'],
  ['optimizer: adamw_bnb_8bit\nfsdp_version: 2\nfsdp_config: { reshard_after_forward: true }\n', 'under FSDP2'],
  ['optimizer: muon\ndeepspeed: a.json\n', 'Muon'],
  ['liger_cross_entropy: true\nliger_fused_linear_cross_entropy: true\n', 'Liger fuses the cross entropy'],
  ['cut_cross_entropy: true\nliger_cross_entropy: true\n', 'at most one cross entropy'],
  ['pretraining_dataset: [{ path: a }]\n', 'has no length'],
  ['pretraining_dataset: [{ path: a }]\nmax_steps: 10\nval_set_size: 0.1\n', 'split off a stream'],
  ['activation_offloading: true\n', 'what checkpointing keeps'],
  ['early_stopping_patience: 3\nsave_steps: 30\neval_steps: 20\n', 'a run that stops early'],
  ['context_parallel_size: 2\nsample_packing: true\nmicro_batch_size: 2\n', 'one row at a time'],
]

const TORCHTUNE: readonly Case[] = [
  ['dtype: fp16\n', 'bf16 or fp32'],
  ['optimizer_in_bwd: True\ngradient_accumulation_steps: 8\n', 'no gradients to accumulate'],
  ['optimizer_in_bwd: True\ngradient_accumulation_steps: 1\nclip_grad_norm: null\n'],
  ['optimizer_in_bwd: True\nclip_grad_norm: 1.0\n', 'norm of all gradients'],
  ['enable_activation_offloading: True\nenable_activation_checkpointing: False\n', 'what checkpointing keeps'],
  ['dataset: { packed: True }\ntokenizer: { max_seq_len: null }\n', 'packs are as long'],
  ['dataset: { packed: True }\ntokenizer: { max_seq_len: 4096 }\n'],
  ['tensor_parallel_dim: 2\n', 'needs a plan'],
]

const QLORA = 'fsdp: { enable_fsdp: true }\npeft: { q_lora: true, bnb_4bit_quant_storage: bf16 }\n'
const OUMI: readonly Case[] = [
  ['model: { compile: true }\n', 'compiles by `training.compile`'],
  ['training: { compile: true }\nfsdp: { use_orig_params: false }\n', 'original parameters'],
  ['training: { compile: true }\nfsdp: { use_orig_params: true }\n'],
  ['fsdp: { enable_fsdp: true }\ndeepspeed: { enable_deepspeed: true }\n', 'one engine'],
  ['training: { mixed_precision_dtype: BF16 }\n', 'model in float32'],
  ['training: { mixed_precision_dtype: BF16 }\nmodel: { torch_dtype_str: float32 }\n'],
  ['training: { mixed_precision_dtype: $MIXED }\n'],
  ['training: { trainer_type: TRL_KTO }\nmodel: { enable_liger_kernel: true }\n', 'no Liger kernels'],
  ['training: { trainer_type: TRL_DPO }\nmodel: { enable_liger_kernel: true }\n'],
  ['training: { trainer_type: VERL_GRPO }\n', 'validation set'],
  ['training: { trainer_type: VERL_GRPO }\ndata: { validation: { datasets: [{ dataset_name: a }] } }\n'],
  [
    'training: { trainer_type: TRL_SFT }\ndeepspeed: { enable_deepspeed: true, train_batch_size: 8 }\n',
    'batch size of DeepSpeed',
  ],
  ['training: { trainer_type: TRL_SFT }\ndeepspeed: { enable_deepspeed: true, train_batch_size: auto }\n'],
  ['training: { trainer_type: TRL_GRPO, include_performance_metrics: true }\n', 'no performance metrics'],
  ['training: { trainer_type: TRL_SFT, include_performance_metrics: true }\n'],
  ['training: { reward_functions: [a] }\n', 'only GRPO trainers'],
  ['training: { trainer_type: TRL_GRPO, reward_functions: [a] }\n'],
  [`${QLORA}training: { use_peft: true }\n`, 'in the model’s dtype'],
  [`${QLORA}training: { use_peft: true }\nmodel: { torch_dtype_str: bfloat16 }\n`],
  [QLORA],
]

const ACTOR = 'actor_rollout_ref: { actor: {'
const VERL: readonly Case[] = [
  [`${ACTOR} ppo_micro_batch_size: 8, ppo_micro_batch_size_per_gpu: 1 } }\n`, 'not both'],
  ['data: { train_batch_size: 128 }\n', 'part of the prompts'],
  [`data: { train_batch_size: 128 }\n${ACTOR} use_dynamic_bsz: True } }\n`],
  [`${ACTOR} ppo_mini_batch_size: 256, ppo_micro_batch_size: 48 } }\n`, 'whole micro-batches'],
  ['data: { train_batch_size: 1020 }\nactor_rollout_ref: { rollout: { n: 5 } }\n', 'shared evenly by all GPUs'],
  ['data: { train_batch_size: 1020 }\nactor_rollout_ref: { rollout: { n: 4 } }\n'],
  ['data: { train_batch_size: 1020 }\ntrainer: { nnodes: $NODES }\n'],
  [
    `${ACTOR} ulysses_sequence_parallel_size: 2 }, model: { use_remove_padding: False } }\n`,
    'Ulysses cuts sequences without padding',
  ],
]

const MEGATRON: readonly Case[] = [
  ['num_layers: 30\npipeline_model_parallel_size: 4\n', 'evenly by the pipeline stages'],
  ['num_layers: 30\npipeline_model_parallel_size: 4\ndeepspeed: true\n'],
  ['num_layers: 30\npipeline_model_parallel_size: 4\ndecoder_first_pipeline_num_layers: 6\n'],
  ['num_layers: 32\npipeline_model_parallel_size: 4\nnum_layers_per_virtual_pipeline_stage: 3\n', 'virtual stages'],
  ['num_layers: 32\npipeline_model_parallel_size: $PP\nnum_layers_per_virtual_pipeline_stage: 3\n'],
  ['group_query_attention: true\nnum_query_groups: 8\ntensor_model_parallel_size: 3\n', 'key-value heads'],
  ['group_query_attention: true\nnum_query_groups: 2\ntensor_model_parallel_size: 8\n'],
  ['hidden_size: 4096\nnum_attention_heads: 30\n', 'without `--kv-channels`'],
  ['expert_model_parallel_size: 2\n', 'there are none'],
  ['expert_model_parallel_size: 2\nnum_experts: 8\n'],
  ['seq_length: 4098\ncontext_parallel_size: 4\n', 'two equal chunks'],
  ['seq_length: 4096\nmax_position_embeddings: 2048\n', 'no longer than the positions'],
  ['fp16: true\nbf16: true\n', 'at most one of the two'],
  ['train_iters: 10\ntrain_samples: 1000\n', 'in iterations or in samples'],
  ['train_iters: 10\ntrain_samples: 1000\nskip_train: true\n'],
  ['train_iters: 10\nlr_decay_samples: 1000\n', 'by iterations'],
  ['train_samples: 1000\nlr_decay_iters: 10\n', 'by samples'],
  ['train_samples: 1000\nlr_warmup_samples: 10\n'],
  ['train_iters: 10\nlr_warmup_iters: 2\nlr_warmup_fraction: 0.1\n', 'a share of the run or a number'],
  ['train_iters: 10\nlr_warmup_iters: 0\nlr_warmup_fraction: 0.1\n'],
  ['lr: 1.0e-5\nmin_lr: 1.0e-4\n', 'falls to `min_lr`'],
  ['lr: 1.0e-4\nmin_lr: 1.0e-5\n'],
  ['step_batch_size_schedule: "0:32"\nglobal_batch_size: 64\n', 'scheduled or fixed'],
  ['recompute_granularity: full\n', 'full recomputation needs a method'],
  ['recompute_granularity: full\nrecompute_method: uniform\n'],
  ['recompute_granularity: full\nrecompute_method: uniform\nrecompute_num_layers: 1\n'],
  ['recompute_granularity: selective\nrecompute_method: uniform\n', 'has no method'],
  ['tp_comm_overlap: true\ntensor_model_parallel_size: 2\n', 'under sequence parallelism only'],
  ['tp_comm_overlap: true\ntensor_model_parallel_size: 2\nsequence_parallel: true\n'],
  ['overlap_param_gather: true\nuse_distributed_optimizer: true\n', 'gathered in the background'],
  ['use_torch_fsdp2: true\nuse_distributed_optimizer: true\n', 'shards alone'],
]

const GPT_NEOX: readonly Case[] = [
  ['hidden_size: 770\nnum_attention_heads: 12\n', 'shared evenly by the heads'],
  ['hidden_size: 770\nnum_attention_heads: 12\nattention_config: [[[mamba], 12]]\n'],
  ['num_attention_heads: 12\nnum_kv_heads: 5\n', 'as many query heads'],
  ['num_attention_heads: 12\nnum_kv_heads: 2\nmodel_parallel_size: 4\n', 'by the model-parallel ranks'],
  ['num_attention_heads: 12\nnum_kv_heads: 4\nmodel_parallel_size: 4\n'],
  ['seq_length: 4096\nmax_position_embeddings: 2048\n', 'no longer than the positions'],
  ['seq_length: 4096\n'],
  ['train_batch_size: 100\ntrain_micro_batch_size_per_gpu: 8\n', 'data-parallel ranks'],
  ['train_batch_size: 96\ntrain_micro_batch_size_per_gpu: 8\ngradient_accumulation_steps: 5\n', 'data-parallel ranks'],
  ['train_batch_size: 96\ntrain_micro_batch_size_per_gpu: 8\ngradient_accumulation_steps: 3\n'],
  ['min_lr: 0.001\noptimizer: { type: Adam, params: { lr: 0.0006 } }\n', 'falls to `min_lr`'],
  ['min_lr: 0.00006\noptimizer: { type: Adam, params: { lr: 0.0006 } }\n'],
  ['precision: bfloat16\nfp16: { enabled: true }\n', 'the same precision'],
  ['precision: fp16\nbf16: { enabled: true }\n', 'the same precision'],
  ['precision: bfloat16\nfp16: { enabled: false }\n'],
  ['moe_num_experts: 8\nzero_optimization: { stage: 2 }\n', 'ZeRO stage 0 or 1'],
  ['moe_num_experts: 8\nzero_optimization: { stage: 1 }\n'],
]

const TABLES: readonly (readonly [name: string, refusals: readonly Refusal[], cases: readonly Case[]])[] = [
  ['transformers', TRANSFORMERS_REFUSALS, TRANSFORMERS],
  ['trl', TRL_REFUSALS, TRL],
  ['llama-factory', LLAMA_FACTORY_REFUSALS, LLAMA_FACTORY],
  ['axolotl', AXOLOTL_REFUSALS, AXOLOTL],
  ['torchtune', TORCHTUNE_REFUSALS, TORCHTUNE],
  ['oumi', OUMI_REFUSALS, OUMI],
  ['verl', VERL_REFUSALS, VERL],
  ['megatron', MEGATRON_REFUSALS, MEGATRON],
  ['gpt-neox', GPT_NEOX_REFUSALS, GPT_NEOX],
]

/** Every check, as the versions make it that the tables were written for. */
const PINNED = { axolotl: '0.18.0' }

function found(text: string, refusals: readonly Refusal[], libraries: Libraries = PINNED): readonly Finding[] {
  const [root] = parseDocument('run.yml', text).roots
  const findings: Finding[] = []
  if (root) reportRefusals(root, refusals, findings, libraries)
  return findings
}

describe('a check that only newer releases make', () => {
  const stream = 'pretraining_dataset: [{ path: a }]\nmax_steps: 10\nval_set_size: 0.1\n'
  const losses = 'cut_cross_entropy: true\nliger_fused_linear_cross_entropy: true\n'
  test.each([
    [stream, { axolotl: '0.13.0' }, 1],
    [stream, { axolotl: '0.12.2' }, 0],
    [stream, {}, 0],
    [losses, { axolotl: '0.14.0' }, 1],
    [losses, { axolotl: '0.13.2' }, 0],
    [losses, {}, 0],
  ])('%j with %j', (text, libraries, count) => {
    expect(found(text, AXOLOTL_REFUSALS, libraries)).toHaveLength(count)
  })
})

describe('what may be meant is not refused', () => {
  const GLUE =
    'python -m torch.distributed.launch --nproc_per_node 1 run_glue_no_trainer.py --model_name_or_path bert-base-uncased --per_device_train_batch_size 32 --max_length 128 --learning_rate 2e-5 --output_dir out --eval_step 1000\n'
  const NEMO =
    'trainer: { devices: 8, num_nodes: 1, precision: bf16, max_steps: 10 }\nmodel: { mcore_gpt: true, micro_batch_size: 1, global_batch_size: 2048, tensor_model_parallel_size: 4, pipeline_model_parallel_size: 8, encoder_seq_length: 8192, num_layers: 80, hidden_size: 8192, ffn_hidden_size: 28672, num_attention_heads: 64 }\n'
  const ACTS =
    'data: { train_batch_size: 8 }\nactor_rollout_ref: { model: { path: a/b }, actor: { ppo_mini_batch_size: 128 } }\ntrainer: { n_gpus_per_node: 8 }\n'

  test('arguments of somebody’s own script may be its own', async () => {
    expect((await readText(GLUE, { path: 'run.sh' })).codes).not.toContain('unknown-key')
    const recipe = 'model_name_or_path: a/b\ndataset_name: c\nper_device_train_batch_size: 1\noutput_dir: d\n'
    const codes = async (key: string) => (await readText(`${recipe}${key}\n`, { path: 'run.yaml' })).codes
    expect(await codes('eval_step: 10')).toContain('unknown-key')
    expect(await codes('dataset_configs: [all]')).not.toContain('unknown-key')
  })

  test('nodes of a NeMo file, over which its launcher lays its own', async () => {
    const { codes } = await readText(NEMO)
    expect(codes).toContain('conflicting-settings')
    expect(codes).not.toContain('will-not-start')
    expect((await readText(NEMO, { gpus: 8 })).codes).toContain('will-not-start')
  })

  test.each([
    ['', true],
    ['env: { train: { num_envs: 8 } }\n', false],
    ['async_training: { staleness_threshold: 0.5 }\n', false],
  ])('a batch of episodes instead of prompts: %j', async (over, isRefused) => {
    expect((await readText(ACTS + over)).codes.includes('will-not-start')).toBe(isRefused)
  })

  test('a hole of a template is no value', async () => {
    const verl = (rank: string) =>
      `data: { train_batch_size: '${rank}' }\nactor_rollout_ref: { model: { path: a/b } }\ntrainer: { n_gpus_per_node: 8, test_freq: False }\n`
    const { codes } = await readText(verl('{{ batch }}'))
    expect(codes).toContain('unresolved-variable')
    expect(codes).not.toContain('invalid-value')
    expect((await readText(verl('many'))).codes).toContain('invalid-value')
  })
})

describe.each(TABLES)('%s', (_, refusals, cases) => {
  test.each(cases)('%j', (text, ...rules) => {
    const messages = found(text, refusals).map(({ message }) => message)
    expect(messages).toEqual(rules.map(rule => expect.stringContaining(rule)))
  })

  test('every check is reached', () => {
    const messages = cases.flatMap(([text]) => found(text, refusals).map(({ message }) => message))
    const missed = refusals.filter(({ rule }) => !messages.some(message => message.includes(rule)))
    expect(missed.map(({ rule }) => rule)).toEqual([])
  })
})

test('a finding says where, what was found, what is expected, by which source and what to do', () => {
  expect(found('a: 1\nfp16: true\nbf16: true\n', TRANSFORMERS_REFUSALS)).toEqual([
    {
      code: 'will-not-start',
      severity: 'error',
      path: 'run.yml',
      line: 2,
      column: 1,
      message:
        '`fp16` is true, `bf16` is true: at most one of the two may be on (transformers 5.18 training_args.py __post_init__).',
      hint: 'Keep `bf16` on Ampere and newer GPUs, `fp16` on older ones.',
    },
  ])
})

describe('a DeepSpeed file beside the trainer’s arguments', () => {
  const cases: readonly Case[] = [
    ['{"train_micro_batch_size_per_gpu": 4}', '`train_micro_batch_size_per_gpu` is 4'],
    ['{"train_micro_batch_size_per_gpu": "auto", "gradient_accumulation_steps": 8}'],
    ['{"gradient_accumulation_steps": 4}', '`gradient_accumulation_steps` is 4'],
    ['{"bf16": {"enabled": false}}', '`bf16.enabled` is false'],
    ['{"bf16": {"enabled": "auto"}, "fp16": {"enabled": false}}'],
    ['{"optimizer": {"params": {"lr": 3e-5}}}', '`optimizer.params.lr` is 0.00003'],
    ['{"optimizer": {"params": {"lr": 2e-5}}}'],
    ['{"train_batch_size": 100}', 'no multiple of the micro-batch of 2 × 8'],
    ['{"train_batch_size": 128}'],
  ]

  test.each(cases)('%s', (text, ...rules) => {
    const trainer = parseDocument(
      'run.yml',
      'per_device_train_batch_size: 2\ngradient_accumulation_steps: 8\nbf16: true\nlearning_rate: 2.0e-5\n',
    ).roots[0]
    const file = parseDocument('ds.json', text).roots[0]
    const findings: Finding[] = []
    if (trainer && file) reportDeepSpeedRefusals(trainer, file, findings)
    expect(findings.map(({ path }) => path)).toEqual(rules.map(() => 'ds.json'))
    for (const [index, rule] of rules.entries()) expect(findings[index]?.message).toContain(rule)
  })
})

describe('a run of each reader', () => {
  const cases: readonly (readonly [path: string, text: string])[] = [
    [
      'axolotl.yml',
      'base_model: Qwen/Qwen2.5-7B\ndatasets: [{ path: a }]\nmicro_batch_size: 1\nsequence_len: 2048\nadapter: qlora\n',
    ],
    [
      'factory.yml',
      'model_name_or_path: Qwen/Qwen2.5-7B\nstage: sft\ndo_train: true\nfinetuning_type: full\nquantization_bit: 4\ndataset: a\n',
    ],
    [
      'trl.yml',
      'model_name_or_path: Qwen/Qwen2.5-7B\ndataset_name: a\nper_device_train_batch_size: 1\noutput_dir: a\nfp16: true\nbf16: true\n',
    ],
    [
      'trainer.yml',
      'model_name_or_path: gpt2\noutput_dir: a\nper_device_train_batch_size: 1\nload_best_model_at_end: true\n',
    ],
    [
      'tune.yml',
      'model: { _component_: torchtune.models.llama3.llama3_8b }\noptimizer: { _component_: torch.optim.AdamW }\ndataset: { _component_: torchtune.datasets.alpaca_dataset }\nbatch_size: 1\ndtype: fp16\n',
    ],
    [
      'verl.yml',
      'data: { train_batch_size: 10 }\nactor_rollout_ref: { model: { path: Qwen/Qwen2.5-7B } }\ntrainer: { n_gpus_per_node: 8 }\n',
    ],
    [
      'megatron.sh',
      'torchrun --nproc_per_node 8 pretrain_gpt.py --num-layers 30 --hidden-size 1024 --num-attention-heads 16 --seq-length 1024 --micro-batch-size 1 --pipeline-model-parallel-size 4 --train-iters 5\n',
    ],
  ]

  test.each(cases)('%s', async (path, text) => {
    expect((await readText(text, { path })).codes).toContain('will-not-start')
  })
})

test.each([
  ['', 7, true],
  ['--decrease-batch-size-if-needed', 4, false],
] as const)('a global batch of 7 on 4 data-parallel ranks of Megatron %s', async (argument, accepted, isRefused) => {
  const shape = '--num-layers 32 --hidden-size 1024 --num-attention-heads 16 --seq-length 1024 --train-iters 5'
  const text = `torchrun --nproc_per_node 8 pretrain_gpt.py ${shape} --micro-batch-size 1 --tensor-model-parallel-size 2 --global-batch-size 7 ${argument}\n`
  const { plan, codes, provenance } = await readText(text, { path: 'megatron.sh' })
  expect(codes.includes('will-not-start')).toBe(isRefused)
  expect(plan.gradientAccumulationSteps).toBe(1)
  expect(provenance.gradientAccumulationSteps?.note).toContain(`global batch ${accepted} ÷`)
})

import type { FormatKey } from '../formats/reader.ts'
import { keyTable } from '../formats/section.ts'
import { GROWING } from '../plan/allocator-default.ts'
import { ALLOCATOR_VARIABLES } from './allocator-settings.ts'

/** A file or block beside the config, for docs/formats.md. */
export interface LaunchFormat {
  readonly name: string
  /** How it is found. */
  readonly what: string
  readonly keys: readonly FormatKey[]
}

const ACCELERATE = 'accelerate 1.15 commands/config/config_args.py, commands/launch.py'
const FSDP = 'accelerate 1.15 utils/dataclasses.py; transformers 5.18 training_args.py _process_fsdp_args'
const DEEPSPEED = 'DeepSpeed @edaa722 runtime/config.py, zero/config.py'
const PEFT = 'PEFT 0.21 tuners/lora/config.py'

export const LAUNCH_FORMATS: readonly LaunchFormat[] = [
  {
    name: 'Environment variables',
    what: 'Set or exported before a command of a script, in a job’s `env` or `envs`, or in a config’s own block of them; the values of a launch file win over the config’s.',
    keys: [
      ...keyTable('torch 2.13 c10/core/AllocatorConfig.h', [
        [
          ALLOCATOR_VARIABLES.join(', '),
          'expandableSegments',
          `off; on, some since a version or with several processes, in ${Object.keys(GROWING).join(', ')}`,
        ],
      ]),
      ...keyTable('torch, ms-swift, LLaMA-Factory, torchtitan launchers', [
        ['CUDA_VISIBLE_DEVICES, NPROC_PER_NODE, NNODES, NGPU, WORLD_SIZE', 'gpus, gpusPerNode', 'the launcher’s own'],
      ]),
    ],
  },
  {
    name: 'Accelerate YAML',
    what: 'Named by `accelerate launch --config_file`, `accelerate_config:` or `config_file:`; else the only Accelerate file beside the config, or the only file of an `accelerate_configs` folder there or up to two folders above.',
    keys: keyTable(ACCELERATE, [
      ['num_processes', 'gpus (over all machines)', 'the command line or the policy'],
      ['num_machines', 'gpusPerNode', '1'],
      ['gpu_ids', 'gpus without num_processes', 'all'],
      ['mixed_precision', 'precision where the trainer sets neither bf16 nor fp16', 'no'],
      ['distributed_type', 'parallelism.data', 'by the blocks in the file'],
      ['deepspeed_config', 'ZeRO stage and offload, or deepspeed_config_file', 'zero_stage 2'],
      ['fsdp_config', 'see FSDP', 'version 1, NO_WRAP'],
      ['parallelism_config', 'tensor, context and shard sizes', '1 each'],
    ]),
  },
  {
    name: 'FSDP',
    what: '`fsdp:` words, `fsdp_config:` with or without `fsdp_` before its keys, inside Accelerate files or trainers’ own.',
    keys: keyTable(FSDP, [
      ['version', 'parallelism.data fsdp1 or fsdp2', 'Accelerate and Axolotl 1, transformers 2 since 5.10'],
      ['sharding_strategy', 'parallelism.data, reshardAfterForward, shardSize', 'FULL_SHARD'],
      ['reshard_after_forward', 'parallelism.reshardAfterForward', 'true'],
      ['offload_params, cpu_offload', 'parallelism.offload', 'false'],
      ['activation_checkpointing', 'gradientCheckpointing full, not re-entrant', 'false'],
      [
        'cpu_ram_efficient_loading',
        'parallelism.loadsWhole where it is off: a bitsandbytes model is whole on every GPU until it is sharded',
        'Accelerate true, trainers’ own blocks false',
      ],
      ['auto_wrap_policy', 'parallelism.wrap', 'Accelerate NO_WRAP, transformers 5 TRANSFORMER_BASED_WRAP'],
    ]),
  },
  {
    name: 'DeepSpeed JSON',
    what: 'Named by `deepspeed:` or `--deepspeed`, inline, or inside an Accelerate file; comments are allowed, `auto` is left to the trainer. When the file is missing its stage is taken from its name and said so.',
    keys: keyTable(DEEPSPEED, [
      ['zero_optimization.stage', 'parallelism.data', '0'],
      ['offload_optimizer, offload_param', 'parallelism.offload', 'none'],
      ['reduce_bucket_size, allgather_bucket_size', 'buffers', '5e8 elements'],
      ['stage3_prefetch_bucket_size, stage3_param_persistence_threshold', 'buffers', '5e7, 1e5'],
      ['stage3_max_live_parameters, sub_group_size', 'buffers', '1e9'],
      ['overlap_comm', 'buffers', 'only with stage 3'],
      ['bf16, bfloat16, fp16', '16-bit module with float32 masters', 'float32'],
      ['bf16_master_weights_and_grads, fp16_master_weights_and_grads', 'precision.masterWeights off', 'false'],
      ['grad_accum_dtype', 'precision.gradients', 'the model’s dtype'],
      [
        'train_batch_size, train_micro_batch_size_per_gpu, gradient_accumulation_steps',
        'gpus when all are numbers',
        'auto',
      ],
      ['autotp_size, sequence_parallel_size, mics_shard_size', 'parallelism', '1, 1, all ranks'],
    ]),
  },
  {
    name: 'PEFT adapter_config.json',
    what: 'Of an adapter folder that the config continues from (`lora_model_dir`, `adapter_name_or_path` …).',
    keys: keyTable(PEFT, [
      ['peft_type, use_dora', 'adapter.type', 'required'],
      ['r', 'adapter.rank', '8'],
      ['target_modules', 'adapter.targetModules', 'PEFT’s map of the model type'],
      ['target_parameters, modules_to_save', 'adapter', 'none'],
      ['num_virtual_tokens', 'adapter.virtualTokens', '20'],
      ['lora_dropout, bias', 'adapter', '0, none'],
    ]),
  },
]

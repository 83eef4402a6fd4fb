import type { FormatKey } from '../reader.ts'
import { keyTable } from '../section.ts'
import { TRAINING } from './trainers.ts'

const FOLDER = 'Oumi @d8ed077 src/oumi/core/configs/params'

/** Every key that is read, its effect and its default. */
export const OUMI_KEYS: readonly FormatKey[] = [
  ...keyTable(`${FOLDER}/model_params.py`, [
    ['model.model_name, model.model_revision', 'model', 'required'],
    ['model.model_max_length', 'sequenceLength', 'None: TRL’s own, or nothing is cut'],
    ['model.torch_dtype_str', 'precision.weights', 'auto: of the checkpoint'],
    ['model.attn_implementation', 'attention', 'None: sdpa'],
    ['model.enable_liger_kernel', 'loss fused_linear and fusedKernels liger', 'False'],
    ['model.load_pretrained_weights', 'stage pretrain where false', 'True'],
    ['model.freeze_layers', 'freeze', '[]'],
  ]),
  ...keyTable(`${FOLDER}/data_params.py`, [
    ['data.train.datasets', 'dataset: names, sample_count, whether each is taken whole', 'required'],
    ['data.train.pack', 'packing, sequenceLength', 'False'],
  ]),
  ...keyTable(TRAINING, [
    ['training.trainer_type', 'stage; whose loop and defaults hold', 'HF'],
    ['training.use_peft', 'adapter.type; the peft section counts only when true', 'False'],
    ['training.per_device_train_batch_size', 'microBatchSize', '8'],
    ['training.gradient_accumulation_steps', 'gradientAccumulationSteps', '1'],
    ['training.num_train_epochs, training.max_steps', 'dataset', '3, -1 (epochs count)'],
    ['training.enable_gradient_checkpointing, training.use_deterministic', 'gradientCheckpointing', 'False'],
    ['training.gradient_checkpointing_kwargs', 'checkpointingReentrant', 'use_reentrant False since transformers 5'],
    ['training.optimizer', 'optimizer, its implementation, states and paging', 'adamw_torch'],
    ['training.mixed_precision_dtype', 'precision.compute, precision.autocast', 'none, and bf16 of TRL is off'],
    ['training.compile', 'compile', 'False'],
    ['training.eval_strategy, training.eval_steps, training.per_device_eval_batch_size', 'evaluation', 'no, 500, 8'],
    ['training.save_steps, training.save_epoch', 'checkpoints', '500, False'],
    ['training.grpo', 'reinforcement: lengths, generations, vLLM and its share', 'TRL’s; share 0.9'],
    ['training.trainer_kwargs', 'lengths, packing and losses of TRL', '{}'],
    ['training.verl_config_overrides', 'the run of VERL_GRPO, as verl’s own reader reads it', '{}'],
  ]),
  ...keyTable(`${FOLDER}/peft_params.py`, [
    [
      'peft.lora_r, peft.lora_dropout, peft.lora_target_modules, peft.lora_target_parameters, peft.lora_modules_to_save, peft.lora_bias',
      'adapter',
      'rank 8, dropout 0, PEFT’s own targets',
    ],
    [
      'peft.q_lora, peft.q_lora_bits, peft.bnb_4bit_quant_type, peft.use_bnb_nested_quant, peft.bnb_4bit_compute_dtype',
      'quantization',
      'False, 4, fp4, False, float32',
    ],
    ['peft.lora_exclude_modules', 'nothing: a finding says that the estimate leaves it out', 'None'],
  ]),
  ...keyTable(`${FOLDER}/fsdp_params.py`, [
    [
      'fsdp.enable_fsdp, fsdp.sharding_strategy, fsdp.cpu_offload, fsdp.auto_wrap_policy, fsdp.mixed_precision',
      'parallelism, offload, precision',
      'False, FULL_SHARD, False, NO_WRAP, None',
    ],
  ]),
  ...keyTable(`${FOLDER}/deepspeed_params.py`, [
    [
      'deepspeed.enable_deepspeed, deepspeed.zero_stage, deepspeed.offload_optimizer, deepspeed.offload_param, deepspeed.deepspeed_config_path',
      'parallelism, offload, buffers',
      'False, 0, None',
    ],
    [
      'deepspeed.reduce_bucket_size, deepspeed.allgather_bucket_size, deepspeed.stage3_prefetch_bucket_size, deepspeed.stage3_param_persistence_threshold, deepspeed.stage3_max_live_parameters, deepspeed.sub_group_size, deepspeed.overlap_comm',
      'buffers',
      'DeepSpeed’s; overlap_comm False',
    ],
  ]),
]

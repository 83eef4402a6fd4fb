import { samplesPerStep } from '../../plan/samples-per-step.ts'
import type { TrainingPlan } from '../../plan/training-plan.ts'
import {
  batchKeys,
  checkpointingSwitch,
  evaluationKey,
  type FrameworkSpelling,
  lengthKey,
  type Spelling,
} from './spelling.ts'

const HF = {
  'micro-batch': batchKeys('per_device_train_batch_size', 'gradient_accumulation_steps'),
  'evaluation-batch': evaluationKey('per_device_eval_batch_size'),
  checkpointing: checkpointingSwitch('gradient_checkpointing'),
  'eight-bit-optimizer': () => ({ optim: 'adamw_bnb_8bit' }),
  'half-precision': () => ({ bf16: true }),
} as const satisfies FrameworkSpelling

const TRL = {
  ...HF,
  'fused-loss': () => ({ use_liger_kernel: true }),
  'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
  packing: () => ({ packing: true }),
  'engine-share': ({ reinforcement }) => ({ vllm_gpu_memory_utilization: reinforcement?.colocatedMemoryShare }),
  'engine-sleep': () => ({ vllm_enable_sleep_mode: true }),
  'away-reference': ({ stage }) => (stage === 'dpo' ? { precompute_ref_log_probs: true } : {}),
  lora: () => ({ use_peft: true, lora_r: 16, lora_target_modules: 'all-linear' }),
  'quantized-base': () => ({ load_in_4bit: true }),
  'sequence-length': lengthKey('max_length|max_seq_length'),
} as const satisfies FrameworkSpelling

/** The names under which the projects ship their DeepSpeed configs. */
function deepSpeedFile(
  { parallelism: { data, offload } }: TrainingPlan,
  files: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const file = files[offload === 'none' ? data : `${data} offload`]
  return file === undefined ? {} : { deepspeed: file }
}

/** A change in the keys of Oumi's own sections; verl's settings stand elsewhere. */
function outsideVerl(spelling: Spelling): Spelling {
  return plan => (plan.framework === 'verl' ? {} : spelling(plan))
}

const OUMI_VERL = 'training.verl_config_overrides.actor_rollout_ref'

const OUMI: FrameworkSpelling = {
  'micro-batch': plan =>
    plan.framework === 'verl'
      ? { [`${OUMI_VERL}.actor.ppo_micro_batch_size_per_gpu`]: plan.microBatchSize }
      : batchKeys('training.per_device_train_batch_size', 'training.gradient_accumulation_steps')(plan),
  'evaluation-batch': outsideVerl(evaluationKey('training.per_device_eval_batch_size')),
  checkpointing: checkpointingSwitch('training.enable_gradient_checkpointing'),
  'fused-loss': ({ framework, stage }) =>
    framework === 'verl'
      ? { [`${OUMI_VERL}.model.use_fused_kernels`]: true }
      : stage === 'kto'
        ? {}
        : { 'model.enable_liger_kernel': true },
  'flash-attention': outsideVerl(() => ({ 'model.attn_implementation': 'flash_attention_2' })),
  packing: ({ framework, stage }) => (framework !== 'verl' && stage === 'pretrain' ? { 'data.train.pack': true } : {}),
  'eight-bit-optimizer': outsideVerl(() => ({ 'training.optimizer': 'adamw_8bit' })),
  'half-precision': outsideVerl(() => ({
    'model.torch_dtype_str': 'float32',
    'training.mixed_precision_dtype': 'BF16',
  })),
  'engine-share': ({ reinforcement }) => ({
    'training.grpo.vllm_gpu_memory_utilization': reinforcement?.colocatedMemoryShare,
  }),
  'away-reference': ({ stage }) =>
    stage === 'dpo' ? { 'training.trainer_kwargs.precompute_ref_log_probs': true } : {},
  lora: outsideVerl(() => ({
    'training.use_peft': true,
    'peft.lora_r': 16,
    'peft.lora_target_modules': ['all-linear'],
  })),
  // under FSDP the packed weights are stored in the model's dtype, which may be written nowhere
  'quantized-base': outsideVerl(({ parallelism }) =>
    parallelism.data === 'fsdp1'
      ? {}
      : {
          'peft.q_lora': true,
          'peft.bnb_4bit_quant_type': 'nf4',
          'peft.use_bnb_nested_quant': true,
          'peft.bnb_4bit_compute_dtype': 'bfloat16',
        },
  ),
  'sequence-length': plan =>
    plan.framework === 'verl' || plan.stage === 'kto' || plan.stage === 'grpo'
      ? {}
      : { 'model.model_max_length': plan.sequenceLength },
}

export const HUGGING_FACE_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  axolotl: {
    'micro-batch': batchKeys('micro_batch_size', 'gradient_accumulation_steps'),
    'evaluation-batch': evaluationKey('eval_batch_size'),
    checkpointing: checkpointingSwitch('gradient_checkpointing'),
    'fused-loss': () => ({
      plugins: ['axolotl.integrations.liger.LigerPlugin'],
      liger_fused_linear_cross_entropy: true,
    }),
    'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
    'half-precision': () => ({ bf16: true }),
    packing: () => ({ sample_packing: true }),
    'engine-share': ({ reinforcement }) => ({
      'trl.vllm_gpu_memory_utilization': reinforcement?.colocatedMemoryShare,
    }),
    'engine-sleep': () => ({ 'trl.vllm_enable_sleep_mode': true }),
    'eight-bit-optimizer': () => ({ optimizer: 'adamw_bnb_8bit' }),
    sharding: plan =>
      deepSpeedFile(plan, {
        zero2: 'deepspeed_configs/zero2.json',
        zero3: 'deepspeed_configs/zero3_bf16.json',
        'zero3 offload': 'deepspeed_configs/zero3_bf16_cpuoffload_all.json',
      }),
    lora: () => ({ adapter: 'lora', lora_r: 16, lora_alpha: 32, lora_target_linear: true }),
    'quantized-base': () => ({ adapter: 'qlora', load_in_4bit: true }),
    'sequence-length': lengthKey('sequence_len'),
  },
  'llama-factory': {
    ...HF,
    checkpointing: ({ gradientCheckpointing }) => ({
      disable_gradient_checkpointing: gradientCheckpointing === 'none',
    }),
    'fused-loss': () => ({ enable_liger_kernel: true }),
    'flash-attention': () => ({ flash_attn: 'fa2' }),
    packing: () => ({ packing: true }),
    sharding: plan =>
      deepSpeedFile(plan, {
        zero2: 'examples/deepspeed/ds_z2_config.json',
        zero3: 'examples/deepspeed/ds_z3_config.json',
        'zero2 offload': 'examples/deepspeed/ds_z2_offload_config.json',
        'zero3 offload': 'examples/deepspeed/ds_z3_offload_config.json',
      }),
    lora: () => ({ finetuning_type: 'lora', lora_rank: 16, lora_target: 'all' }),
    'quantized-base': () => ({ quantization_bit: 4 }),
    'sequence-length': lengthKey('cutoff_len'),
  },
  'llama-factory-v1': {
    'micro-batch': plan => ({ micro_batch_size: plan.microBatchSize, global_batch_size: samplesPerStep(plan) }),
    checkpointing: checkpointingSwitch('enable_activation_checkpointing'),
    'flash-attention': () => ({ flash_attn: 'flash_attention_2' }),
    'half-precision': () => ({ bf16: true }),
    lora: () => ({ 'peft_config.name': 'lora', 'peft_config.r': 16, 'peft_config.target_modules': 'all' }),
    'sequence-length': lengthKey('cutoff_len'),
  },
  trl: TRL,
  'open-r1': TRL,
  'alignment-handbook': TRL,
  transformers: {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'sequence-length': lengthKey('max_seq_length|max_length|model_max_length|block_size'),
  },
  'ms-swift': {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'flash-attention': () => ({ attn_impl: 'flash_attn' }),
    packing: () => ({ packing: true, attn_impl: 'flash_attn' }),
    'engine-share': ({ reinforcement }) => ({ vllm_gpu_memory_utilization: reinforcement?.colocatedMemoryShare }),
    'engine-sleep': () => ({ sleep_level: 1 }),
    sharding: plan =>
      deepSpeedFile(plan, {
        zero2: 'zero2',
        zero3: 'zero3',
        'zero2 offload': 'zero2_offload',
        'zero3 offload': 'zero3_offload',
      }),
    lora: () => ({ 'tuner_type|train_type|sft_type': 'lora', lora_rank: 16, target_modules: 'all-linear' }),
    'quantized-base': () => ({ quant_method: 'bnb', quant_bits: 4 }),
    'sequence-length': lengthKey('max_length'),
  },
  'open-instruct': {
    'micro-batch': batchKeys('per_device_train_batch_size', 'gradient_accumulation_steps'),
    checkpointing: checkpointingSwitch('gradient_checkpointing'),
    'fused-loss': ({ stage }) => (stage === 'sft' ? { use_liger_kernel: true } : {}),
    packing: () => ({ packing: true }),
    'engine-share': ({ reinforcement }) => ({ vllm_gpu_memory_utilization: reinforcement?.colocatedMemoryShare }),
    lora: () => ({ use_lora: true, lora_rank: 16 }),
    'quantized-base': () => ({ use_qlora: true }),
    'sequence-length': lengthKey('max_seq_length'),
  },
  oumi: OUMI,
  autotrain: {
    'micro-batch': batchKeys('params.batch_size', 'params.gradient_accumulation'),
    checkpointing: ({ gradientCheckpointing }) => ({
      'params.disable_gradient_checkpointing': gradientCheckpointing === 'none',
    }),
    'flash-attention': () => ({ 'params.use_flash_attention_2': true }),
    'half-precision': () => ({ 'params.mixed_precision': 'bf16' }),
    'eight-bit-optimizer': () => ({ 'params.optimizer': 'adamw_bnb_8bit' }),
    lora: () => ({ 'params.peft': true, 'params.lora_r': 16, 'params.quantization': 'none' }),
    'quantized-base': () => ({ 'params.quantization': 'int4' }),
    'sequence-length': lengthKey('params.block_size'),
  },
  unsloth: {
    'micro-batch': batchKeys(
      'training.batch_size|training.per_device_train_batch_size',
      'training.gradient_accumulation_steps',
    ),
    checkpointing: ({ gradientCheckpointing }) => ({
      'training.gradient_checkpointing': gradientCheckpointing === 'none' ? 'none' : 'unsloth',
    }),
    packing: () => ({ 'training.packing': true }),
    'eight-bit-optimizer': () => ({ 'training.optim': 'adamw_8bit' }),
    lora: () => ({ 'training.training_type': 'lora', 'training.load_in_4bit': false, 'lora.lora_r': 16 }),
    'quantized-base': () => ({ 'training.load_in_4bit': true }),
    'sequence-length': lengthKey('training.max_seq_length'),
  },
  ludwig: {
    'micro-batch': batchKeys('trainer.batch_size', 'trainer.gradient_accumulation_steps'),
    'evaluation-batch': evaluationKey('trainer.eval_batch_size'),
    checkpointing: checkpointingSwitch('trainer.enable_gradient_checkpointing'),
    packing: () => ({ 'trainer.packing': true }),
    'eight-bit-optimizer': () => ({ 'trainer.optimizer.type': 'adamw_8bit' }),
    lora: () => ({ 'adapter.type': 'lora' }),
    'quantized-base': () => ({ 'quantization.bits': 4 }),
    'sequence-length': lengthKey('preprocessing.global_max_sequence_length'),
  },
}

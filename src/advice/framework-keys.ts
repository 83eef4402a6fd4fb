import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ChangeId } from './plan-changes.ts'

/**
 * How a framework's own file says a change: keys with their new values. Of spellings separated by `|` the one that the
 * file has is meant, else the first.
 */
type Spelling = (plan: TrainingPlan) => Readonly<Record<string, unknown>>

const HF_BATCH: Spelling = ({ microBatchSize, gradientAccumulationSteps }) => ({
  per_device_train_batch_size: microBatchSize,
  gradient_accumulation_steps: gradientAccumulationSteps,
})
const CHECKPOINTING: Spelling = () => ({ gradient_checkpointing: true })
const HF = {
  'smaller-micro-batch': HF_BATCH,
  checkpointing: CHECKPOINTING,
  'eight-bit-optimizer': () => ({ optim: 'adamw_bnb_8bit' }),
} as const satisfies Partial<Record<ChangeId, Spelling>>

const TRL = {
  ...HF,
  'fused-loss': () => ({ use_liger_kernel: true }),
  'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
  lora: () => ({ use_peft: true, lora_r: 16, lora_target_modules: 'all-linear' }),
  'quantized-base': () => ({ load_in_4bit: true }),
  'shorter-sequences': ({ sequenceLength }) => ({ 'max_length|max_seq_length': sequenceLength }),
} as const satisfies Partial<Record<ChangeId, Spelling>>

export type FrameworkSpelling = Partial<Readonly<Record<ChangeId, Spelling>>>

/** Formats by reader name; a change without a row is not offered for that format. */
export const FRAMEWORK_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  preflop: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      micro_batch_size: microBatchSize,
      gradient_accumulation_steps: gradientAccumulationSteps,
    }),
    checkpointing: () => ({ gradient_checkpointing: 'full' }),
    'fused-loss': () => ({ loss: 'fused_linear', fused_kernels: 'liger' }),
    'flash-attention': () => ({ attention: 'flash' }),
    'eight-bit-optimizer': () => ({ 'precision.optimizer_states': 'int8' }),
    'shard-optimizer': () => ({
      'parallelism.data': 'zero2',
      'precision.weights': 'bfloat16',
      'precision.gradients': 'bfloat16',
      'precision.optimizer_states': 'float32',
      'precision.master_weights': true,
      'precision.autocast': false,
    }),
    'shard-everything': () => ({
      'parallelism.data': 'zero3',
      'precision.weights': 'bfloat16',
      'precision.gradients': 'bfloat16',
      'precision.optimizer_states': 'float32',
      'precision.master_weights': true,
      'precision.autocast': false,
    }),
    'offload-optimizer': () => ({ 'parallelism.offload': 'optimizer' }),
    lora: ({ precision }) => ({
      'adapter.type': 'lora',
      'adapter.rank': 16,
      'adapter.target_modules': 'all-linear',
      'precision.weights': precision.weights,
      'precision.gradients': 'float32',
      'precision.optimizer_states': 'float32',
      'precision.master_weights': false,
    }),
    'quantized-base': () => ({ quantization: 'nf4-double' }),
    'shorter-sequences': ({ sequenceLength }) => ({ sequence_length: sequenceLength }),
  },
  axolotl: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      micro_batch_size: microBatchSize,
      gradient_accumulation_steps: gradientAccumulationSteps,
    }),
    checkpointing: CHECKPOINTING,
    'fused-loss': () => ({
      plugins: ['axolotl.integrations.liger.LigerPlugin'],
      liger_fused_linear_cross_entropy: true,
    }),
    'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
    'eight-bit-optimizer': () => ({ optimizer: 'adamw_bnb_8bit' }),
    'shard-optimizer': () => ({ deepspeed: 'deepspeed_configs/zero2.json' }),
    'shard-everything': () => ({ deepspeed: 'deepspeed_configs/zero3_bf16.json' }),
    'offload-optimizer': ({ parallelism }) =>
      parallelism.data === 'zero3' ? { deepspeed: 'deepspeed_configs/zero3_bf16_cpuoffload_all.json' } : {},
    lora: () => ({ adapter: 'lora', lora_r: 16, lora_alpha: 32, lora_target_linear: true }),
    'quantized-base': () => ({ adapter: 'qlora', load_in_4bit: true }),
    'shorter-sequences': ({ sequenceLength }) => ({ sequence_len: sequenceLength }),
  },
  'llama-factory': {
    ...HF,
    checkpointing: () => ({ disable_gradient_checkpointing: false }),
    'fused-loss': () => ({ enable_liger_kernel: true }),
    'flash-attention': () => ({ flash_attn: 'fa2' }),
    'shard-optimizer': () => ({ deepspeed: 'examples/deepspeed/ds_z2_config.json' }),
    'shard-everything': () => ({ deepspeed: 'examples/deepspeed/ds_z3_config.json' }),
    'offload-optimizer': ({ parallelism }) => ({
      deepspeed: `examples/deepspeed/ds_z${parallelism.data === 'zero3' ? 3 : 2}_offload_config.json`,
    }),
    lora: () => ({ finetuning_type: 'lora', lora_rank: 16, lora_target: 'all' }),
    'quantized-base': () => ({ quantization_bit: 4 }),
    'shorter-sequences': ({ sequenceLength }) => ({ cutoff_len: sequenceLength }),
  },
  'llama-factory-v1': {
    'smaller-micro-batch': ({ microBatchSize }) => ({ micro_batch_size: microBatchSize }),
    checkpointing: () => ({ enable_activation_checkpointing: true }),
    'flash-attention': () => ({ flash_attn: 'flash_attention_2' }),
    'shorter-sequences': ({ sequenceLength }) => ({ cutoff_len: sequenceLength }),
  },
  trl: TRL,
  'open-r1': TRL,
  'alignment-handbook': TRL,
  transformers: { ...HF, 'fused-loss': () => ({ use_liger_kernel: true }) },
  torchtune: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      batch_size: microBatchSize,
      gradient_accumulation_steps: gradientAccumulationSteps,
    }),
    checkpointing: () => ({ enable_activation_checkpointing: true }),
    'fused-loss': () => ({ 'loss._component_': 'torchtune.modules.loss.LinearCrossEntropyLoss' }),
    'quantized-base': () => ({ 'model.quantize_base': true }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'tokenizer.max_seq_len': sequenceLength }),
  },
  litgpt: {
    // Accumulation follows from the global batch.
    'smaller-micro-batch': ({ microBatchSize }) => ({ 'train.micro_batch_size': microBatchSize }),
    // bitsandbytes runs on one device only (litgpt/finetune/lora.py).
    'quantized-base': ({ gpus }) => (gpus === 1 ? { quantize: 'bnb.nf4', precision: 'bf16-true' } : {}),
    'shorter-sequences': ({ sequenceLength }) => ({ 'train.max_seq_length': sequenceLength }),
  },
  torchtitan: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps, gpus, parallelism }) => ({
      'training.local_batch_size|training.batch_size': microBatchSize,
      'training.global_batch_size':
        (microBatchSize * gradientAccumulationSteps * gpus) /
        (parallelism.tensor * parallelism.pipeline * parallelism.context),
    }),
    checkpointing: () => ({ 'activation_checkpoint.mode': 'full' }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'training.seq_len': sequenceLength }),
  },
  'nemo-automodel': {
    'smaller-micro-batch': ({ microBatchSize }) => ({ 'step_scheduler.local_batch_size': microBatchSize }),
    checkpointing: () => ({ 'distributed.activation_checkpointing': true }),
    'shorter-sequences': ({ packing, sequenceLength }) => ({
      [packing ? 'packed_sequence.packed_sequence_size' : 'dataset.seq_length']: sequenceLength,
    }),
  },
  'llm-foundry': {
    'smaller-micro-batch': ({ microBatchSize }) => ({ device_train_microbatch_size: microBatchSize }),
    checkpointing: () => ({ 'fsdp_config.activation_checkpointing': true }),
    'shorter-sequences': ({ sequenceLength }) => ({ max_seq_len: sequenceLength }),
  },
  olmo: {
    'smaller-micro-batch': ({ microBatchSize }) => ({ device_train_microbatch_size: microBatchSize }),
    checkpointing: () => ({ activation_checkpointing: 'whole_layer' }),
  },
  'gpt-neox': {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      'train_micro_batch_size_per_gpu|train-micro-batch-size-per-gpu': microBatchSize,
      'gradient_accumulation_steps|gradient-accumulation-steps': gradientAccumulationSteps,
    }),
    checkpointing: () => ({ 'checkpoint_activations|checkpoint-activations': true }),
  },
  nanotron: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      'tokens.micro_batch_size': microBatchSize,
      'tokens.batch_accumulation_per_replica': gradientAccumulationSteps,
    }),
    checkpointing: () => ({ 'parallelism.recompute_layer': true }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'tokens.sequence_length': sequenceLength }),
  },
  autotrain: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      'params.batch_size': microBatchSize,
      'params.gradient_accumulation': gradientAccumulationSteps,
    }),
    checkpointing: () => ({ 'params.disable_gradient_checkpointing': false }),
    'eight-bit-optimizer': () => ({ 'params.optimizer': 'adamw_bnb_8bit' }),
    lora: () => ({ 'params.peft': true, 'params.lora_r': 16, 'params.quantization': 'none' }),
    'quantized-base': () => ({ 'params.quantization': 'int4' }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'params.block_size': sequenceLength }),
  },
  unsloth: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      'training.batch_size|training.per_device_train_batch_size': microBatchSize,
      'training.gradient_accumulation_steps': gradientAccumulationSteps,
    }),
    checkpointing: () => ({ 'training.gradient_checkpointing': 'unsloth' }),
    lora: () => ({ 'training.training_type': 'lora', 'training.load_in_4bit': false, 'lora.lora_r': 16 }),
    'quantized-base': () => ({ 'training.load_in_4bit': true }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'training.max_seq_length': sequenceLength }),
  },
  'ms-swift': {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'flash-attention': () => ({ attn_impl: 'flash_attn' }),
    'shard-optimizer': () => ({ deepspeed: 'zero2' }),
    'shard-everything': () => ({ deepspeed: 'zero3' }),
    'offload-optimizer': ({ parallelism }) => ({
      deepspeed: parallelism.data === 'zero3' ? 'zero3_offload' : 'zero2_offload',
    }),
    lora: () => ({ 'tuner_type|train_type|sft_type': 'lora', lora_rank: 16, target_modules: 'all-linear' }),
    'quantized-base': () => ({ quant_method: 'bnb', quant_bits: 4 }),
    'shorter-sequences': ({ sequenceLength }) => ({ max_length: sequenceLength }),
  },
  verl: {
    'smaller-micro-batch': ({ microBatchSize }) => ({
      'actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu': microBatchSize,
    }),
    checkpointing: () => ({ 'actor_rollout_ref.model.enable_gradient_checkpointing': true }),
    lora: () => ({ 'actor_rollout_ref.model.lora_rank': 16, 'actor_rollout_ref.model.target_modules': 'all-linear' }),
  },
  megatron: {
    'smaller-micro-batch': ({ microBatchSize }) => ({ 'micro-batch-size': microBatchSize }),
    checkpointing: () => ({
      'recompute-granularity': 'full',
      'recompute-method': 'uniform',
      'recompute-num-layers': 1,
    }),
  },
  openrlhf: {
    'smaller-micro-batch': ({ microBatchSize }) => ({ micro_train_batch_size: microBatchSize }),
    checkpointing: CHECKPOINTING,
    'shard-everything': () => ({ zero_stage: 3 }),
    'offload-optimizer': () => ({ adam_offload: true }),
  },
}

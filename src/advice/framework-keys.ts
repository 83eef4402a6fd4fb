import type { TrainingPlan } from '../plan/training-plan.ts'
import type { ChangeId } from './plan-changes.ts'

/** How a framework's own file says a change: keys with their new values. */
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

/** Formats by reader name; a change without a row is not offered for that format. */
export const FRAMEWORK_KEYS: Readonly<Record<string, Partial<Readonly<Record<ChangeId, Spelling>>>>> = {
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
    lora: () => ({ adapter: 'lora', lora_r: 16, lora_alpha: 32, lora_target_linear: true }),
    'quantized-base': () => ({ adapter: 'qlora', load_in_4bit: true }),
    'shorter-sequences': ({ sequenceLength }) => ({ sequence_len: sequenceLength }),
  },
  'llama-factory': {
    ...HF,
    checkpointing: () => ({ disable_gradient_checkpointing: false }),
    'fused-loss': () => ({ enable_liger_kernel: true }),
    'flash-attention': () => ({ flash_attn: 'fa2' }),
    lora: () => ({ finetuning_type: 'lora', lora_rank: 16, lora_target: 'all' }),
    'quantized-base': () => ({ quantization_bit: 4 }),
    'shorter-sequences': ({ sequenceLength }) => ({ cutoff_len: sequenceLength }),
  },
  trl: {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
    lora: () => ({ use_peft: true, lora_r: 16, lora_target_modules: 'all-linear' }),
    'quantized-base': () => ({ load_in_4bit: true }),
    'shorter-sequences': ({ sequenceLength }) => ({ max_length: sequenceLength }),
  },
  'alignment-handbook': {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    lora: () => ({ use_peft: true, lora_r: 16, lora_target_modules: 'all-linear' }),
    'quantized-base': () => ({ load_in_4bit: true }),
  },
  transformers: { ...HF, 'fused-loss': () => ({ use_liger_kernel: true }) },
  torchtune: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      batch_size: microBatchSize,
      gradient_accumulation_steps: gradientAccumulationSteps,
    }),
    checkpointing: () => ({ enable_activation_checkpointing: true }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'tokenizer.max_seq_len': sequenceLength }),
  },
  'ms-swift': {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'flash-attention': () => ({ attn_impl: 'flash_attn' }),
    'quantized-base': () => ({ quant_method: 'bnb', quant_bits: 4 }),
    'shorter-sequences': ({ sequenceLength }) => ({ max_length: sequenceLength }),
  },
  'open-r1': {
    ...HF,
    'fused-loss': () => ({ use_liger_kernel: true }),
    'flash-attention': () => ({ attn_implementation: 'flash_attention_2' }),
  },
  unsloth: {
    'smaller-micro-batch': ({ microBatchSize, gradientAccumulationSteps }) => ({
      'training.batch_size': microBatchSize,
      'training.gradient_accumulation_steps': gradientAccumulationSteps,
    }),
    checkpointing: () => ({ 'training.gradient_checkpointing': 'unsloth' }),
    lora: () => ({ 'training.training_type': 'lora', 'training.load_in_4bit': false, 'lora.lora_r': 16 }),
    'quantized-base': () => ({ 'training.load_in_4bit': true }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'training.max_seq_length': sequenceLength }),
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
  verl: {
    'smaller-micro-batch': ({ microBatchSize }) => ({
      'actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu': microBatchSize,
    }),
    checkpointing: () => ({ 'actor_rollout_ref.model.enable_gradient_checkpointing': true }),
    lora: () => ({ 'actor_rollout_ref.model.lora_rank': 16, 'actor_rollout_ref.model.target_modules': 'all-linear' }),
  },
  litgpt: {
    // accumulation follows from the global batch
    'smaller-micro-batch': ({ microBatchSize }) => ({ 'train.micro_batch_size': microBatchSize }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'train.max_seq_length': sequenceLength }),
  },
  'nemo-automodel': {
    'smaller-micro-batch': ({ microBatchSize }) => ({ 'step_scheduler.local_batch_size': microBatchSize }),
    checkpointing: () => ({ 'distributed.activation_checkpointing': true }),
    'shorter-sequences': ({ packing, sequenceLength }) => ({
      [packing ? 'packed_sequence.packed_sequence_size' : 'dataset.seq_length']: sequenceLength,
    }),
  },
  torchtitan: {
    checkpointing: () => ({ 'activation_checkpoint.mode': 'full' }),
    'shorter-sequences': ({ sequenceLength }) => ({ 'training.seq_len': sequenceLength }),
  },
}

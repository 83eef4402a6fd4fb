import { samplesPerStep } from '../../plan/samples-per-step.ts'
import { batchKeys, checkpointingSwitch, evaluationKey, type FrameworkSpelling, lengthKey } from './spelling.ts'

/** Trainers on plain torch: each has its own tables. */
export const NATIVE_TRAINER_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  torchtune: {
    'micro-batch': batchKeys('batch_size', 'gradient_accumulation_steps'),
    'evaluation-batch': evaluationKey('batch_size_val'),
    checkpointing: checkpointingSwitch('enable_activation_checkpointing'),
    'fused-loss': () => ({ 'loss._component_': 'torchtune.modules.loss.LinearCrossEntropyLoss' }),
    packing: () => ({ 'dataset.packed': true }),
    // bitsandbytes has no states over FSDP2's sharded tensors.
    'eight-bit-optimizer': ({ gpus }) =>
      gpus === 1 ? { 'optimizer._component_': 'bitsandbytes.optim.PagedAdamW8bit' } : {},
    'offload-everything': () => ({ fsdp_cpu_offload: true }),
    'quantized-base': () => ({ 'model.quantize_base': true }),
    'sequence-length': lengthKey('tokenizer.max_seq_len'),
  },
  litgpt: {
    // Accumulation follows from the global batch.
    'micro-batch': ({ microBatchSize }) => ({ 'train.micro_batch_size': microBatchSize }),
    'half-precision': () => ({ precision: 'bf16-mixed' }),
    // bitsandbytes runs on one device only (litgpt/finetune/lora.py).
    'quantized-base': ({ gpus }) => (gpus === 1 ? { quantize: 'bnb.nf4', precision: 'bf16-true' } : {}),
    'sequence-length': lengthKey('train.max_seq_length'),
  },
  torchtitan: {
    'micro-batch': plan => ({
      'training.local_batch_size|training.batch_size': plan.microBatchSize,
      'training.global_batch_size': samplesPerStep(plan),
    }),
    'evaluation-batch': evaluationKey('validation.local_batch_size'),
    checkpointing: ({ gradientCheckpointing }) => ({
      'activation_checkpoint.mode': gradientCheckpointing === 'none' ? 'none' : 'full',
    }),
    'tensor-ranks': plan => ({
      'parallelism.tensor_parallel_degree': plan.parallelism.tensor,
      'training.global_batch_size': samplesPerStep(plan),
    }),
    'offload-everything': () => ({ 'training.enable_cpu_offload': true }),
    'sequence-length': lengthKey('training.seq_len'),
  },
  'nemo-automodel': {
    'micro-batch': ({ microBatchSize }) => ({ 'step_scheduler.local_batch_size': microBatchSize }),
    checkpointing: checkpointingSwitch('distributed.activation_checkpointing'),
    'flash-attention': () => ({ 'model.attn_implementation': 'flash_attention_2' }),
    'tensor-ranks': ({ parallelism }) => ({ 'distributed.tp_size': parallelism.tensor }),
    lora: () => ({
      'peft._target_': 'nemo_automodel.components._peft.lora.PeftConfig',
      'peft.dim': 16,
      'peft.match_all_linear': true,
    }),
    'quantized-base': () => ({ 'quantization.load_in_4bit': true }),
    'sequence-length': ({ packing, sequenceLength }) => ({
      [packing ? 'packed_sequence.packed_sequence_size' : 'dataset.seq_length']: sequenceLength,
    }),
  },
  'llm-foundry': {
    'micro-batch': ({ microBatchSize }) => ({ device_train_microbatch_size: microBatchSize }),
    'evaluation-batch': evaluationKey('device_eval_batch_size'),
    checkpointing: checkpointingSwitch('fsdp_config.activation_checkpointing'),
    'sequence-length': lengthKey('max_seq_len'),
  },
  olmo: {
    'micro-batch': ({ microBatchSize }) => ({ device_train_microbatch_size: microBatchSize }),
    'evaluation-batch': evaluationKey('device_eval_batch_size'),
    checkpointing: ({ gradientCheckpointing }) => ({
      activation_checkpointing: gradientCheckpointing === 'none' ? null : 'whole_layer',
    }),
  },
  nanotron: {
    'micro-batch': batchKeys('tokens.micro_batch_size', 'tokens.batch_accumulation_per_replica'),
    checkpointing: checkpointingSwitch('parallelism.recompute_layer'),
    'sequence-length': lengthKey('tokens.sequence_length'),
  },
}

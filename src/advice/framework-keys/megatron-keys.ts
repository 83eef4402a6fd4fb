import { batchKeys, checkpointingSwitch, type FrameworkSpelling, lengthKey } from './spelling.ts'

/** Arguments that argparse only switches on cannot be switched off by a value. */
const ARGUMENTS: FrameworkSpelling = {
  'micro-batch': ({ microBatchSize }) => ({ 'micro-batch-size|train.micro_batch_size|mb': microBatchSize }),
  checkpointing: ({ gradientCheckpointing }) =>
    gradientCheckpointing === 'full'
      ? { 'recompute-granularity': 'full', 'recompute-method': 'uniform', 'recompute-num-layers': 1 }
      : {},
  'half-precision': () => ({ bf16: true }),
  'distributed-optimizer': () => ({ 'use-distributed-optimizer': true }),
  'tensor-ranks': ({ parallelism }) => ({
    'tensor-model-parallel-size|model.tensor_model_parallel_size|tp': parallelism.tensor,
  }),
}

/** Megatron core and what is built on it. */
export const MEGATRON_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  megatron: ARGUMENTS,
  /** A mapping of arguments in YAML: Megatron-LM's own test recipes have it under `MODEL_ARGS`. */
  'megatron-lm': Object.fromEntries(
    Object.entries(ARGUMENTS).map(([change, spell]) => [
      change,
      plan => Object.fromEntries(Object.entries(spell(plan)).map(([keys, value]) => [inMapping(keys), value])),
    ]),
  ),
  'megatron-bridge': {
    'micro-batch': ({ microBatchSize }) => ({ 'train.micro_batch_size|micro_batch_size|mb': microBatchSize }),
    checkpointing: ({ gradientCheckpointing }) =>
      gradientCheckpointing === 'full'
        ? {
            'model.recompute_granularity': 'full',
            'model.recompute_method': 'uniform',
            'model.recompute_num_layers': 1,
          }
        : {},
    'distributed-optimizer': () => ({ 'ddp.use_distributed_optimizer': true }),
    'tensor-ranks': ({ parallelism }) => ({
      'model.tensor_model_parallel_size|tensor_model_parallel_size|tp': parallelism.tensor,
    }),
  },
  nemo: {
    'micro-batch': ({ microBatchSize }) => ({ 'model.micro_batch_size': microBatchSize }),
    checkpointing: ({ gradientCheckpointing }) =>
      gradientCheckpointing === 'full'
        ? {
            'model.activations_checkpoint_granularity': 'full',
            'model.activations_checkpoint_method': 'uniform',
            'model.activations_checkpoint_num_layers': 1,
          }
        : { 'model.activations_checkpoint_granularity': null },
    'distributed-optimizer': () => ({ 'model.optim.name': 'distributed_fused_adam' }),
    'tensor-ranks': ({ parallelism }) => ({ 'model.tensor_model_parallel_size': parallelism.tensor }),
    lora: () => ({ 'model.peft.peft_scheme': 'lora' }),
    'sequence-length': lengthKey('model.data.train_ds.max_seq_length|model.encoder_seq_length'),
  },
  'gpt-neox': {
    'micro-batch': batchKeys(
      'train_micro_batch_size_per_gpu|train-micro-batch-size-per-gpu',
      'gradient_accumulation_steps|gradient-accumulation-steps',
    ),
    checkpointing: checkpointingSwitch('checkpoint_activations|checkpoint-activations'),
    'tensor-ranks': ({ parallelism, gradientAccumulationSteps }) => ({
      'model_parallel_size|model-parallel-size': parallelism.tensor,
      'gradient_accumulation_steps|gradient-accumulation-steps': gradientAccumulationSteps,
    }),
  },
}

function inMapping(keys: string): string {
  const [name = keys] = keys.split('|')
  return [`MODEL_ARGS.--${name}`, `--${name}`].join('|')
}

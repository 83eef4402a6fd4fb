import type { TrainingPlan } from '../../plan/training-plan.ts'
import { type FrameworkSpelling, lengthKey, ValueBySpelling } from './spelling.ts'

const ACTOR = 'actor_rollout_ref.actor'
const MODEL = 'actor_rollout_ref.model'

/** verl's fine-tuning trainers have the keys of its reinforcement trainers in other places. */
function verlModel({ stage }: TrainingPlan): string {
  return stage === 'sft' ? 'model' : MODEL
}

/** verl refuses both keys together; the deprecated one counts over the data-parallel ranks. */
function actorMicroBatch({ microBatchSize, gpus, parallelism }: TrainingPlan): Readonly<Record<string, unknown>> {
  const { tensor, pipeline, context } = parallelism
  const [own, overAll] = [`${ACTOR}.ppo_micro_batch_size_per_gpu`, `${ACTOR}.ppo_micro_batch_size`]
  const ranks = gpus / (tensor * pipeline * context)
  return {
    [`${own}|${overAll}`]: new ValueBySpelling({ [own]: microBatchSize, [overAll]: microBatchSize * ranks }),
  }
}

/** FSDP2 through Automodel, or Megatron core. */
function nemoEngine({ parallelism }: TrainingPlan): string {
  return ['fsdp2', 'none'].includes(parallelism.data) ? 'policy.dtensor_cfg' : 'policy.megatron_cfg'
}

/** Trainers of reinforcement learning: their global batch stands in keys of its own, so that accumulation follows. */
export const REINFORCEMENT_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  verl: {
    'micro-batch': plan =>
      plan.stage === 'sft' ? { 'data.micro_batch_size_per_gpu': plan.microBatchSize } : actorMicroBatch(plan),
    'token-batch': ({ sequenceLength, parallelism }) => ({
      [`${ACTOR}.ppo_max_token_len_per_gpu`]: Math.ceil(sequenceLength / parallelism.context),
    }),
    checkpointing: plan => ({
      [`${verlModel(plan)}.enable_gradient_checkpointing`]: plan.gradientCheckpointing !== 'none',
    }),
    'fused-loss': plan => ({ [`${verlModel(plan)}.use_fused_kernels`]: true }),
    'engine-share': ({ reinforcement }) => ({
      'actor_rollout_ref.rollout.gpu_memory_utilization': reinforcement?.colocatedMemoryShare,
    }),
    'engine-sleep': () => ({ 'actor_rollout_ref.rollout.free_cache_engine': true }),
    'away-reference': () => ({ 'actor_rollout_ref.ref.fsdp_config.param_offload': true }),
    'offload-everything': () => ({ [`${ACTOR}.fsdp_config.offload_policy`]: true }),
    lora: plan => ({ [`${verlModel(plan)}.lora_rank`]: 16, [`${verlModel(plan)}.target_modules`]: 'all-linear' }),
    'sequence-length': ({ stage, sequenceLength }) => (stage === 'sft' ? { 'data.max_length': sequenceLength } : {}),
  },
  openrlhf: {
    'micro-batch': ({ microBatchSize }) => ({ 'micro_train_batch_size|train.micro_batch_size': microBatchSize }),
    'token-batch': lengthKey('train_max_tokens_per_gpu|train.max_tokens_per_gpu'),
    checkpointing: ({ gradientCheckpointing, stage }) =>
      gradientCheckpointing === 'none'
        ? {}
        : {
            [`gradient_checkpointing|${['ppo', 'grpo'].includes(stage) ? 'actor' : 'model'}.gradient_checkpointing_enable`]: true,
          },
    'fused-loss': () => ({ 'use_liger_kernel|ds.use_liger_kernel': true }),
    'engine-share': ({ reinforcement }) => ({
      'vllm_gpu_memory_utilization|vllm.gpu_memory_utilization': reinforcement?.colocatedMemoryShare,
    }),
    'engine-sleep': () => ({ 'vllm_enable_sleep|vllm.enable_sleep': true }),
    'away-reference': () => ({ 'ref_offload|ref.offload': true }),
    sharding: ({ parallelism: { data, offload } }) => ({
      'zero_stage|ds.zero_stage': Number(data.slice(-1)),
      ...(offload === 'none' ? {} : { 'adam_offload|ds.adam_offload': true }),
    }),
    lora: () => ({ 'lora_rank|ds.lora.rank': 16 }),
    'quantized-base': () => ({ 'load_in_4bit|ds.load_in_4bit': true }),
    'sequence-length': ({ reinforcement, sequenceLength }) =>
      reinforcement?.generation === 'none' || reinforcement === null ? { 'max_len|data.max_len': sequenceLength } : {},
  },
  'nemo-rl': {
    'micro-batch': ({ microBatchSize }) => ({ 'policy.train_micro_batch_size': microBatchSize }),
    checkpointing: plan => ({
      [`${nemoEngine(plan)}.activation_checkpointing`]: plan.gradientCheckpointing !== 'none',
    }),
    'tensor-ranks': plan => ({
      [`${nemoEngine(plan)}.${nemoEngine(plan).endsWith('dtensor_cfg') ? 'tensor_parallel_size' : 'tensor_model_parallel_size'}`]:
        plan.parallelism.tensor,
    }),
    'offload-everything': () => ({ 'policy.dtensor_cfg.cpu_offload': true }),
    'sequence-length': lengthKey('policy.max_total_sequence_length'),
  },
}

import type { FormatKey } from '../reader.ts'
import { keyTable } from '../section.ts'

const RL = 'verl 0.8 trainer/config/_generated_ppo_trainer.yaml'
const SFT = 'verl 0.8 trainer/config/sft_trainer.yaml, sft_trainer_engine.yaml'
const ACTOR = 'actor_rollout_ref.actor'
const MODEL = 'actor_rollout_ref.model'
const ROLLOUT = 'actor_rollout_ref.rollout'

/** What is done with the keys of the reinforcement trainers. */
export const VERL_KEYS: readonly FormatKey[] = keyTable(RL, [
  [`${MODEL}.path`, 'model', 'required'],
  ['algorithm.adv_estimator', 'stage and value model', 'gae: PPO with a critic'],
  [`${ACTOR}.strategy`, 'parallelism.data', 'fsdp: FSDP1'],
  [`${ACTOR}.fsdp_config.model_dtype`, 'precision of weights, gradients and states', 'fp32'],
  [`${ACTOR}.fsdp_config.fsdp_size, ${ACTOR}.fsdp_config.reshard_after_forward`, 'parallelism', '-1: all ranks, true'],
  [`${ACTOR}.fsdp_config.offload_policy`, 'parallelism.offload', 'false'],
  [`${ACTOR}.ulysses_sequence_parallel_size`, 'parallelism.context', '1'],
  [`${ACTOR}.ppo_mini_batch_size`, 'globalBatchSize: prompts × responses', '256'],
  [`${ACTOR}.ppo_micro_batch_size_per_gpu, ${ACTOR}.ppo_micro_batch_size`, 'microBatchSize', 'required'],
  [
    `${ACTOR}.use_dynamic_bsz, ${ACTOR}.ppo_max_token_len_per_gpu`,
    'packing, sequenceLength, gradientAccumulationSteps',
    'False, 16384',
  ],
  [`${ACTOR}.ppo_epochs`, 'reinforcement.iterations', '1'],
  [`${ACTOR}.optim.optimizer`, 'optimizer', 'AdamW'],
  [`${ACTOR}.megatron.*`, 'parallelism and precision of the Megatron engine', 'sizes 1'],
  [`${MODEL}.enable_gradient_checkpointing`, 'gradientCheckpointing', 'True since 0.2'],
  [`${MODEL}.enable_activation_offload`, 'activationOffload', 'False'],
  [`${MODEL}.use_remove_padding`, 'dataset.padding', 'True since 0.7'],
  [`${MODEL}.use_fused_kernels, ${MODEL}.use_liger`, 'loss, fusedKernels', 'False'],
  [`${MODEL}.lora_rank, ${MODEL}.target_modules`, 'adapter', '0: none, all-linear'],
  [`${ACTOR}.use_kl_loss, algorithm.use_kl_in_reward`, 'reinforcement.referenceModel', 'False: none'],
  [`${ROLLOUT}.n`, 'reinforcement.generations', '1'],
  [`${ROLLOUT}.name, ${ROLLOUT}.gpu_memory_utilization`, 'reinforcement: colocated engine and its share', 'vllm, 0.5'],
  [`${ROLLOUT}.free_cache_engine`, 'reinforcement.sleepMode', 'True'],
  ['reward_model.enable', 'reinforcement.rewardModel', 'False'],
  ['data.max_prompt_length, data.max_response_length', 'sequenceLength', '512, 512'],
  ['data.train_batch_size', 'optimizer steps a trainer step', '1024'],
  ['data.train_files, data.train_max_samples', 'dataset', 'required, -1'],
  ['trainer.n_gpus_per_node, trainer.nnodes', 'gpus', '8, 1'],
  ['trainer.total_epochs, trainer.total_training_steps', 'dataset', '30, null'],
  ['trainer.save_freq, trainer.test_freq', 'checkpoints, evaluation', '-1, -1'],
])

/** What is done with the keys of supervised fine-tuning. */
export const VERL_SFT_KEYS: readonly FormatKey[] = keyTable(SFT, [
  ['model.partial_pretrain, model.path', 'model (SFT trainers)', 'required'],
  ['model.strategy, engine.strategy', 'parallelism.data (SFT trainers)', 'fsdp2; engine: fsdp'],
  ['data.micro_batch_size_per_gpu', 'microBatchSize (SFT trainers)', '4'],
  ['data.max_length', 'sequenceLength (SFT trainers)', '1024'],
  ['data.use_dynamic_bsz, data.max_token_len_per_gpu', 'packing (engine trainer)', 'True, 8192'],
])

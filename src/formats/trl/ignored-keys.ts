import { IGNORED_ARGUMENTS } from '../hugging-face/ignored-arguments.ts'
import type { IgnoredKeys } from '../ignored-keys.ts'

/** Arguments of TRL 1.13 that the reader takes nothing from, besides those of transformers. */
export const TRL_IGNORED: readonly IgnoredKeys[] = [
  ...IGNORED_ARGUMENTS,
  {
    about: 'coefficients of the loss and of rewards',
    effect: 'none',
    names: `center_rewards_coefficient delta undesirable_weight discopop_tau entropy_coef entropy_coef_delta entropy_coef_max
      entropy_coef_min entropy_target epsilon epsilon_high f_alpha_divergence_coef f_divergence_type importance_sampling_level label_smoothing
      ld_alpha loss_weights mask_truncated_completions multi_objective_aggregation normalize_advantages off_policy_mask_threshold
      reward_clip_range reward_weights router_aux_loss_coef sapo_temperature_neg sapo_temperature_pos scale_rewards top_entropy_quantile
      use_adaptive_entropy use_bias_correction_kl use_weighting vespo_k_neg vespo_k_pos vespo_lambda_neg vespo_lambda_pos
      vllm_importance_sampling_cap vllm_importance_sampling_clip_max vllm_importance_sampling_clip_min vllm_importance_sampling_correction
      vllm_importance_sampling_mode assistant_only_loss completion_only_loss disable_dropout`,
  },
  {
    about: 'data, templates and tokens',
    effect: 'none',
    names: `chat_template_kwargs chat_template_path dataset_config dataset_kwargs dataset_num_proc dataset_streaming streaming
      dataset_test_split dataset_text_field dataset_train_split eos_token pad_token shuffle_dataset test_split_size truncation_mode
      packing_strategy trust_remote_code`,
  },
  { about: 'the data of alignment-handbook and of recipes after it', effect: 'none', names: 'dataset_configs' },
  {
    about: 'how answers are drawn, and the server that draws them',
    effect: 'none',
    names: `cache_implementation generation_kwargs min_p repetition_penalty temperature top_k top_p max_tool_calling_iterations
      vllm_group_port vllm_max_model_length vllm_model_impl vllm_server_base_url vllm_server_host vllm_server_port vllm_server_timeout
      vllm_structured_outputs_regex log_completions log_completions_hub_repo log_multimodal log_unique_prompts num_completions_to_print
      transformers_continuous_batching_config use_transformers_continuous_batching use_transformers_paged`,
  },
  {
    about: 'the adapter beside its size',
    effect: 'none',
    names: 'lora_alpha lora_task_type use_rslora ignore_bias_buffers model_init_kwargs',
  },
  {
    about: 'padding to a multiple, packed evaluation, a reference model that follows, groups in evaluation',
    effect: 'small',
    names: `pad_to_multiple_of eval_packing num_generations_eval sync_ref_model ref_model_mixup_alpha ref_model_sync_steps
      precompute_ref_batch_size`,
  },
  {
    about: 'a reward model by its name, engines over several GPUs',
    effect: 'unmodelled',
    names: 'reward_model_name_or_path vllm_tensor_parallel_size',
  },
]

import type { IgnoredKeys } from '../ignored-keys.ts'

/** Arguments of transformers 5.18 TrainingArguments that no reader takes anything from. */
export const IGNORED_ARGUMENTS: readonly IgnoredKeys[] = [
  {
    about: 'the learning rate and its schedule',
    effect: 'none',
    names: 'learning_rate lr_scheduler_type lr_scheduler_kwargs warmup_steps warmup_ratio',
  },
  {
    about: 'coefficients of the optimizer, clipping, noise',
    effect: 'none',
    names:
      'weight_decay adam_beta1 adam_beta2 adam_epsilon max_grad_norm neftune_noise_alpha average_tokens_across_devices',
  },
  {
    about: 'logs and reports',
    effect: 'none',
    names: `logging_dir logging_strategy logging_steps logging_first_step log_on_each_node logging_nan_inf_filter include_num_input_tokens_seen
      include_tokens_per_second log_level log_level_replica disable_tqdm report_to run_name project trackio_space_id trackio_bucket_id
      trackio_static_space_id include_for_metrics debug skip_memory_metrics`,
  },
  {
    about: 'where checkpoints go, which are kept and from which the run goes on',
    effect: 'none',
    names: `output_dir overwrite_output_dir save_on_each_node save_total_limit save_safetensors enable_jit_checkpoint load_best_model_at_end
      metric_for_best_model greater_is_better ignore_data_skip restore_callback_states_from_checkpoint resume_from_checkpoint`,
  },
  {
    about: 'the Hub',
    effect: 'none',
    names: 'push_to_hub hub_token hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision',
  },
  { about: 'seeds', effect: 'none', names: 'seed data_seed full_determinism' },
  {
    about: 'how data is loaded and named',
    effect: 'none',
    names: `dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor
      dataloader_multiprocessing_context dataloader_in_order remove_unused_columns label_names length_column_name`,
  },
  {
    about: 'how evaluation is scored',
    effect: 'none',
    names:
      'eval_delay prediction_loss_only eval_do_concat_batches eval_use_gather_object batch_eval_metrics do_train do_predict',
  },
  {
    about: 'process groups',
    effect: 'none',
    names:
      'ddp_find_unused_parameters ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout local_rank use_cpu',
  },
  {
    about: 'evaluation in another precision, once more at the start, or with logits kept for metrics',
    effect: 'small',
    names: 'bf16_full_eval fp16_full_eval eval_on_start eval_accumulation_steps',
  },
  {
    about: 'buffers and caches of the trainer',
    effect: 'small',
    names: 'ddp_bucket_cap_mb torch_empty_cache_steps use_cache tf32',
  },
  {
    about: 'which modules an optimizer projects, and dimensions of parallelism set in code',
    effect: 'unmodelled',
    names: 'optim_target_modules parallelism_config',
  },
]

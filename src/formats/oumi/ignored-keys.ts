import type { IgnoredKeys } from '../ignored-keys.ts'

/** Keys of Oumi’s TrainingConfig (@d8ed077 src/oumi/core/configs) that the reader takes nothing from. */
export const OUMI_IGNORED: readonly IgnoredKeys[] = [
  {
    about: 'learning rate, regularisation, seeds',
    effect: 'none',
    names: `training.learning_rate training.lr_scheduler_type training.lr_scheduler_kwargs training.warmup_ratio training.warmup_steps
      training.weight_decay training.adam_beta1 training.adam_beta2 training.adam_epsilon training.sgd_momentum training.max_grad_norm
      training.seed training.data_seed training.full_determinism training.label_ignore_index`,
  },
  {
    about: 'logs, names, where things lie',
    effect: 'none',
    names: `training.output_dir training.run_name training.log_level training.dep_log_level training.log_examples training.enable_wandb
      training.enable_mlflow training.enable_tensorboard training.logging_strategy training.logging_dir training.logging_steps
      training.logging_first_step training.log_model_summary training.include_performance_metrics
      training.include_alternative_mfu_metrics training.telemetry training.profiler training.resume_from_checkpoint
      training.try_resume_from_last_checkpoint training.save_final_model training.metrics_function training.nccl_default_timeout_minutes
      peft.peft_save_mode fsdp.state_dict_type`,
  },
  {
    about: 'data loading, templates, tokens',
    effect: 'none',
    names: `training.dataloader_num_workers training.dataloader_persistent_workers training.dataloader_prefetch_factor
      training.dataloader_main_process_only training.reward_function_kwargs training.reward_functions training.gkd training.gold
      model.tokenizer_name model.tokenizer_pad_token model.tokenizer_kwargs model.processor_kwargs model.chat_template
      model.chat_template_kwargs model.trust_remote_code model.device_map model.tool_call_parser model.shard_for_eval data.validation data.test
      data.train.collator_name data.train.collator_kwargs data.train.stream data.train.target_col data.train.train_target
      data.train.mixture_strategy data.train.seed data.train.use_torchdata`,
  },
  {
    about: 'the adapter beside its size',
    effect: 'none',
    names: 'peft.lora_alpha peft.lora_init_weights peft.lora_task_type',
  },
  {
    about: 'prefetching, unused parameters, skipped modules, the cache that is emptied',
    effect: 'small',
    names: `training.ddp_find_unused_parameters training.empty_device_cache_steps peft.bnb_4bit_quant_storage peft.llm_int8_skip_modules
      fsdp.backward_prefetch fsdp.forward_prefetch fsdp.use_orig_params fsdp.min_num_params fsdp.transformer_layer_cls
      fsdp.sync_module_states`,
  },
  { about: 'changes of the model’s own config', effect: 'unmodelled', names: 'model.model_kwargs model.adapter_model' },
]

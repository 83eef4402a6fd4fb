import type { IgnoredKeys } from '../ignored-keys.ts'

/** Settings of Axolotl 0.18 (utils/schemas, integrations) that the reader takes nothing from. */
export const AXOLOTL_IGNORED: readonly IgnoredKeys[] = [
  {
    about: 'the learning rate and its schedule',
    effect: 'none',
    names: `learning_rate embedding_lr embedding_lr_scale lr_scheduler lr_scheduler_kwargs lr_div_factor lr_groups lr_quadratic_warmup
      cosine_constant_lr_ratio cosine_min_lr_ratio warmup_steps warmup_ratio jagged_restart_steps jagged_restart_warmup_steps
      jagged_restart_anneal_steps loraplus_lr_ratio loraplus_lr_embedding`,
  },
  {
    about: 'coefficients of the optimizer, clipping, noise',
    effect: 'none',
    names: `weight_decay adam_beta1 adam_beta2 adam_beta3 adam_epsilon adam_epsilon2 max_grad_norm dion_lr dion_momentum neftune_noise_alpha
      noisy_embedding_alpha grokfast_alpha grokfast_lamb qgalore_cos_threshold qgalore_gamma_proj qgalore_queue_size qgalore_scale
      qgalore_update_proj_gap qgalore_proj_type loss_watchdog_threshold loss_watchdog_patience early_stopping_patience`,
  },
  {
    about: 'coefficients of the loss',
    effect: 'none',
    names: `cpo_alpha dpo_beta dpo_label_smoothing dpo_loss_type dpo_loss_weights dpo_norm_loss dpo_use_weighting eaft_alpha eaft_k use_eaft
      kd_alpha kd_beta kd_ce_alpha kd_normalize_topk kd_temperature kd_temperature_min kto_desirable_weight kto_undesirable_weight orpo_alpha
      rl_beta rpo_alpha simpo_gamma center_rewards_coefficient`,
  },
  {
    about: 'logs, reports and accounts',
    effect: 'none',
    names: `logging_steps include_tkps include_tokens_per_second profiler_steps profiler_steps_start use_tensorboard use_comet comet_api_key
      comet_experiment_config comet_experiment_key comet_mode comet_online comet_project_name comet_workspace use_mlflow
      mlflow_experiment_name mlflow_run_name mlflow_tracking_uri hf_mlflow_log_artifacts use_otel_metrics otel_metrics_host otel_metrics_port
      use_swanlab swanlab_api_host swanlab_api_key swanlab_completion_log_interval swanlab_completion_max_buffer swanlab_description
      swanlab_experiment_name swanlab_lark_secret swanlab_lark_webhook_url swanlab_log_completions swanlab_log_model swanlab_mode
      swanlab_project swanlab_web_host swanlab_workspace use_trackio trackio_project_name trackio_run_name trackio_space_id use_wandb
      wandb_entity wandb_log_model wandb_mode wandb_name wandb_project wandb_run_id wandb_watch hf_use_auth_token`,
  },
  {
    about: 'where checkpoints go, which are kept and from which the run goes on; the Hub',
    effect: 'none',
    names: `output_dir save_total_limit save_safetensors save_compressed fsdp_final_state_dict_type load_best_model_at_end
      metric_for_best_model greater_is_better resume_from_checkpoint auto_resume_from_checkpoints dynamic_checkpoint hub_model_id hub_revision
      hub_strategy push_dataset_to_hub merge_lora merge_method`,
  },
  { about: 'seeds', effect: 'none', names: 'seed' },
  {
    about: 'how data is prepared and loaded',
    effect: 'none',
    names: `dataset_prepared_path dataset_processes dataset_num_proc dataset_keep_in_memory dataset_exact_deduplication dataset_shard_num
      dataset_shard_idx num_dataset_shards_to_save dataloader_num_workers dataloader_pin_memory dataloader_prefetch_factor
      dataloader_drop_last shuffle_merged_datasets shuffle_before_merging_datasets skip_prepare_dataset preprocess_iterable is_preprocess
      min_sample_len excess_length_strategy curriculum_sampling train_on_inputs role_boundaries remove_unused_columns
      sample_packing_bin_size sample_packing_group_size sample_packing_mp_start_method sample_packing_sequentially sample_packing_eff_est
      multipack_real_batches pretrain_multipack_attn pretrain_multipack_buffer_size streaming streaming_multipack_buffer_size
      pretraining_sample_concatenation total_num_tokens total_supervised_tokens`,
  },
  {
    about: 'tokens, templates and processors',
    effect: 'none',
    names: `chat_template chat_template_jinja chat_template_kwargs default_system_message special_tokens tokens eot_tokens
      added_tokens_overrides tokenizer_config tokenizer_legacy tokenizer_save_jinja_files tokenizer_type tokenizer_use_fast
      tokenizer_use_mistral_common processor_type processor_kwargs fix_untrained_tokens mean_resizing_embeddings`,
  },
  {
    about: 'how evaluation is scored and samples are written',
    effect: 'none',
    names: `bench_dataset bench_split do_bench_eval do_causal_lm_eval eval_causal_lm_metrics eval_max_new_tokens eval_table_size
      dpo_generate_during_eval generate_samples num_generation_samples generation_do_sample generation_max_new_tokens
      generation_prompt_ratio generation_temperature generation_top_k generation_top_p lm_eval_batch_size lm_eval_model lm_eval_post_train
      lm_eval_tasks gradio_max_new_tokens gradio_server_name gradio_server_port gradio_share gradio_temperature gradio_title`,
  },
  {
    about: 'the adapter beside its size',
    effect: 'none',
    names: `lora_alpha lora_alpha_pattern lora_fan_in_fan_out lora_on_cpu peft_init_lora_weights peft_use_rslora peft_layers_pattern
      peft_ensure_weight_tying`,
  },
  {
    about: 'how processes start and models are found and placed',
    effect: 'none',
    names: `accelerator_config axolotl_config_path base_model_config cls_model_config trainer_cls trust_remote_code device device_map
      low_cpu_mem_usage max_memory gpu_memory_limit local_rank ddp ddp_timeout ddp_find_unused_parameters ddp_broadcast_buffers
      use_ray ray_num_workers ray_run_name resources_per_worker torchdistx_path qlora_sharded_model_loading experimental_skip_move_to_device
      is_falcon_derived_model is_llama_derived_model is_mistral_derived_model is_qwen_derived_model strict capabilities env_capabilities
      world_size vllm hatchery max_packed_sequence_len`,
  },
  {
    about: 'distributed buffers and caches',
    effect: 'small',
    names:
      'ddp_bucket_cap_mb gc_steps gc_collect_steps torch_empty_cache_steps save_first_step max_prompt_len pad_to_multiple_of eval_sample_packing',
  },
  {
    about: 'norms, embeddings and positions in another precision or number',
    effect: 'small',
    names: `fp32_norms fp32_norm_classes float32 embeddings_skip_upcast resize_token_embeddings_to_32x shrink_embeddings rope_scaling
      peft_autocast_adapter_dtype image_size image_resize_algorithm reinit_weights`,
  },
  {
    about: 'compilation beside its switch',
    effect: 'small',
    names: 'torch_compile_backend torch_compile_mode torch_compile_options flex_attn_compile_kwargs deepcompile',
  },
  {
    about: 'kernels, experts and training schemes of their own',
    effect: 'unmodelled',
    names: `chunked_cross_entropy_num_chunks dense_mixer dion_rank_fraction dion_rank_multiple_of dsv4_bf16_all dsv4_fp4_grouped_mode
      dsv4_fp8_lora_kernel dsv4_fp8_nonexpert_mode dsv4_shared_mlp_lora_kernel use_dsv4_kernels use_glm_dsa_kernels ebft expert_backend
      expert_parallel_backend expert_parallel_fallback_on_unsupported expert_parallel_num_nvl_bytes expert_parallel_num_rdma_bytes
      expert_parallel_token_capacity experts_implementation flash_attn_cross_entropy flash_attn_d512 flash_attn_fuse_mlp flash_attn_rms_norm
      flash_optimum fp8_enable_fsdp_float8_all_gather fused_attn_kernel gemma4_fp8_nonexpert gemma4_hybrid_attn_impl gemma4_nf4_nonexpert
      heads_k_stride kd_online_server kd_online_server_base_url kd_online_timeout kd_online_topk large_head_attention liger_rms_norm_gated liger_swiglu liger_use_token_scaling
      lisa_layers_attribute lisa_step_interval moe_bnb_fast moe_dequant_chunk_size moe_grouped_backend mora nemo_gym_auto_clone
      nemo_gym_auto_start nemo_gym_config_paths nemo_gym_datasets nemo_gym_dir nemo_gym_enabled nemo_gym_head_port nemo_gym_max_turns
      nemo_gym_model_name nemo_gym_multi_turn nemo_gym_run_timeout nemo_gym_server_timeout nemo_gym_verify_timeout nonexpert_quantization
      nvfp4_merge_aware nvfp4_merge_aware_start_step pose_max_context_len pose_num_chunks pose_split_on_token_ids use_pose
      qgalore_proj_bits qgalore_proj_group_size qgalore_proj_quant quantization relora relora_cpu_offload relora_prune_method
      relora_prune_ratio ring_attn_func s2_attention scaling_softmax scaling_softmax_bias scaling_softmax_factor sdpa_varlen
      spectrum_model_name tiled_mlp_num_shards tiled_mlp_use_original_mlp use_kernels use_onebitllms use_scattermoe use_sonicmoe
      dpo_padding_free dpo_use_liger_kernel dpo_use_logits_to_keep overrides_of_model_config overrides_of_model_kwargs qgalore_rank peft
      optim_target_modules peft_trainable_token_indices model_quantization_config model_quantization_config_kwargs`,
  },
]

import { IGNORED_ARGUMENTS } from '../hugging-face/ignored-arguments.ts'
import type { IgnoredKeys } from '../ignored-keys.ts'

/** Arguments of LLaMA-Factory @ff6d4d1 (hparams/*.py) that the reader takes nothing from, besides those of transformers. */
export const LLAMA_FACTORY_IGNORED: readonly IgnoredKeys[] = [
  ...IGNORED_ARGUMENTS,
  {
    about: 'data, templates and tokens',
    effect: 'none',
    names: `template tool_format default_system enable_thinking preserve_thinking add_tokens add_special_tokens init_special_tokens
      new_special_tokens_config skip_special_tokens split_special_tokens buffer_size cache_dir data_shared_file_system disable_shuffling
      eval_dataset eval_on_each_dataset ignore_pad_token_for_loss interleave_probs mask_history train_on_prompt media_dir mix_strategy
      overwrite_cache preprocessing_batch_size preprocessing_num_workers streaming tokenized_path use_fast_tokenizer trust_remote_code`,
  },
  {
    about: 'coefficients of the loss and of rewards',
    effect: 'none',
    names: `asft_alpha dpo_label_smoothing eaft_alpha kto_chosen_weight kto_rejected_weight ld_alpha moe_aux_loss_coef ppo_score_norm
      ppo_target ppo_whiten_rewards pref_bco_weight pref_beta pref_ftx simpo_gamma use_dft_loss use_eaft_loss`,
  },
  {
    about: 'the adapter beside its size',
    effect: 'none',
    names: `adapter_folder create_new_adapter lora_alpha loraplus_lr_embedding loraplus_lr_ratio module_dropout use_rslora pissa_convert
      pissa_init pissa_iter`,
  },
  {
    about: 'what GaLore, APOLLO and BAdam project and when',
    effect: 'none',
    names: `apollo_proj apollo_proj_type apollo_scale apollo_scale_front apollo_scale_type apollo_update_interval badam_mask_mode
      badam_start_block badam_switch_interval badam_switch_mode badam_verbose galore_proj_type galore_scale galore_update_interval`,
  },
  {
    about: 'generation, inference and export',
    effect: 'none',
    names: `do_sample num_beams eval_num_beams length_penalty max_length max_new_tokens model_max_length repetition_penalty temperature top_k top_p compute_accuracy
      infer_backend infer_dtype export_device export_dir export_hub_model_id export_legacy_format export_quantization_bit
      export_quantization_dataset export_quantization_maxlen export_quantization_nsamples export_size offload_folder use_kv_cache
      sglang_config sglang_lora_backend sglang_maxlen sglang_mem_fraction sglang_tp_size vllm_config vllm_enforce_eager vllm_gpu_util
      vllm_max_lora_rank vllm_maxlen`,
  },
  {
    about: 'logs, reports and accounts',
    effect: 'none',
    names: `plot_loss print_param_status include_effective_tokens_per_second hf_hub_token ms_hub_token om_hub_token use_swanlab
      swanlab_api_key swanlab_lark_secret swanlab_lark_webhook_url swanlab_logdir swanlab_mode swanlab_project swanlab_run_name
      swanlab_workspace enable_torch_profiler profile_modules profiler_active_steps profiler_output_dir profiler_profile_memory
      profiler_record_shapes profiler_repeat profiler_wait_steps profiler_warmup_steps profiler_with_stack`,
  },
  {
    about: 'how processes start and models are placed',
    effect: 'none',
    names: 'device_map low_cpu_mem_usage master_addr master_port ray_init_kwargs ray_num_workers early_stopping_steps',
  },
  {
    about: 'images, videos and sounds and the dtype of quantised products',
    effect: 'small',
    names: `audio_sampling_rate crop_to_patches image_do_pan_and_scan use_audio_in_video video_fps video_maxlen image_max_pixels image_min_pixels
      video_max_pixels video_min_pixels compute_dtype`,
  },
  {
    about: 'norms in another precision, positions, attention in shifted groups',
    effect: 'small',
    names: 'upcast_layernorm rope_scaling shift_attn block_diag_attn',
  },
  {
    about: 'layers, modules and engines of their own',
    effect: 'unmodelled',
    names: `apollo_layerwise galore_layerwise apollo_target galore_target badam_mode badam_update_ratio fp8_backend fp8_enable_fsdp_float8_all_gather
      oft_block_size oft_rank oft_target reward_model_type reward_model_adapters ref_model_adapters ppo_buffer_size ppo_epochs
      train_from_scratch use_v1_kernels quantization_device_map kt_cpu_activation kt_use_lora_experts kt_weight_path
      kt_non_expert_weight_path kt_expert_checkpoint_path kt_lora_expert_num kt_lora_expert_intermediate_size hyper_parallel_args
      hyper_parallel_cp_size megatron_bridge_args`,
  },
]

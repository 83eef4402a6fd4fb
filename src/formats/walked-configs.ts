/** A public config whose plan was compared with its framework’s source. */
export interface WalkedConfig {
  readonly framework: string
  /** Path in the framework’s repository, or in the one that `framework` names in brackets. */
  readonly config: string
  readonly commit: string
  /** Not every field, or against the source of another commit. */
  readonly isInPart?: boolean
  /** What the plan had otherwise before, in this config or in what was read beside it. */
  readonly differences: readonly string[]
}

export const WALKED_CONFIGS: readonly WalkedConfig[] = [
  {
    framework: 'axolotl',
    config: 'examples/llama-3/3b-fp8-fsdp2.yaml',
    commit: '067b021',
    differences: [
      '`fp8` was not read',
      'a validation set alone counted as evaluated',
      'full fine-tuning kept no float32 embeddings',
      '`load_in_4bit` counted with `adapter: lora`',
      '`unfrozen_parameters` froze nothing',
    ],
  },
  {
    framework: 'llama-factory',
    config: 'examples/train_full/mossvl_full_sft.yaml',
    commit: 'ff6d4d1',
    differences: [
      'frozen layers and towers counted in float32',
      '`fp8`, `upcast_lmhead_output` and `use_asft_loss` were not read',
    ],
  },
  { framework: 'trl sft', config: 'configs/sft_lora.yaml (gpt-oss-recipes)', commit: '154b3fc', differences: [] },
  {
    framework: 'trl dpo (alignment-handbook)',
    config: 'recipes/zephyr-7b-beta/dpo/config_qlora.yaml',
    commit: '925acdf',
    differences: [],
  },
  {
    framework: 'trl grpo (open-r1)',
    config: 'recipes/Qwen2.5-1.5B-Instruct/grpo/config_demo.yaml',
    commit: '1416fa0',
    differences: ['versions pinned in `setup.py` were not read, so that GRPO had no reference model'],
  },
  {
    framework: 'ms-swift',
    config: 'examples/train/multi-node/ray/sft.yaml',
    commit: '3602360',
    differences: [
      'validation did not follow the checkpoints',
      'buckets of the packaged DeepSpeed files',
      're-entrant checkpointing but under DDP',
      '`device_groups` was not read',
      'GRPO completions were not added to `max_length`',
    ],
  },
  {
    framework: 'torchtune',
    config: 'recipes/configs/mistral/7B_full_ppo_low_memory.yaml, llama3_1/8B_full.yaml',
    commit: 'bd2a0fc',
    differences: [
      'PPO and GRPO held one model',
      'micro-batch and steps of PPO and GRPO',
      'no checkpoints and no validation',
      'QLoRA on Qwen packed every matrix',
    ],
  },
  {
    framework: 'litgpt',
    config: 'config_hub/finetune/llama-3.1-8b/full.yaml, config_hub/pretrain/microllama.yaml',
    commit: '2685705',
    differences: [
      'no evaluation and no checkpoints',
      'pretraining: fused optimizer, HYBRID_SHARD, chunked loss, the model’s context',
      'data modules named no data set',
    ],
  },
  {
    framework: 'torchtitan',
    config: 'torchtitan/models/llama3/train_configs/llama3_405b.toml',
    commit: '238fa99',
    differences: ['the preset comment was not read', 'loss parallelism', 'no checkpoints and no validation'],
  },
  {
    framework: 'nemo-automodel',
    config: 'examples/llm_finetune/llama3_1/llama3_1_8b_hellaswag_fp8.yaml',
    commit: '36044ad',
    differences: [
      '`defer_fsdp_grad_sync`, `attn_implementation`, data set, checkpoints and validation were not read',
      'torch.optim counted as fused',
    ],
  },
  {
    framework: 'unsloth',
    config: 'studio/backend/assets/configs/full_finetune.yaml',
    commit: '015bdef',
    differences: [
      '`gradient_checkpointing: none` was refused',
      'several GPUs neither offload nor re-enter',
      'float16 full fine-tuning is upcast',
      'no checkpoints',
    ],
  },
  {
    framework: 'verl',
    config: 'examples/grpo_trainer/run_qwen2-7b_math.sh',
    commit: 'b178a3c',
    differences: [
      'trainer steps counted as optimizer steps',
      'torch.optim counted as fused',
      'no checkpoints and no validation',
    ],
  },
  {
    framework: 'openrlhf',
    config: 'examples/scripts/train_dpo_llama.sh',
    commit: '3c3be62',
    differences: ['float32 logits', 'joined rows counted as packed to the full length', 'no checkpoints'],
  },
  {
    framework: 'megatron-lm',
    config: 'examples/llama/train_llama3_8b_h100_fp8.sh',
    commit: 'd98e8a6',
    differences: ['sequence parallelism with one tensor rank', 'no checkpoints and no evaluation'],
  },
  {
    framework: 'llama-factory dpo',
    config: 'examples/train_lora/qwen3vl_lora_dpo.yaml',
    commit: 'ff6d4d1',
    differences: [
      'logits of policy and reference are float32, each with a log-softmax of all of them',
      '`flash_attn: true` was refused',
      '`resize_vocab` trained no embeddings',
    ],
  },
  {
    framework: 'axolotl grpo',
    config: 'examples/llama-3/qlora-1b-gdpo.yaml',
    commit: '067b021',
    differences: [
      'sequences were cut at `sequence_len` in the time of a step',
      'a process reward model counted in pairs',
    ],
  },
  { framework: 'axolotl fsdp2', config: 'examples/qwen2/muon-pretrain-fsdp2.yaml', commit: '067b021', differences: [] },
  {
    framework: 'ms-swift megatron',
    config: 'examples/yaml/megatron/sft.yaml',
    commit: '3602360',
    differences: [
      'no checkpoints and no validation',
      '`num_train_epochs` fell to 3',
      'precision-aware optimizer, Muon, FSDP, 8 and 4 bit, interleaving were not read',
      'sequence parallelism with one tensor rank',
    ],
  },
  {
    framework: 'torchtune knowledge distillation',
    config: 'recipes/configs/llama3_2/8B_to_1B_KD_lora_single_device.yaml',
    commit: 'bd2a0fc',
    differences: [
      'the teacher was not said to be missing',
      'a policy spread the single-device recipe over its GPUs',
      '`ac_option` and `data_parallel_replicate_dim` were not read',
    ],
  },
  {
    framework: 'verl grpo',
    config: 'examples/grpo_trainer/run_glm4_1v_9b_fsdp.sh',
    commit: '1dda039',
    differences: [
      'an offloaded reference scored nothing',
      'incomplete batches were kept',
      'a dynamic batch counted as many rows as it has sequences',
    ],
  },
  {
    framework: 'openrlhf ppo',
    config: 'examples/scripts/train_ppo_ray_hybrid_engine.sh',
    commit: '3c3be62',
    differences: ['a dynamic batch counted as many rows as it has sequences'],
  },
  {
    framework: 'nemo-rl grpo',
    config: 'examples/configs/grpo_math_8B.yaml',
    commit: '7ea279a',
    differences: [
      'checkpoints counted updates',
      'packed rows counted as filled up',
      'the offloaded reference scored nothing',
    ],
  },
  {
    framework: 'litgpt pretrain',
    config: 'config_hub/pretrain/microllama.yaml',
    commit: '2685705',
    differences: [
      'accumulation was rounded to the nearest instead of down',
      '`tie_embeddings` was not read beside an inline `model_config`',
      'more GPUs than the global batch has micro-batches were not refused',
    ],
  },
  {
    framework: 'nemo 1',
    config: 'examples/nlp/language_modeling/conf/megatron_llama_config.yaml',
    commit: '8cfedd7',
    differences: [
      'no checkpoints and no validation',
      'gradients were reduced in every micro-step',
      'a global batch that the ranks do not divide was rounded',
      'float32 had a flash kernel',
      'DistributedDataParallel copied its gradients in spite of `gradient_as_bucket_view`',
    ],
  },
  {
    framework: 'llm-foundry dbrx',
    config: 'scripts/train/yamls/finetune/dbrx-lora-ft.yaml',
    commit: '8c8dd48',
    differences: [
      'checkpoints of `hf_checkpointer` were not read',
      '`dur` and tokens counted as epochs in the intervals',
      'a short last micro-batch was rounded away',
    ],
  },
  {
    framework: 'trl grpo (open-r1), with `vllm_mode: colocate`',
    config: 'recipes/Qwen2.5-1.5B-Instruct/grpo/config_demo.yaml',
    commit: '1416fa0',
    differences: [
      'an incomplete batch of prompts counted as a step',
      '`steps_per_generation`, `generation_batch_size` and `cast_lm_head_to_fp32` were passed over',
    ],
  },
  {
    framework: 'gpt-neox (EleutherAI/pythia)',
    config: 'models/1B/pythia-1b.yml',
    commit: 'a19eecb',
    differences: [],
  },
  {
    framework: 'megatron-deepspeed (bigscience-workshop/bigscience)',
    config: 'train/tr11-176B-ml/tr11-176B-ml.slurm',
    commit: '9e64ede',
    differences: [
      '`python -u -m torch.distributed.run` was no launcher',
      '`checkpoint_activations`, `pad_vocab_size_to`, `zero_stage` and GLU were not read',
      'layers of its own had kernels of TransformerEngine',
      'no checkpoints',
    ],
  },
  {
    framework: 'megatron-lm (bigcode-project/octopack)',
    config: 'training/finetune_starcoderbase.sh',
    commit: 'e17a8f6',
    differences: ['`attention_head_type` multiquery was not read'],
  },
  {
    framework: 'nanotron (huggingface/smollm)',
    config: 'text/pretraining/smollm1/config_smollm1_135M.yaml',
    commit: 'a041759',
    differences: [
      'no checkpoints, no data set names',
      'the loss counted as that of transformers',
      'rows scattered over tensor ranks were not read',
    ],
  },
  {
    framework: 'llama-factory (open-thoughts/open-thoughts)',
    config: 'train/OpenThinker-7B.yaml',
    commit: 'e3ad6c9',
    differences: ['`max_samples` counted as the size of a smaller data set'],
  },
  {
    framework: 'llama-factory (GAIR-NLP/LIMO)',
    config: 'train/examples/train_limo.yaml',
    commit: '2284c6a',
    differences: ['the DeepSpeed file of the project’s own folder was not found'],
  },
  {
    framework: 'axolotl (shisa-ai/shisa-v2)',
    config: 'train/ablations/wd.yaml',
    commit: 'ac58903',
    differences: ['`saves_per_epoch: 0` saved once'],
  },
  {
    framework: 'axolotl (RLHFlow/RLHF-Reward-Modeling)',
    config: 'pair-pm/gemma-2b-it.yaml',
    commit: 'fc39179',
    differences: [],
  },
  {
    framework: 'axolotl (modal-labs/llm-finetuning)',
    config: 'config/mixtral_out_of_box.yml',
    commit: '9e97704',
    differences: [],
  },
  {
    framework: 'trl (philschmid/deep-learning-pytorch-huggingface)',
    config: 'training/receipes/llama-3-1-8b-qlora.yaml',
    commit: '59b3797',
    differences: [],
  },
  {
    framework: 'alignment-handbook (princeton-nlp/SimPO)',
    config: 'training_configs/mistral-7b-base-simpo.yaml',
    commit: '1b3e8f3',
    differences: [],
  },
  {
    framework: 'transformers (artidoro/qlora)',
    config: 'scripts/finetune_guanaco_7b.sh',
    commit: '7f4e95a',
    isInPart: true,
    differences: ['LoRA, `bits` and the two lengths were not read'],
  },
  {
    framework: 'transformers (QwenLM/Qwen3-VL)',
    config: 'qwen-vl-finetune/scripts/sft_7b.sh',
    commit: '9658872',
    isInPart: true,
    differences: ['the frozen vision tower trained', 'the DeepSpeed file of the project’s own folder was not found'],
  },
  {
    framework: 'llm-foundry (mosaicml/examples)',
    config: 'examples/end-to-end-examples/support_chatbot/mcli_yamls/finetune/finetune_30b_chat.yaml',
    commit: 'daddaef',
    differences: ['`attn_impl: triton` had explicit scores'],
  },
  {
    framework: 'nemo 1 (NVIDIA/NeMo-Framework-Launcher)',
    config: 'launcher_scripts/conf/training/gpt3/5b.yaml',
    commit: '26e42fa',
    differences: ['references by the Hydra group of the file itself were said to be missing'],
  },
  {
    framework: 'verl (SkyworkAI/Skywork-OR1)',
    config: 'or1_scripts/train/32b_16k.sh',
    commit: '64e96af',
    differences: ['defaults were those of verl 0.8 instead of its own in the repository'],
  },
  {
    framework: 'openrlhf (TideDra/lmm-r1)',
    config: 'examples/scripts/lmm_r1/train_mgt_percereas.sh',
    commit: 'f917f18',
    isInPart: true,
    differences: ['prompt and response had half of the length each'],
  },
]

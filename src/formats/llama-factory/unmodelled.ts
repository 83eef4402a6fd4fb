/** Arguments of LLaMA-Factory 0.9.6 (hparams/*.py) that change memory or time and have no place in the plan. */
export const LLAMA_FACTORY_UNMODELLED = {
  use_kt: 'experts live on the host',
  use_mca: 'Megatron core trains instead of transformers',
  use_megatron_bridge: 'Megatron core trains instead of transformers',
  use_hyper_parallel: 'another engine trains',
  use_llama_pro: 'new blocks train and the others are frozen',
  freeze_trainable_modules: 'only the named modules of the layers train',
  freeze_extra_modules: 'modules outside the layers train, too',
  mixture_of_depths: 'a part of the tokens skips layers',
  ref_model_quantization_bit: 'a quantised reference model',
  reward_model_quantization_bit: 'a quantised reward model',
} as const

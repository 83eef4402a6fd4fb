/** The words a plan may use. Each list is the single place where a value is spelled; types, the reader and the JSON Schema derive from it. */
export const FRAMEWORKS = [
  'transformers',
  'trl',
  'axolotl',
  'llama-factory',
  'ms-swift',
  'unsloth',
  'torchtune',
  'litgpt',
  'torchtitan',
  'megatron',
  'nemo-automodel',
  'llm-foundry',
  'deepspeed',
  'openrlhf',
  'verl',
  'qwen-finetune',
  'other',
  'alignment-handbook',
  'open-r1',
  'open-instruct',
  'nemo-rl',
  'nemo',
  'gpt-neox',
  'nanotron',
  'olmo',
  'ludwig',
  'autotrain',
  'oumi',
] as const
export const STAGES = ['pretrain', 'sft', 'dpo', 'kto', 'orpo', 'simpo', 'reward', 'ppo', 'grpo'] as const
export const ADAPTER_TYPES = [
  'lora',
  'dora',
  'adalora',
  'loha',
  'lokr',
  'ia3',
  'oft',
  'boft',
  'vera',
  'prefix',
  'prompt',
  'p_tuning',
  'adaption_prompt',
  'adapter',
  'adapter_v2',
  'ln_tuning',
  'trainable_tokens',
  'fourierft',
  'randlora',
  'waveft',
  'shira',
  'c3a',
  'hra',
  'poly',
  'bone',
  'miss',
  'road',
  'gralora',
  'delora',
  'osf',
  'xlora',
  'psoft',
  'other',
] as const
export const QUANTIZATIONS = [
  'none',
  'nf4',
  'nf4-double',
  'fp4',
  'int8',
  'gptq-int4',
  'gptq-int8',
  'awq-int4',
  'hqq-int4',
  'fp8',
  'mxfp4',
] as const
export const STORAGE_DTYPES = ['float32', 'bfloat16', 'float16'] as const
export const COMPUTE_DTYPES = ['float32', 'tf32', 'bfloat16', 'float16', 'float8', 'mxfp8', 'nvfp4'] as const
export const OPTIMIZER_STATE_DTYPES = ['float32', 'bfloat16', 'float16', 'int8', 'fp8', 'int4'] as const
export const OPTIMIZERS = [
  'adamw',
  'adafactor',
  'sgd',
  'sgd_momentum',
  'lion',
  'muon',
  'galore_adamw',
  'galore_adafactor',
  'apollo',
  'apollo_mini',
  'lomo',
  'adalomo',
  'adam_mini',
  'badam',
  'adagrad',
  'rmsprop',
  'schedule_free_adamw',
  'schedule_free_sgd',
  'grokadamw',
  'stable_adamw',
  'came',
  'lamb',
  'ademamix',
  'dion',
  'flash_adamw',
  'other',
] as const
export const OPTIMIZER_IMPLEMENTATIONS = ['fused', 'foreach', 'loop', 'in_backward'] as const
export const ATTENTION_KERNELS = ['eager', 'sdpa', 'flash', 'flex'] as const
export const LOSSES = [
  'full_logits',
  'full_logits_float32',
  'full_logits_native',
  'in_place',
  'chunked',
  'chunked_linear',
  'fused_linear',
  'cut_cross_entropy',
  'vocab_parallel',
] as const
/** Groups of projections whose adapters run as one function of their own (Axolotl `lora_*_kernel`, Unsloth kernels/fast_lora.py). */
export const ADAPTER_KERNELS = ['qkv', 'output', 'mlp'] as const
export const FUSED_KERNELS = ['none', 'liger', 'unsloth', 'transformer_engine'] as const
export const DATA_PARALLELISMS = [
  'none',
  'ddp',
  'zero1',
  'zero2',
  'zero3',
  'fsdp1',
  'fsdp2',
  'distributed_optimizer',
] as const
/** How tokens reach their experts' ranks: all to all ranks, a copy for each expert, a copy for each domain (DeepEP, HybridEP). */
export const EXPERT_DISPATCHERS = ['allgather', 'alltoall', 'flex'] as const
export const OFFLOADS = ['none', 'optimizer', 'parameters_and_optimizer'] as const
export const FSDP_WRAPS = ['layers', 'outer', 'root'] as const

export type Framework = (typeof FRAMEWORKS)[number]
export type Stage = (typeof STAGES)[number]
export type AdapterType = (typeof ADAPTER_TYPES)[number]
export type Quantization = (typeof QUANTIZATIONS)[number]
export type StorageDtype = (typeof STORAGE_DTYPES)[number]
export type ComputeDtype = (typeof COMPUTE_DTYPES)[number]
export type OptimizerStateDtype = (typeof OPTIMIZER_STATE_DTYPES)[number]
export type Optimizer = (typeof OPTIMIZERS)[number]
export type OptimizerImplementation = (typeof OPTIMIZER_IMPLEMENTATIONS)[number]
export type AttentionKernel = (typeof ATTENTION_KERNELS)[number]
export type Loss = (typeof LOSSES)[number]
export type AdapterKernel = (typeof ADAPTER_KERNELS)[number]
export type FusedKernels = (typeof FUSED_KERNELS)[number]
export type DataParallelism = (typeof DATA_PARALLELISMS)[number]
export type ExpertDispatcher = (typeof EXPERT_DISPATCHERS)[number]
export type Offload = (typeof OFFLOADS)[number]
export type FsdpWrap = (typeof FSDP_WRAPS)[number]

/** As their authors write them; empty: nothing is shared. */
export const DATA_PARALLELISM_NAMES = {
  none: '',
  ddp: 'DDP',
  zero1: 'ZeRO-1',
  zero2: 'ZeRO-2',
  zero3: 'ZeRO-3',
  fsdp1: 'FSDP',
  fsdp2: 'FSDP2',
  distributed_optimizer: 'distributed optimizer',
} as const satisfies Record<DataParallelism, string>

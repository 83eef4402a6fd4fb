import type { Refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

const CONFIG = 'Oumi @d8ed077 core/configs/training_config.py __post_init__'
const PARAMS = 'Oumi @d8ed077 core/configs/params/training_params.py __post_init__'
const TRAIN = 'Oumi @d8ed077 train.py'

function trainer(settings: Settings): string | undefined {
  return settings.wordOr('training.trainer_type', 'hf')
}

function isTrainer(settings: Settings, ...names: readonly string[]): boolean {
  return names.includes(trainer(settings) ?? '')
}

const FLOAT32 = new Set(['float32', 'f32', 'float', 'fp32'])

/** What Oumi stops at before it trains. */
export const OUMI_REFUSALS: readonly Refusal[] = [
  {
    keys: ['model.compile'],
    isRefused: settings => settings.isOn('model.compile'),
    rule: 'training compiles by `training.compile`',
    hint: 'Set `training.compile` instead.',
    source: CONFIG,
  },
  {
    keys: ['training.compile', 'fsdp.use_orig_params'],
    isRefused: settings => settings.isOn('training.compile') && settings.isFalse('fsdp.use_orig_params'),
    rule: 'a compiled model under FSDP keeps its original parameters',
    hint: 'Remove `fsdp.use_orig_params`.',
    source: CONFIG,
  },
  {
    keys: ['fsdp.enable_fsdp', 'deepspeed.enable_deepspeed'],
    isRefused: settings => settings.isOn('fsdp.enable_fsdp') && settings.isOn('deepspeed.enable_deepspeed'),
    rule: 'one engine at a time',
    hint: 'Keep one of the two.',
    source: CONFIG,
  },
  {
    keys: ['training.mixed_precision_dtype', 'model.torch_dtype_str'],
    isRefused: settings =>
      ['bf16', 'fp16'].includes(settings.word('training.mixed_precision_dtype') ?? '') &&
      !FLOAT32.has(settings.wordOr('model.torch_dtype_str', 'auto') ?? 'float32'),
    rule: 'mixed precision needs a model in float32',
    hint: 'Set `model.torch_dtype_str: float32`, or leave `training.mixed_precision_dtype` out.',
    source: CONFIG,
  },
  {
    keys: ['model.enable_liger_kernel', 'training.trainer_type'],
    isRefused: settings => settings.isOn('model.enable_liger_kernel') && isTrainer(settings, 'trl_kto', 'verl_grpo'),
    rule: 'this trainer takes no Liger kernels',
    hint: 'Leave `model.enable_liger_kernel` out.',
    source: CONFIG,
  },
  {
    keys: ['training.trainer_type', 'data.validation'],
    isRefused: settings => isTrainer(settings, 'verl_grpo') && settings.isOff('data.validation.datasets'),
    rule: 'verl needs a validation set',
    hint: 'Name one under `data.validation.datasets`.',
    source: CONFIG,
  },
  {
    keys: ['deepspeed.train_batch_size', 'training.trainer_type'],
    isRefused: settings =>
      settings.isOn('deepspeed.enable_deepspeed') &&
      (trainer(settings) ?? '').startsWith('trl_') &&
      (settings.number('deepspeed.train_batch_size') ?? 0) > 0,
    rule: 'TRL’s trainers set the batch size of DeepSpeed',
    hint: 'Set `deepspeed.train_batch_size: auto`.',
    source: CONFIG,
  },
  {
    keys: ['training.include_performance_metrics', 'training.trainer_type'],
    isRefused: settings => settings.isOn('training.include_performance_metrics') && isTrainer(settings, 'trl_grpo'),
    rule: 'TRL_GRPO has no performance metrics',
    hint: 'Leave `training.include_performance_metrics` out.',
    source: PARAMS,
  },
  {
    keys: ['training.reward_functions', 'training.trainer_type'],
    isRefused: settings =>
      settings.isOn('training.reward_functions') &&
      trainer(settings) !== undefined &&
      !isTrainer(settings, 'trl_grpo', 'verl_grpo'),
    rule: 'only GRPO trainers take reward functions',
    hint: 'Set `training.trainer_type` to `TRL_GRPO` or `VERL_GRPO`.',
    source: PARAMS,
  },
  {
    keys: ['peft.bnb_4bit_quant_storage', 'model.torch_dtype_str'],
    isRefused: settings =>
      settings.isOn('fsdp.enable_fsdp') &&
      settings.isOn('training.use_peft') &&
      settings.isOn('peft.q_lora') &&
      !isTrainer(settings, 'oumi', 'verl_grpo') &&
      differ(settings.wordOr('peft.bnb_4bit_quant_storage', 'uint8'), settings.wordOr('model.torch_dtype_str', 'auto')),
    rule: 'QLoRA under FSDP stores the packed weights in the model’s dtype',
    hint: 'Set `peft.bnb_4bit_quant_storage` and `model.torch_dtype_str` to the same dtype.',
    source: TRAIN,
  },
]

const SPELLINGS: Readonly<Record<string, string>> = {
  bf16: 'bfloat16',
  f16: 'float16',
  half: 'float16',
  f32: 'float32',
}

/** False where one of the two is known only at start. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && (SPELLINGS[a] ?? a) !== (SPELLINGS[b] ?? b)
}

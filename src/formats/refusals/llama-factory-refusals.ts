import type { Refusal } from './refusal.ts'
import type { Settings } from './settings.ts'
import { TRANSFORMERS_REFUSALS } from './transformers-refusals.ts'

const PARSER = 'LLaMA-Factory @ff6d4d1 hparams/parser.py'
const TUNING = 'LLaMA-Factory @ff6d4d1 hparams/finetuning_args.py __post_init__'
const DATA = 'LLaMA-Factory @ff6d4d1 hparams/data_args.py __post_init__'

const PROJECTED = ['use_galore', 'use_apollo', 'use_badam'] as const
const ONLY_LORA = ['use_rslora', 'use_dora', 'pissa_init', 'loraplus_lr_ratio'] as const
const ONLY_SFT = ['predict_with_generate', 'neat_packing', 'train_on_prompt', 'mask_history'] as const

/** undefined: known only at start. */
function tuning(settings: Settings): string | undefined {
  return settings.wordOr('finetuning_type', 'lora')
}

function stage(settings: Settings): string | undefined {
  return settings.wordOr('stage', 'sft')
}

/** Nothing to evaluate on is named or split off. */
function lacksValidation(settings: Settings): boolean {
  return settings.isOff('eval_dataset') && settings.isOff('val_size')
}

function evaluates(settings: Settings): boolean {
  return ['steps', 'epoch'].includes(settings.word('eval_strategy') ?? settings.word('evaluation_strategy') ?? 'no')
}

/** What `llamafactory-cli train` stops at. */
export const LLAMA_FACTORY_REFUSALS: readonly Refusal[] = [
  ...TRANSFORMERS_REFUSALS,
  {
    keys: ['quantization_bit', 'finetuning_type'],
    isRefused: settings => settings.isOn('quantization_bit') && ['full', 'freeze'].includes(tuning(settings) ?? ''),
    rule: 'quantised weights are trained through LoRA or OFT only',
    hint: 'Set `finetuning_type: lora`, or leave `quantization_bit` out.',
    source: `${PARSER} _verify_model_args`,
  },
  {
    keys: ['quantization_bit', 'pissa_init', 'resize_vocab'],
    isRefused: settings =>
      settings.isOn('quantization_bit') && (settings.isOn('pissa_init') || settings.isOn('resize_vocab')),
    rule: 'neither PiSSA nor new rows of the vocabulary start from quantised weights',
    hint: 'Leave `quantization_bit` out, or prepare the weights before.',
    source: `${PARSER} _verify_model_args`,
  },
  {
    keys: ['predict_with_generate', 'compute_accuracy'],
    isRefused: settings => settings.isOn('predict_with_generate') && settings.isOn('compute_accuracy'),
    rule: 'an evaluation generates answers or scores the given ones',
    hint: 'Keep one of the two.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['adapter_name_or_path', 'finetuning_type'],
    isRefused: settings => settings.isOn('adapter_name_or_path') && ['full', 'freeze'].includes(tuning(settings) ?? ''),
    rule: 'an adapter goes on only as an adapter',
    hint: 'Set `finetuning_type: lora`, or leave `adapter_name_or_path` out.',
    source: `${PARSER} _verify_model_args`,
  },
  {
    keys: ['finetuning_type', ...PROJECTED],
    isRefused: settings => tuning(settings) === 'lora' && PROJECTED.some(key => settings.isOn(key)),
    rule: 'GaLore, APOLLO and BAdam train the weights themselves, not LoRA',
    hint: 'Set `finetuning_type: full`, or use another optimizer.',
    source: TUNING,
  },
  {
    keys: PROJECTED,
    isRefused: settings => PROJECTED.filter(key => settings.isOn(key)).length > 1,
    rule: 'at most one of the three may be on',
    hint: 'Keep one of the three.',
    source: TUNING,
  },
  {
    keys: ['deepspeed', 'use_galore', 'use_apollo'],
    isRefused: settings => settings.isOn('deepspeed') && (settings.isOn('use_galore') || settings.isOn('use_apollo')),
    rule: 'GaLore and APOLLO do not run under DeepSpeed',
    hint: 'Leave `deepspeed` out, or use another optimizer.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['finetuning_type', ...ONLY_LORA],
    isRefused: settings =>
      ['full', 'freeze', 'oft'].includes(tuning(settings) ?? '') && ONLY_LORA.some(key => settings.isOn(key)),
    rule: 'these are options of LoRA',
    hint: 'Set `finetuning_type: lora`, or leave the option out.',
    source: TUNING,
  },
  {
    keys: ['use_llama_pro', 'finetuning_type'],
    isRefused: settings => settings.isOn('use_llama_pro') && tuning(settings) === 'full',
    rule: 'added blocks are trained by freezing the others or through LoRA',
    hint: 'Set `finetuning_type` to `freeze` or `lora`.',
    source: TUNING,
  },
  {
    keys: ['stage', 'reward_model'],
    isRefused: settings => stage(settings) === 'ppo' && !settings.isWritten('reward_model'),
    rule: 'PPO needs a reward model',
    hint: 'Name the `reward_model`.',
    source: TUNING,
  },
  {
    keys: ['stage', ...ONLY_SFT],
    isRefused: settings => (stage(settings) ?? 'sft') !== 'sft' && ONLY_SFT.some(key => settings.isOn(key)),
    rule: 'these are options of supervised fine-tuning',
    hint: 'Leave the option out.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['stage', 'load_best_model_at_end'],
    isRefused: settings => ['rm', 'ppo'].includes(stage(settings) ?? '') && settings.isOn('load_best_model_at_end'),
    rule: 'reward and PPO stages do not load the best model at the end',
    hint: 'Leave `load_best_model_at_end` out.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['eval_dataset', 'val_size'],
    isRefused: settings => settings.isOn('eval_dataset') && (settings.number('val_size') ?? 0) > 0,
    rule: 'the evaluation set is named or split off, not both',
    hint: 'Keep one of the two.',
    source: DATA,
  },
  {
    keys: ['eval_strategy', 'eval_dataset', 'val_size'],
    isRefused: settings => evaluates(settings) && lacksValidation(settings),
    rule: 'an evaluation needs `eval_dataset` or a `val_size` above 0',
    hint: 'Set `val_size` or `eval_dataset`, or `eval_strategy: "no"`.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['streaming', 'max_steps'],
    isRefused: settings =>
      settings.isOn('streaming') && (!settings.isWritten('max_steps') || (settings.number('max_steps') ?? 1) < 0),
    rule: 'a stream has no length: steps must be given',
    hint: 'Set `max_steps`.',
    source: `${PARSER} get_train_args`,
  },
  {
    keys: ['streaming', 'max_samples'],
    isRefused: settings => settings.isOn('streaming') && settings.isOn('max_samples'),
    rule: 'a stream is not cut by samples',
    hint: 'Leave `max_samples` out and set `max_steps`.',
    source: DATA,
  },
  {
    keys: ['mask_history', 'train_on_prompt'],
    isRefused: settings => settings.isOn('mask_history') && settings.isOn('train_on_prompt'),
    rule: 'one masks what the other trains on',
    hint: 'Keep one of the two.',
    source: DATA,
  },
]

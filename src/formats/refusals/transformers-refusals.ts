import type { Refusal } from './refusal.ts'
import type { Settings } from './settings.ts'

const ARGUMENTS = 'transformers 5.18 training_args.py __post_init__'
const TRAINER = 'transformers 5.18 trainer.py'

/** `eval_strategy`, or as transformers 4 spelt it; undefined: known only at start. */
function evaluates(settings: Settings): string | undefined {
  return settings.isWritten('eval_strategy')
    ? settings.word('eval_strategy')
    : settings.wordOr('evaluation_strategy', 'no')
}

function saves(settings: Settings): string | undefined {
  return settings.wordOr('save_strategy', 'steps')
}

function strategiesDiffer(settings: Settings): boolean {
  const [evaluating, saving] = [evaluates(settings), saves(settings)]
  return evaluating !== undefined && saving !== undefined && saving !== 'best' && evaluating !== saving
}

/** Steps below 1 are shares of the run: both or none. */
function savesBetweenEvaluations(settings: Settings): boolean {
  const [save, evaluate] = [settings.number('save_steps'), settings.number('eval_steps')]
  if (save === undefined || evaluate === undefined || evaluate === 0) return false
  if (save < 1 !== evaluate < 1) return true
  // shares are compared in millionths
  const scale = save < 1 ? 1e6 : 1
  return Math.round(save * scale) % Math.round(evaluate * scale) !== 0
}

/** What `TrainingArguments` and `Trainer` stop at, whichever trainer takes its arguments to them. */
export const TRANSFORMERS_REFUSALS: readonly Refusal[] = [
  {
    keys: ['load_best_model_at_end', 'eval_strategy', 'save_strategy'],
    isRefused: settings => settings.isOn('load_best_model_at_end') && strategiesDiffer(settings),
    rule: '`load_best_model_at_end` needs the same strategy for evaluating (`no` when absent) and saving (`steps` when absent)',
    hint: 'Set `eval_strategy` and `save_strategy` to the same, or leave `load_best_model_at_end` out.',
    source: ARGUMENTS,
  },
  {
    keys: ['load_best_model_at_end', 'save_steps', 'eval_steps'],
    isRefused: settings =>
      settings.isOn('load_best_model_at_end') &&
      evaluates(settings) === 'steps' &&
      saves(settings) === 'steps' &&
      savesBetweenEvaluations(settings),
    rule: '`load_best_model_at_end` needs `save_steps` to be a multiple of `eval_steps`',
    hint: 'Save at a multiple of the evaluation steps.',
    source: ARGUMENTS,
  },
  {
    keys: ['fp16', 'bf16'],
    isRefused: settings => settings.isOn('fp16') && settings.isOn('bf16'),
    rule: 'at most one of the two may be on',
    hint: 'Keep `bf16` on Ampere and newer GPUs, `fp16` on older ones.',
    source: ARGUMENTS,
  },
  {
    keys: ['lr_scheduler_type', 'eval_strategy'],
    isRefused: settings =>
      settings.word('lr_scheduler_type') === 'reduce_lr_on_plateau' && evaluates(settings) === 'no',
    rule: 'this scheduler waits for an evaluation',
    hint: 'Set `eval_strategy`, or use another scheduler.',
    source: ARGUMENTS,
  },
  {
    keys: ['dataloader_prefetch_factor', 'dataloader_num_workers'],
    isRefused: settings => settings.isOn('dataloader_prefetch_factor') && settings.isOff('dataloader_num_workers'),
    rule: 'batches are prefetched by workers, and there are none',
    hint: 'Set `dataloader_num_workers`, or leave `dataloader_prefetch_factor` out.',
    source: ARGUMENTS,
  },
  {
    keys: ['fsdp', 'deepspeed'],
    isRefused: settings => settings.isOn('fsdp') && settings.isOn('deepspeed'),
    rule: 'one engine shards the run',
    hint: 'Keep one of the two.',
    source: TRAINER,
  },
  {
    keys: ['gradient_checkpointing', 'fsdp_config.activation_checkpointing'],
    isRefused: settings =>
      settings.isOn('fsdp') &&
      settings.isOn('gradient_checkpointing') &&
      settings.isOn('fsdp_config.activation_checkpointing'),
    rule: 'only one of the two recomputes activations',
    hint: 'Under FSDP keep `fsdp_config.activation_checkpointing`.',
    source: TRAINER,
  },
  {
    keys: ['save_only_model', 'load_best_model_at_end'],
    isRefused: settings =>
      settings.isOn('save_only_model') &&
      settings.isOn('load_best_model_at_end') &&
      (settings.isOn('fsdp') || settings.isOn('deepspeed')),
    rule: 'a sharded run cannot load its best model from checkpoints of the model alone',
    hint: 'Leave out one of the two.',
    source: TRAINER,
  },
]

import type { Refusal } from './refusal.ts'

const RECIPES = 'torchtune @bd2a0fc recipes/*_finetune_*.py __init__'

/** What the fine-tuning recipes stop at. */
export const TORCHTUNE_REFUSALS: readonly Refusal[] = [
  {
    keys: ['dtype'],
    isRefused: settings => ['fp16', 'float16'].includes(settings.word('dtype') ?? ''),
    rule: 'the recipes train in bf16 or fp32',
    hint: 'Set `dtype: bf16`.',
    source: RECIPES,
  },
  {
    keys: ['optimizer_in_bwd', 'gradient_accumulation_steps'],
    isRefused: settings =>
      settings.isOn('optimizer_in_bwd') && (settings.number('gradient_accumulation_steps') ?? 1) > 1,
    rule: 'an optimizer that steps in backward has no gradients to accumulate',
    hint: 'Set `gradient_accumulation_steps: 1` or `optimizer_in_bwd: False`.',
    source: RECIPES,
  },
  {
    keys: ['optimizer_in_bwd', 'clip_grad_norm'],
    isRefused: settings => settings.isOn('optimizer_in_bwd') && settings.isWritten('clip_grad_norm'),
    rule: 'an optimizer that steps in backward knows no norm of all gradients',
    hint: 'Set `clip_grad_norm: null` or `optimizer_in_bwd: False`.',
    source: RECIPES,
  },
  {
    keys: ['enable_activation_offloading', 'enable_activation_checkpointing'],
    isRefused: settings =>
      settings.isOn('enable_activation_offloading') && settings.isOff('enable_activation_checkpointing'),
    rule: 'only what checkpointing keeps is offloaded',
    hint: 'Set `enable_activation_checkpointing: True`.',
    source: RECIPES,
  },
  {
    keys: ['dataset.packed', 'tokenizer.max_seq_len'],
    isRefused: settings => settings.isOn('dataset.packed') && !settings.isWritten('tokenizer.max_seq_len'),
    rule: 'packs are as long as the tokenizer’s `max_seq_len`, which has no default',
    hint: 'Set `tokenizer.max_seq_len`.',
    source: 'torchtune @bd2a0fc datasets/_alpaca.py and its likes',
  },
  {
    keys: ['tensor_parallel_dim', 'tensor_parallel_plan'],
    isRefused: settings =>
      (settings.number('tensor_parallel_dim') ?? 1) > 1 && !settings.isWritten('tensor_parallel_plan'),
    rule: 'tensor parallelism needs a plan of how each module is cut',
    hint: 'Set `tensor_parallel_plan`.',
    source: 'torchtune @bd2a0fc recipes/full_finetune_distributed.py __init__',
  },
]

import type { Refusal } from './refusal.ts'
import { isNoMultiple, type Settings } from './settings.ts'

const ARGUMENTS = 'GPT-NeoX @ea7aefd megatron/neox_arguments/arguments.py'
const DERIVED = `${ARGUMENTS} calculate_derived`
const VALUES = `${ARGUMENTS} validate_values`

/** `precision` and a DeepSpeed block that turns on another one. */
function differs(settings: Settings, block: 'fp16' | 'bf16', word: string): boolean {
  const named = settings.word('precision')
  return named !== undefined && named !== word && settings.isOn(`${block}.enabled`)
}

/** What GPT-NeoX asserts of a merged config; only keys that are written, for a second file may give the others. */
export const GPT_NEOX_REFUSALS: readonly Refusal[] = [
  {
    keys: ['hidden_size', 'num_attention_heads'],
    isRefused: settings =>
      !settings.isWritten('attention_config') &&
      isNoMultiple(settings.number('hidden_size'), settings.number('num_attention_heads')),
    rule: 'the hidden size is shared evenly by the heads',
    hint: 'Make `hidden_size` a multiple of `num_attention_heads`.',
    source: VALUES,
  },
  {
    keys: ['num_attention_heads', 'num_kv_heads'],
    isRefused: settings => isNoMultiple(settings.number('num_attention_heads'), settings.number('num_kv_heads')),
    rule: 'as many query heads share each key-value head',
    hint: 'Make `num_attention_heads` a multiple of `num_kv_heads`.',
    source: DERIVED,
  },
  {
    keys: ['num_kv_heads', 'model_parallel_size'],
    isRefused: settings => {
      const shared = settings.number('num_kv_heads') ?? Infinity
      const isGrouped = shared < (settings.number('num_attention_heads') ?? 0)
      return isGrouped && isNoMultiple(shared, settings.number('model_parallel_size'))
    },
    rule: 'key-value heads are shared evenly by the model-parallel ranks',
    hint: 'Lower `model_parallel_size` to a divisor of `num_kv_heads`.',
    source: DERIVED,
  },
  {
    keys: ['seq_length', 'max_position_embeddings'],
    isRefused: settings =>
      (settings.number('max_position_embeddings') ?? Infinity) < (settings.number('seq_length') ?? 0),
    rule: 'sequences are no longer than the positions',
    hint: 'Raise `max_position_embeddings` to `seq_length`.',
    source: VALUES,
  },
  {
    keys: ['train_batch_size', 'train_micro_batch_size_per_gpu', 'gradient_accumulation_steps'],
    isRefused: settings => {
      const steps = settings.numberOr('gradient_accumulation_steps', 1)
      const micro = settings.number('train_micro_batch_size_per_gpu')
      if (steps === undefined || micro === undefined) return false
      return isNoMultiple(settings.number('train_batch_size'), micro * steps)
    },
    rule: 'the train batch is the micro batch × accumulation steps × data-parallel ranks',
    hint: 'Leave `train_batch_size` out: it follows from the others.',
    source: `${ARGUMENTS} check_batch_parameters`,
  },
  {
    keys: ['min_lr', 'optimizer.params.lr'],
    isRefused: settings =>
      (settings.number('min_lr') ?? -Infinity) > (settings.number('optimizer.params.lr') ?? Infinity),
    rule: 'the learning rate falls to `min_lr`',
    hint: 'Lower `min_lr`.',
    source: VALUES,
  },
  {
    keys: ['precision', 'fp16.enabled'],
    isRefused: settings => differs(settings, 'fp16', 'fp16'),
    rule: 'both name the same precision',
    hint: 'Set `precision: fp16`, or leave the `fp16` block out.',
    source: DERIVED,
  },
  {
    keys: ['precision', 'bf16.enabled'],
    isRefused: settings => differs(settings, 'bf16', 'bfloat16'),
    rule: 'both name the same precision',
    hint: 'Set `precision: bfloat16`, or leave the `bf16` block out.',
    source: DERIVED,
  },
  {
    keys: ['moe_num_experts', 'zero_optimization.stage'],
    isRefused: settings =>
      (settings.number('moe_num_experts') ?? 1) > 1 && (settings.number('zero_optimization.stage') ?? 0) >= 2,
    rule: 'experts are trained under ZeRO stage 0 or 1',
    hint: 'Set `zero_optimization.stage` to 1.',
    source: DERIVED,
  },
]

import type { Refusal } from './refusal.ts'
import { isNoMultiple } from './settings.ts'
import { TRANSFORMERS_REFUSALS } from './transformers-refusals.ts'

const GRPO = 'trl 1.13 trainer/grpo_config.py __post_init__'

/** What TRL's trainers stop at besides. A run that groups completions has `num_generations`, 8 when absent. */
export const TRL_REFUSALS: readonly Refusal[] = [
  ...TRANSFORMERS_REFUSALS,
  {
    keys: ['num_generations'],
    isRefused: settings => (settings.number('num_generations') ?? 2) < 2,
    rule: 'advantages are taken over at least two completions of a prompt',
    hint: 'Set `num_generations` to 2 or more.',
    source: GRPO,
  },
  {
    keys: ['generation_batch_size', 'steps_per_generation'],
    isRefused: settings => settings.isWritten('generation_batch_size') && settings.isWritten('steps_per_generation'),
    rule: 'each follows from the other',
    hint: 'Keep one of the two.',
    source: GRPO,
  },
  {
    keys: ['generation_batch_size', 'num_generations'],
    isRefused: settings =>
      isNoMultiple(settings.number('generation_batch_size'), settings.numberOr('num_generations', 8)),
    rule: 'a generation batch holds whole groups of `num_generations` completions (8 when absent)',
    hint: 'Make `generation_batch_size` a multiple of `num_generations`.',
    source: GRPO,
  },
]

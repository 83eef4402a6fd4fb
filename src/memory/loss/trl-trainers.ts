import type { Framework } from '../../plan/vocabulary.ts'

/** TRL and the recipes that run its SFTTrainer: `chunked` is its `chunked_nll`, a loss with a patched forward of its own. */
export const TRL_TRAINERS: ReadonlySet<Framework> = new Set<Framework>(['trl', 'alignment-handbook', 'open-r1'])

import { HUGGING_FACE_KEYS } from './hugging-face-keys.ts'
import { MEGATRON_KEYS } from './megatron-keys.ts'
import { NATIVE_TRAINER_KEYS } from './native-trainer-keys.ts'
import { PREFLOP_KEYS } from './preflop-keys.ts'
import { REINFORCEMENT_KEYS } from './reinforcement-keys.ts'
import type { FrameworkSpelling } from './spelling.ts'

/** Formats by reader name, else frameworks of a command line; a change without a row is not offered there. */
export const FRAMEWORK_KEYS: Readonly<Record<string, FrameworkSpelling>> = {
  preflop: PREFLOP_KEYS,
  ...HUGGING_FACE_KEYS,
  ...NATIVE_TRAINER_KEYS,
  ...MEGATRON_KEYS,
  ...REINFORCEMENT_KEYS,
}

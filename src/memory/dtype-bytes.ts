import type { OptimizerStateDtype, StorageDtype } from '../plan/vocabulary.ts'

/** Bytes per element as torch stores it. */
export const DTYPE_BYTES = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
} as const satisfies Record<StorageDtype, number>

/** Bytes per element of an optimizer state: block-wise 8 bit keeps one float32 scale per 256 elements (bitsandbytes 0.44 optim/optimizer.py l.498). */
export const STATE_BYTES = {
  float32: 4,
  bfloat16: 2,
  float16: 2,
  int8: 1 + 4 / 256,
  fp8: 1 + 4 / 256,
  /** torchao 0.14 optim/subclass_4bit.py: two values a byte, one float32 scale per 128. */
  int4: 0.5 + 4 / 128,
} as const satisfies Record<OptimizerStateDtype, number>

import { DENSE_FAMILIES } from './families/dense.ts'
import { ENCODERS_FAMILIES } from './families/encoders.ts'
import { GEMMA_FAMILIES } from './families/gemma.ts'
import { HYBRIDS_FAMILIES } from './families/hybrids.ts'
import { MIXTURES_FAMILIES } from './families/mixtures.ts'
import { OLDER_FAMILIES } from './families/older.ts'
import type { Family } from './family.ts'

/** transformers 5.18 modelling and configuration files, one row a model_type; remote-code types from their own repositories. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  ...DENSE_FAMILIES,
  ...GEMMA_FAMILIES,
  ...OLDER_FAMILIES,
  ...MIXTURES_FAMILIES,
  ...HYBRIDS_FAMILIES,
  ...ENCODERS_FAMILIES,
}

import type { DraftValue } from '../../plan/plan-draft.ts'

/** Tokens of the longest sample where a config cuts nothing: the length that the native format assumes. */
const ASSUMED_LONGEST = 2048

/** Padded batches of a run that cuts no sample are as long as the longest one, which only the data knows. */
export function uncutLength(source: string): DraftValue<number> {
  return ({ maxPositions }) => ({
    value: Math.min(ASSUMED_LONGEST, maxPositions ?? ASSUMED_LONGEST),
    from: 'assumed',
    note: `${source}: nothing is cut below the model’s longest context; set max_length to the longest sample to be sure`,
  })
}

/** Packed rows are filled to the model's longest context. */
export function contextLength(source: string): DraftValue<number> {
  return ({ maxPositions }) => ({
    value: maxPositions ?? 4 * ASSUMED_LONGEST,
    from: 'assumed',
    note: `${source}: rows are filled to the model’s longest context`,
  })
}

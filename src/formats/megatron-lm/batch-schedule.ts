import type { DraftValue } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'

const STAGE = /^(\d{1,15}(?:\.\d{1,6})?)([KMBT]?):(\d{1,7})$/
const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, B: 1e9, T: 1e12 }

/**
 * `--step-batch-size-schedule "0:384 200B:768"`: the global batch from a number of tokens on (Megatron-LM core 0.20
 * num_microbatches_calculator.py _parse_schedule). The one that holds when `train_samples` are through; the first one where that is not known.
 */
export function readBatchSchedule(fields: Fields): Sourced<number> | undefined {
  const key = 'step_batch_size_schedule'
  const text = fields.isSet(key) ? fields.string(key) : undefined
  const stages = text?.value
    .trim()
    .split(/\s+/)
    .map(stage => STAGE.exec(stage))
  if (text === undefined || stages === undefined) return undefined
  const length = fields.integer('seq_length', { min: 1 })?.value ?? 1
  const end = fields.integer('train_samples', { min: 1 })?.value ?? 0
  let batch = 0
  for (const stage of stages) {
    if (stage === null) return undefined
    const from = (Number(stage[1]) * (UNITS[stage[2] ?? ''] ?? 1)) / length
    if (batch === 0 || from < end) batch = Number(stage[3])
  }
  return batch === 0 ? undefined : { ...text, value: batch, note: 'the batch in which the run ends' }
}

const RANKS = ['tensor_model_parallel_size', 'pipeline_model_parallel_size', 'context_parallel_size'] as const

/** `--decrease-batch-size-if-needed`: the largest batch that the data-parallel ranks share evenly (core/num_microbatches_calculator.py). */
export function decreasedBatch(fields: Fields, batch: Sourced<number>): DraftValue<number> {
  const size = (key: string): number => fields.integer(key, { min: 1 })?.value ?? 1
  const ranks = RANKS.reduce((product, key) => product * size(key), 1)
  return ({ gpus }) => {
    const atOnce = size('micro_batch_size') * Math.max(1, Math.floor(gpus / ranks))
    const value = Math.max(1, Math.floor(batch.value / atOnce)) * atOnce
    return value === batch.value ? batch : { ...batch, value, note: `${batch.value} decreased to whole micro-batches` }
  }
}

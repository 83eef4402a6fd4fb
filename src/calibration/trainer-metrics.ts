import * as z from 'zod/mini'
import { type LogReader, measuredRun } from './run-log.ts'

const AMOUNT = z.number().check(z.positive())
const COUNT = z.int().check(z.positive())

const METRICS = z.object({
  train_runtime: AMOUNT,
  train_steps_per_second: z.optional(AMOUNT),
})
const STATE = z.object({
  global_step: COUNT,
  log_history: z.array(z.record(z.string(), z.unknown())),
})

/**
 * `trainer_state.json` of the Hugging Face Trainer and all that are built on it: the last entry of its history holds the
 * run time. Source: transformers trainer_callback.py TrainerState, trainer_utils.py speed_metrics.
 */
export const trainerState: LogReader = text => {
  const state = STATE.safeParse(parsedJson(text))
  if (!state.success) return null
  const last = state.data.log_history.findLast(entry => METRICS.safeParse(entry).success)
  const metrics = METRICS.safeParse(last)
  return measuredRun('Hugging Face trainer_state.json', {
    steps: state.data.global_step,
    loopSeconds: metrics.success ? metrics.data.train_runtime : null,
  })
}

/** `all_results.json` and `train_results.json`: the same figures without the number of steps, which their rate gives. */
export const trainerResults: LogReader = text => {
  const metrics = METRICS.safeParse(parsedJson(text))
  if (!metrics.success) return null
  const { train_runtime: loopSeconds, train_steps_per_second: rate } = metrics.data
  return measuredRun('Hugging Face all_results.json', {
    loopSeconds,
    // three decimals of a rate: exact enough for the steps of a short run only
    steps: rate === undefined || rate < MOST_EXACT_RATE ? null : Math.round(rate * loopSeconds),
  })
}

/** Below this, rounding to 0.001 a second moves the number of steps by more than half a percent. */
const MOST_EXACT_RATE = 0.1

const WANDB = z.object({
  'train/global_step': z.optional(COUNT),
  train_runtime: z.optional(AMOUNT),
  'train/train_runtime': z.optional(AMOUNT),
  _runtime: z.optional(AMOUNT),
  _wandb: z.optional(z.object({ runtime: z.optional(AMOUNT) })),
  tokens_per_second_per_gpu: z.optional(AMOUNT),
  peak_memory_alloc: z.optional(AMOUNT),
  peak_memory_reserved: z.optional(AMOUNT),
  global_step: z.optional(COUNT),
})

const GIB = 2 ** 30

/** `wandb-summary.json`: the last value of each metric. The session's own run time is no measure of the loop. */
export const wandbSummary: LogReader = text => {
  const value = parsedJson(text)
  const summary = WANDB.safeParse(value)
  if (!summary.success || typeof value !== 'object' || value === null || !('_step' in value || '_wandb' in value))
    return null
  const found = summary.data
  const bytes = (gibibytes: number | undefined): number | null => (gibibytes === undefined ? null : gibibytes * GIB)
  return measuredRun('Weights & Biases summary', {
    steps: found['train/global_step'] ?? found.global_step ?? null,
    loopSeconds: found['train/train_runtime'] ?? found.train_runtime ?? null,
    tokensPerSecondPerGpu: found.tokens_per_second_per_gpu ?? null,
    peak: { allocatedBytes: bytes(found.peak_memory_alloc), reservedBytes: bytes(found.peak_memory_reserved) },
  })
}

function parsedJson(text: string): unknown {
  if (!text.trimStart().startsWith('{')) return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

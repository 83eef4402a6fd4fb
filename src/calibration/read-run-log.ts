import { consoleLog, litgptLog, llamaFactoryLog, torchtuneLog } from './console-log.ts'
import { nvidiaSmi } from './nvidia-smi.ts'
import type { LogReader, MeasuredRun } from './run-log.ts'
import { trainerResults, trainerState, wandbSummary } from './trainer-metrics.ts'

/** The most particular first. */
const READERS: readonly LogReader[] = [
  trainerState,
  wandbSummary,
  trainerResults,
  nvidiaSmi,
  llamaFactoryLog,
  torchtuneLog,
  litgptLog,
  consoleLog,
]

/** What programs write that {@link readRunLog} reads. */
export const LOG_KINDS =
  'trainer_state.json, all_results.json, a console log of Axolotl, TRL or LLaMA-Factory, trainer_log.jsonl, a torchtune or LitGPT log, wandb-summary.json, nvidia-smi CSV'

/** The first reader that knows the text; null: none does. */
export function readRunLog(text: string): MeasuredRun | null {
  for (const read of READERS) {
    const run = read(text)
    if (run !== null) return run
  }
  return null
}

/** Several logs of one run as one: what the first does not say comes from the next. */
export function joinLogs(runs: readonly MeasuredRun[]): MeasuredRun | null {
  return runs.length === 0 ? null : runs.reduce(join)
}

function join(first: MeasuredRun, next: MeasuredRun): MeasuredRun {
  return {
    writer: `${first.writer}, ${next.writer}`,
    steps: first.steps ?? next.steps,
    stepSeconds: first.stepSeconds ?? next.stepSeconds,
    loopSeconds: first.loopSeconds ?? next.loopSeconds,
    tokensPerSecondPerGpu: first.tokensPerSecondPerGpu ?? next.tokensPerSecondPerGpu,
    peak: {
      allocatedBytes: first.peak.allocatedBytes ?? next.peak.allocatedBytes,
      reservedBytes: first.peak.reservedBytes ?? next.peak.reservedBytes,
      deviceBytes: first.peak.deviceBytes ?? next.peak.deviceBytes,
    },
  }
}

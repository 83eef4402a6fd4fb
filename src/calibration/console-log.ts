import { type LogReader, largest, measuredRun, median, settled } from './run-log.ts'

const GIB = 2 ** 30

/**
 * What a Trainer prints (Axolotl, TRL, LLaMA-Factory, ms-swift): Python dictionaries of metrics, tqdm's progress bar, and
 * Axolotl's memory figures (axolotl utils/callbacks: `memory/max_mem_active(gib)`, later `memory/max_active (GiB)`).
 */
export const consoleLog: LogReader = text => {
  const runtime = lastNumber(text, /['"]train_runtime['"]:\s*['"]?([\d.]+)/g)
  const bars = progressBars(text)
  const last = bars.at(-1)
  if (runtime === null && last === undefined) return null
  const rate = lastNumber(text, /['"]train_steps_per_second['"]:\s*['"]?([\d.]+)/g)
  return measuredRun('trainer console log', {
    steps: last?.total ?? (runtime === null || rate === null ? null : Math.round(runtime * rate)),
    stepSeconds: stepOf(bars),
    loopSeconds: runtime,
    peak: {
      allocatedBytes: gibibytes(text, /['"]memory\/max_(?:mem_)?allocated ?\(gib\)['"]:\s*['"]?([\d.]+)/gi),
      reservedBytes: gibibytes(text, /['"]memory\/device_(?:mem_)?reserved ?\(gib\)['"]:\s*['"]?([\d.]+)/gi),
    },
  })
}

interface ProgressBar {
  readonly done: number
  readonly total: number
  readonly seconds: number
}

/** `10/100 [00:20<03:00, 2.01s/it]`: elapsed time at each step (tqdm std.py format_meter). The longest bar is the training. */
function progressBars(text: string): readonly ProgressBar[] {
  const bars = [...text.matchAll(/(\d+)\/(\d+) \[(?:(\d+):)?(\d{1,2}):(\d{2})</g)].map(
    ([, done, total, hours = '0', minutes, seconds]) => ({
      done: Number(done),
      total: Number(total),
      seconds: Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds),
    }),
  )
  const longest = bars.toSorted((a, b) => b.seconds - a.seconds)[0]
  return bars.filter(({ total }) => total === longest?.total)
}

/** Whole seconds over all settled steps; null: too few to tell. */
function stepOf(bars: readonly ProgressBar[]): number | null {
  const [first] = settled(bars)
  const last = bars.at(-1)
  if (!first || !last || last.done <= first.done || last.seconds - first.seconds < LEAST_SECONDS) return null
  return (last.seconds - first.seconds) / (last.done - first.done)
}

/** tqdm shows whole seconds: over less than this a step is not measured to a percent. */
const LEAST_SECONDS = 60

function lastNumber(text: string, pattern: RegExp): number | null {
  const found = [...text.matchAll(pattern)].at(-1)?.[1]
  const value = Number(found)
  return found !== undefined && value > 0 ? value : null
}

function gibibytes(text: string, pattern: RegExp): number | null {
  const most = largest([...text.matchAll(pattern)].map(([, value]) => Number(value)))
  return most === null ? null : most * GIB
}

/** `trainer_log.jsonl` of LLaMA-Factory: a line for each logging step with the time since the start. */
export const llamaFactoryLog: LogReader = text => {
  const points = text.split('\n').flatMap(line => {
    const [, done, total] = /"current_steps": (\d+), "total_steps": (\d+)/.exec(line) ?? []
    const [, days = '0', hours, minutes, seconds] =
      /"elapsed_time": "(?:(\d+) days?, )?(\d+):(\d{2}):(\d{2})"/.exec(line) ?? []
    if (done === undefined || hours === undefined) return []
    const elapsed = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)
    return [{ done: Number(done), total: Number(total), seconds: elapsed }]
  })
  const last = points.at(-1)
  if (last === undefined) return null
  return measuredRun('LLaMA-Factory trainer_log.jsonl', {
    steps: last.done,
    stepSeconds: stepOf(points),
    loopSeconds: last.done === last.total && last.seconds >= LEAST_SECONDS ? last.seconds : null,
  })
}

/**
 * torchtune's DiskLogger: `Step 12 | loss:1.2 lr:2e-05 tokens_per_second_per_gpu:4321 peak_memory_alloc:30.1`. Its token rate
 * leaves padding and masked labels out, so it is no step time; the progress bar beside it is.
 */
export const torchtuneLog: LogReader = text => {
  const steps = [...text.matchAll(/^Step (\d+) \| .*?tokens_per_second_per_gpu:([\d.]+)/gm)]
  const last = steps.at(-1)
  if (last === undefined) return null
  const peak = (name: string): number | null => gibibytes(text, new RegExp(`${name}:([\\d.]+)`, 'g'))
  return measuredRun('torchtune log', {
    steps: Number(last[1]),
    stepSeconds: stepOf(progressBars(text)),
    tokensPerSecondPerGpu: median(settled(steps).map(([, , rate]) => Number(rate))),
    peak: { allocatedBytes: peak('peak_memory_alloc'), reservedBytes: peak('peak_memory_reserved') },
  })
}

/**
 * LitGPT: `Epoch 1 | iter 64 step 16 | loss train: 1.4, val: n/a | iter time: 250.12 ms (step)`; an iteration is a micro-batch
 * and `(step)` marks those that end a step. Source: litgpt finetune/lora.py.
 */
export const litgptLog: LogReader = text => {
  const rows = [...text.matchAll(/\biter (\d+) step (\d+) \|.*?iter time: ([\d.]+) ms/g)].map(
    ([, iter, step, time]) => ({
      iter: Number(iter),
      step: Number(step),
      seconds: Number(time) / 1000,
    }),
  )
  const last = rows.at(-1)
  if (last === undefined || last.step === 0) return null
  const perStep = last.iter / last.step
  const times = settled(rows).map(({ seconds }) => seconds)
  const mean = times.reduce((sum, seconds) => sum + seconds, 0) / times.length
  const total = lastNumber(text, /Training [Tt]ime\s*:\s*([\d.]+) ?s/g)
  const memory = lastNumber(text, /Memory [Uu]sed\s*:\s*([\d.]+) GB/g)
  return measuredRun('LitGPT log', {
    steps: last.step,
    stepSeconds: mean * perStep,
    loopSeconds: total,
    peak: { allocatedBytes: memory === null ? null : memory * 1e9 },
  })
}

/** What a finished run left behind, as far as it can be held against an estimate. Absent figures are null. */
export interface MeasuredRun {
  /** Which program wrote it. */
  readonly writer: string
  /** Optimizer steps that were made. */
  readonly steps: number | null
  /** Seconds of one optimizer step without evaluation and checkpoints, median. */
  readonly stepSeconds: number | null
  /** Wall-clock seconds of the training loop, evaluation and checkpoints included, start-up left out. */
  readonly loopSeconds: number | null
  readonly tokensPerSecondPerGpu: number | null
  readonly peak: {
    /** torch's allocated and reserved maxima, and what the driver shows. */
    readonly allocatedBytes: number | null
    readonly reservedBytes: number | null
    readonly deviceBytes: number | null
  }
}

const NOTHING = {
  steps: null,
  stepSeconds: null,
  loopSeconds: null,
  tokensPerSecondPerGpu: null,
  peak: { allocatedBytes: null, reservedBytes: null, deviceBytes: null },
} as const

interface Known extends Partial<Omit<MeasuredRun, 'peak' | 'writer'>> {
  readonly peak?: Partial<MeasuredRun['peak']>
}

/** A measured run with what is known; the rest is null. */
export function measuredRun(writer: string, known: Known): MeasuredRun {
  return { ...NOTHING, ...known, writer, peak: { ...NOTHING.peak, ...known.peak } }
}

/** Reads one kind of log. null: the text is not of this kind. */
export type LogReader = (text: string) => MeasuredRun | null

/** null for none. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}

/** null for none. */
export function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((most, value) => Math.max(most, value))
}

/** The steps after the first tenth: warm-up, compilation and allocator growth are over. */
export function settled<T>(values: readonly T[]): readonly T[] {
  return values.slice(Math.min(values.length - 1, Math.max(1, Math.floor(values.length / 10))))
}

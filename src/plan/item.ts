import type { Bytes, Seconds } from './units.ts'

/** One term of a sum: what it is, how much, and where it comes from. The sum is taken at the end. */
export interface MemoryItem {
  readonly name: string
  readonly bytes: Bytes
  /** The formula with its inputs filled in, e.g. `8.03e9 parameters × 2 B ÷ 8`. */
  readonly note: string
  /** Paper and equation, framework file and version, or data row. */
  readonly source: string
}

export interface TimeItem {
  readonly name: string
  readonly seconds: Seconds
  readonly note: string
  readonly source: string
}

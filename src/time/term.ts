import type { Seconds } from '../plan/units.ts'

/** A term before it is written out for the report. */
export interface LayerTerm {
  readonly name: string
  readonly seconds: Seconds
  readonly source: 'work' | 'bytes' | 'collective' | 'host' | 'schedule'
}

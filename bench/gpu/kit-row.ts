import type { NativePlan } from '../accuracy/native-run.ts'

/** A line that measure.py wrote for a plan it ran. */
export interface KitRow {
  readonly id: string
  readonly group: string
  readonly plan: NativePlan
  readonly measured: {
    readonly gib: number | null
    readonly fits: boolean | null
    /** Live or peak bytes of each phase of a steady-state step. */
    readonly phases_bytes?: Readonly<Record<string, number>>
    readonly reserved_gib?: number
    readonly device_gib?: number
    readonly step_seconds?: number
    readonly tokens_per_second_per_gpu?: number
  }
  readonly environment: { readonly gpu: string | null }
}

/** The rows that ran, out-of-memory outcomes included; lines of plans that were skipped are left out. */
export function readKitRows(text: string): KitRow[] {
  return text
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => JSON.parse(line))
    .filter(row => row.measured !== undefined)
}

import { createHash } from 'node:crypto'
import type { KitRow } from './kit-row.ts'

export interface LandedRows {
  /** Lines for bench/memory.jsonl. */
  readonly memory: readonly string[]
  /** Lines for bench/speed.jsonl. */
  readonly speed: readonly string[]
}

/** The rows in the benches' format. Two thirds of them, by a hash of the id, may fit constants; the rest only scores. */
export function landRows(rows: readonly KitRow[]): LandedRows {
  const onGpu = rows.filter(({ environment }) => environment.gpu !== null)
  return {
    memory: onGpu.map(row => JSON.stringify(row)),
    speed: onGpu
      .filter(({ measured }) => measured.step_seconds !== undefined)
      .map(row =>
        JSON.stringify({
          ...row,
          measured: {
            step_seconds: row.measured.step_seconds,
            tokens_per_second_per_gpu: row.measured.tokens_per_second_per_gpu,
            total_seconds: null,
            fitting: mayFit(row.id),
          },
        }),
      ),
  }
}

/** The same answer for an id on every machine. */
export function mayFit(id: string): boolean {
  return createHash('sha256').update(id).digest().readUInt32BE() % 3 !== 0
}

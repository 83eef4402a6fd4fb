import type { MemoryItem } from '../plan/item.ts'
import type { Bytes } from '../plan/units.ts'

/** One component; the note holds the formula with its inputs. */
export function item(
  name: string,
  bytes: Bytes,
  details: { readonly note: string; readonly source: string },
): MemoryItem {
  return { name, bytes: Math.max(0, bytes), ...details }
}

export function sumBytes(items: readonly MemoryItem[]): Bytes {
  return items.reduce((sum, entry) => sum + entry.bytes, 0)
}

/** A count for notes: 8.03e9 rather than 8030261248. */
export function short(count: number): string {
  return count < 1e5 ? String(Math.round(count * 100) / 100) : count.toPrecision(3)
}

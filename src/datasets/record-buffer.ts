/** Longer records are sampled by their first bytes alone. */
const MOST_BYTES = 2 ** 18

/** The bytes of one record over several chunks, up to a limit. */
export class RecordBuffer {
  #parts: Uint8Array[] = []
  #bytes = 0

  add(part: Uint8Array): void {
    const room = MOST_BYTES - this.#bytes
    if (room <= 0 || part.length === 0) return
    // a copy: the chunk's memory must not live as long as the record
    const kept = part.slice(0, room)
    this.#parts.push(kept)
    this.#bytes += kept.length
  }

  take(): Uint8Array {
    const record = Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return record
  }
}

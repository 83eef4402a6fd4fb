/** A data file's bytes, read as a stream or in parts and never as a whole. */
export interface DataBytes {
  readonly size: number
  chunks(): AsyncIterable<Uint8Array>
  /** null: this source cannot read a part. */
  range(offset: number, length: number): Promise<Uint8Array | null>
}

/** Bytes that are in memory already. */
export function heldBytes(bytes: Uint8Array): DataBytes {
  return {
    size: bytes.length,
    async *chunks() {
      yield bytes
    },
    range: async (offset, length) => bytes.subarray(offset, offset + length),
  }
}

/** A part of a stream that cannot be read from the middle. */
export async function rangeOf(chunks: AsyncIterable<Uint8Array>, offset: number, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let at = 0
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at))
    if (part.length > 0) parts.push(part)
    at += chunk.length
    if (at >= offset + length) break
  }
  return Buffer.concat(parts)
}

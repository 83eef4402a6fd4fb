import type { DataBytes } from '../files/data-bytes.ts'

const MAGIC = 'PAR1'
/** Footers of files with very many columns and row groups stay below this. */
const MOST_FOOTER_BYTES = 64 * 2 ** 20
const NUM_ROWS_FIELD = 3

/**
 * `FileMetaData.num_rows` of the footer (apache/parquet-format src/main/thrift/parquet.thrift, Thrift compact protocol).
 * A text says why there is no number.
 */
export async function parquetRows(data: DataBytes): Promise<number | string> {
  if (data.size < 12) return 'it is too short for a parquet file'
  const tail = await data.range(data.size - 8, 8)
  if (tail === null) return 'its footer cannot be read from here'
  if (Buffer.from(tail.subarray(4)).toString('latin1') !== MAGIC) return 'it does not end as a parquet file does'
  const length = Buffer.from(tail).readUInt32LE(0)
  if (length > MOST_FOOTER_BYTES || length + 8 > data.size) return `its footer claims ${length} bytes`
  const footer = await data.range(data.size - 8 - length, length)
  if (footer === null) return 'its footer cannot be read from here'
  const rows = new CompactReader(footer).integerField(NUM_ROWS_FIELD)
  return rows !== null && rows >= 0 && Number.isSafeInteger(rows) ? rows : 'its footer holds no number of rows'
}

const MOST_DEPTH = 32

/** As much of Thrift's compact protocol as it takes to skip to one integer of a struct. */
class CompactReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** An i16, i32 or i64 of the struct that starts here; null: absent, or the bytes make no sense. */
  integerField(wanted: number): number | null {
    try {
      let field = 0
      for (;;) {
        const header = this.#byte()
        if (header === 0) return null
        const type = header & 0x0f
        field = header >> 4 === 0 ? this.#zigzag() : field + (header >> 4)
        if (field === wanted) return type >= 4 && type <= 6 ? this.#zigzag() : null
        this.#skip(type, 0)
      }
    } catch (error) {
      if (error instanceof RangeError) return null
      throw error
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new RangeError('the footer ends too early')
    this.#at += 1
    return byte
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 63; shift += 7) {
      const byte = this.#byte()
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a number is too long')
  }

  #zigzag(): number {
    const value = this.#varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  #skip(type: number, depth: number): void {
    if (depth > MOST_DEPTH) throw new RangeError('nested too deep')
    if (type === 1 || type === 2) return
    if (type === 3) this.#at += 1
    else if (type >= 4 && type <= 6) this.#varint()
    else if (type === 7) this.#at += 8
    else if (type === 8) this.#skipBytes()
    else if (type === 9 || type === 10) this.#skipList(depth)
    else if (type === 11) this.#skipMap(depth)
    else if (type === 12) this.#skipStruct(depth)
    else throw new RangeError(`type ${type} is none`)
  }

  #skipBytes(): void {
    const length = this.#varint()
    this.#at += length
  }

  #skipList(depth: number): void {
    const header = this.#byte()
    const size = header >> 4 === 15 ? this.#varint() : header >> 4
    for (let index = 0; index < size; index += 1) this.#skipElement(header & 0x0f, depth + 1)
  }

  #skipMap(depth: number): void {
    const size = this.#varint()
    if (size === 0) return
    const types = this.#byte()
    for (let index = 0; index < size; index += 1) {
      this.#skipElement(types >> 4, depth + 1)
      this.#skipElement(types & 0x0f, depth + 1)
    }
  }

  /** Booleans take a byte inside a collection. */
  #skipElement(type: number, depth: number): void {
    if (type === 1 || type === 2) this.#byte()
    else this.#skip(type, depth)
  }

  #skipStruct(depth: number): void {
    for (;;) {
      const header = this.#byte()
      if (header === 0) return
      if (header >> 4 === 0) this.#zigzag()
      this.#skip(header & 0x0f, depth + 1)
    }
  }
}

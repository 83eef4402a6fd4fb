import type { OnRecord, RecordSplitter } from './count-records.ts'
import { RecordBuffer } from './record-buffer.ts'

const [QUOTE, BACKSLASH, COMMA, SPACE] = [34, 92, 44, 32]
const [LIST, LIST_END, OBJECT, OBJECT_END] = [91, 93, 123, 125]

/**
 * The elements of a top-level list, or the objects of a file that holds one after another. Structure alone is followed,
 * nothing is built. One single object is no list of samples.
 */
export function splitJson(onRecord: OnRecord): RecordSplitter {
  const buffer = new RecordBuffer()
  /** Depth at which a record's own brackets stand: 1 inside a list, 0 in a row of objects; −1 before the first byte. */
  let outside = -1
  let depth = 0
  let isWanted = true
  let isQuoted = false
  let isEscaped = false
  let isEmpty = true
  let records = 0

  function endRecord(): void {
    const record = buffer.take()
    if (isEmpty) return
    records += 1
    isEmpty = true
    isWanted = onRecord(isWanted ? record : null)
  }

  /** Whether the byte inside a string ends it. */
  function quoted(byte: number): void {
    if (isEscaped) isEscaped = false
    else if (byte === BACKSLASH) isEscaped = true
    else if (byte === QUOTE) isQuoted = false
  }

  /** What a byte outside strings means for the record it stands in. */
  function meaning(byte: number): 'part' | 'between' | 'last' {
    if (byte <= SPACE) return isEmpty ? 'between' : 'part'
    if (outside < 0) {
      outside = byte === LIST ? 1 : 0
      if (byte === LIST) {
        depth = 1
        return 'between'
      }
    }
    if (depth === outside && (byte === COMMA || byte === LIST_END)) {
      if (byte === LIST_END) depth -= 1
      return 'between'
    }
    isEmpty = false
    if (byte === QUOTE) isQuoted = true
    else if (byte === LIST || byte === OBJECT) depth += 1
    else if (byte === LIST_END || byte === OBJECT_END) depth -= 1
    return outside === 0 && depth === 0 && byte === OBJECT_END ? 'last' : 'part'
  }

  return {
    push(chunk) {
      let start = 0
      for (let index = 0; index < chunk.length; index += 1) {
        const byte = chunk[index] ?? 0
        if (isQuoted) {
          quoted(byte)
          continue
        }
        const kind = meaning(byte)
        if (kind === 'part') continue
        if (isWanted) buffer.add(chunk.subarray(start, kind === 'last' ? index + 1 : index))
        endRecord()
        start = index + 1
      }
      if (isWanted) buffer.add(chunk.subarray(start))
    },
    end() {
      if (depth !== 0 || isQuoted) return 'the JSON ends too early'
      if (outside < 0 || (outside === 0 && records < 2)) return 'it is no list of samples'
      return null
    },
  }
}

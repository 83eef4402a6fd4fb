import type { OnRecord, RecordSplitter } from './count-records.ts'
import { RecordBuffer } from './record-buffer.ts'

const NEWLINE = 10
const QUOTE = 34
const SPACE = 32

/** RFC 4180 records after the header; a line break inside quotes is text. Blank lines are no records (pandas). */
export function splitCsv(onRecord: OnRecord): RecordSplitter {
  const buffer = new RecordBuffer()
  let isHeader = true
  let isWanted = false
  let isQuoted = false
  let isBlank = true

  function endRecord(): void {
    const record = buffer.take()
    if (isBlank) return
    isBlank = true
    if (isHeader) {
      isHeader = false
      isWanted = true
    } else isWanted = onRecord(isWanted ? record : null)
  }

  return {
    push(chunk) {
      let start = 0
      for (let index = 0; index < chunk.length; index += 1) {
        const byte = chunk[index] ?? 0
        // a doubled quote closes and opens again, which leaves the state as it was
        if (byte === QUOTE) isQuoted = !isQuoted
        if (byte > SPACE) isBlank = false
        if (byte !== NEWLINE || isQuoted) continue
        if (isWanted) buffer.add(chunk.subarray(start, index))
        endRecord()
        start = index + 1
      }
      if (isWanted) buffer.add(chunk.subarray(start))
    },
    end() {
      if (isQuoted) return 'a quote is never closed'
      endRecord()
      return null
    },
  }
}

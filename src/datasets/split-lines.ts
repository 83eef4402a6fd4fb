import type { OnRecord, RecordSplitter } from './count-records.ts'
import { RecordBuffer } from './record-buffer.ts'

const NEWLINE = 10
const SPACE = 32

/** One record a line; blank lines are none (datasets and pandas skip them). */
export function splitLines(onRecord: OnRecord): RecordSplitter {
  const buffer = new RecordBuffer()
  let isWanted = true
  let isBlank = true

  function endLine(): void {
    const record = buffer.take()
    if (!isBlank) isWanted = onRecord(isWanted ? record : null)
    isBlank = true
  }

  return {
    push(chunk) {
      let start = 0
      while (start < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, start)
        const end = newline < 0 ? chunk.length : newline
        const line = chunk.subarray(start, end)
        isBlank &&= line.every(byte => byte <= SPACE)
        if (isWanted) buffer.add(line)
        if (newline >= 0) endLine()
        start = end + 1
      }
    },
    end() {
      endLine()
      return null
    },
  }
}

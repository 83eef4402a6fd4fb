import type { DataBytes } from '../files/data-bytes.ts'
import type { DatasetSizeResult } from './dataset-size.ts'
import { parquetRows } from './parquet-rows.ts'
import { RecordSampler } from './record-sampler.ts'
import { splitCsv } from './split-csv.ts'
import { splitJson } from './split-json.ts'
import { splitLines } from './split-lines.ts'
import { estimatedTokens, recordTokens, TOKEN_RULE } from './text-tokens.ts'

/** Feeds chunks in, gets the records' bytes out; `null` where the text was not wanted. */
export interface RecordSplitter {
  push(chunk: Uint8Array): void
  /** What is wrong with the file; null: all its records were given. */
  end(): string | null
}

/** Called for each record, in order; says whether the next one's bytes are wanted. */
export type OnRecord = (record: Uint8Array | null) => boolean

type Split = (onRecord: OnRecord) => RecordSplitter

interface RecordFormat {
  readonly split: Split
  readonly tokens: (record: string) => number
}

const FORMATS: Readonly<Record<string, RecordFormat>> = {
  jsonl: { split: splitLines, tokens: jsonTokens },
  ndjson: { split: splitLines, tokens: jsonTokens },
  json: { split: splitJson, tokens: jsonTokens },
  csv: { split: splitCsv, tokens: record => estimatedTokens(record.replaceAll(/[",]/g, ' ')) },
  tsv: { split: splitCsv, tokens: record => estimatedTokens(record.replaceAll('\t', ' ')) },
  txt: { split: splitLines, tokens: estimatedTokens },
}

/** Streaming reads a few hundred MB in a second; beyond this a check would hang. */
const MOST_BYTES = 2 ** 31

const LFS_MARK = 'version https://git-lfs.github.com/spec/'

/** Whether {@link countRecords} knows the file's kind. */
export function isCountable(path: string): boolean {
  return extensionOf(path) === 'parquet' || Object.hasOwn(FORMATS, extensionOf(path))
}

/** Samples of one data file, by its extension; the file is streamed, for parquet only its footer is read. */
export async function countRecords(path: string, data: DataBytes): Promise<DatasetSizeResult> {
  const extension = extensionOf(path)
  if (extension === 'parquet') return fromParquet(await parquetRows(data))
  const format = Object.hasOwn(FORMATS, extension) ? FORMATS[extension] : undefined
  if (!format) return { status: 'unknown', message: `files of kind \`.${extension}\` are not counted` }
  if (data.size > MOST_BYTES)
    return { status: 'unknown', message: `it has ${data.size} bytes; at most ${MOST_BYTES} are counted` }
  const sampler = new RecordSampler()
  const splitter = format.split(record => {
    sampler.add(record === null ? null : format.tokens(new TextDecoder().decode(record)))
    return sampler.wantsNext
  })
  let read = 0
  for await (const chunk of data.chunks()) {
    read += chunk.length
    if (read > MOST_BYTES) return { status: 'unknown', message: `it is larger than ${MOST_BYTES} bytes` }
    if (read === chunk.length && isPointer(chunk)) return { status: 'unknown', message: 'it is a Git LFS pointer' }
    splitter.push(chunk)
  }
  const problem = splitter.end()
  if (problem !== null) return { status: 'unknown', message: problem }
  const records = sampler.seen
  const meanTokens = sampler.meanTokens === null ? null : Math.max(1, Math.round(sampler.meanTokens))
  const sampled = sampler.sampled === records ? 'all' : String(sampler.sampled)
  return {
    status: 'found',
    size: {
      samples: records,
      meanTokens,
      note: `${records} records counted${meanTokens === null ? '' : `; ${meanTokens} tokens a record in ${sampled} sampled (${TOKEN_RULE})`}`,
    },
  }
}

function isPointer(chunk: Uint8Array): boolean {
  return Buffer.from(chunk.subarray(0, LFS_MARK.length)).toString('latin1') === LFS_MARK
}

function fromParquet(rows: Awaited<ReturnType<typeof parquetRows>>): DatasetSizeResult {
  if (typeof rows === 'string') return { status: 'unknown', message: rows }
  return { status: 'found', size: { samples: rows, meanTokens: null, note: `${rows} rows by the parquet footer` } }
}

function extensionOf(path: string): string {
  return /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''
}

/** A record that is no JSON counts with its whole text: the trainer, not this count, is where it fails. */
function jsonTokens(record: string): number {
  try {
    return recordTokens(JSON.parse(record))
  } catch {
    return estimatedTokens(record)
  }
}

import * as z from 'zod/mini'
import { decodeText, textContent } from '../files/decode-text.ts'
import type { FileContent } from '../files/file-source.ts'
import { INPUT_LIMITS } from '../formats/input-limits.ts'
import type { ApiFailure, GitHubApi } from './api.ts'
import type { RepositoryName } from './repository-name.ts'

export interface Blob {
  readonly sha: string
  readonly size: number | null
}

/** Texts of git blobs by id, many in one request. One store serves base and head: equal files are read once. */
export interface BlobStore {
  prefetch(blobs: readonly Blob[]): Promise<void>
  read(blob: Blob): Promise<FileContent>
  /** Blobs that GitHub did not give, with why. */
  readonly failures: () => readonly ApiFailure[]
  readonly blobsRead: () => number
}

/** GitHub answers a GraphQL query of this many small blobs well within its 10 s limit. */
const BLOBS_PER_QUERY = 100
const BYTES_PER_QUERY = 2 ** 20

export function blobStore(api: GitHubApi, repository: RepositoryName): BlobStore {
  const contents = new Map<string, FileContent>()
  const failures: ApiFailure[] = []
  let files = 0
  let bytes = 0
  let useGraphql = true

  /** false, with the refusal noted, when a limit of the run is reached. */
  function admit({ sha, size }: Blob): boolean {
    const reason = refusal(size ?? 0, files, bytes)
    if (reason !== null) {
      contents.set(sha, { status: 'refused', reason })
      return false
    }
    files += 1
    bytes += size ?? 0
    return true
  }

  async function readOne(blob: Blob): Promise<void> {
    const answer = await api.call({
      route: 'GET /repos/{owner}/{repo}/git/blobs/{file_sha}',
      parameters: { ...repository, file_sha: blob.sha },
      schema: BLOB,
    })
    if (answer.ok) {
      contents.set(blob.sha, decodeText(Buffer.from(answer.data.content, 'base64')))
      return
    }
    failures.push(answer.failure)
    contents.set(blob.sha, { status: 'refused', reason: `GitHub did not give the file: ${answer.failure.message}` })
  }

  async function readMany(blobs: readonly Blob[]): Promise<void> {
    const missed = useGraphql ? await readByGraphql(blobs) : blobs
    for (const blob of missed) await readOne(blob)
  }

  /** The blobs that the query did not settle. */
  async function readByGraphql(blobs: readonly Blob[]): Promise<readonly Blob[]> {
    const answer = await api.graphql(
      blobQuery(blobs.length),
      { ...repository, ...Object.fromEntries(blobs.map(({ sha }, index) => [`o${index}`, sha])) },
      BLOBS,
    )
    if (!answer.ok) {
      useGraphql = false
      return blobs
    }
    return blobs.filter(({ sha }, index) => {
      const blob = answer.data.repository[`b${index}`]
      if (blob == null || blob.isTruncated) return true
      if (blob.text === null) {
        if (!blob.isBinary) return true
        contents.set(sha, { status: 'refused', reason: 'it is not UTF-8 text' })
        return false
      }
      contents.set(sha, textContent(blob.text))
      return false
    })
  }

  async function prefetch(blobs: readonly Blob[]): Promise<void> {
    const unread = new Map(blobs.filter(({ sha }) => !contents.has(sha)).map(blob => [blob.sha, blob]))
    for (const batch of batches([...unread.values()].filter(admit))) await readMany(batch)
  }

  return {
    prefetch,
    async read(blob) {
      await prefetch([blob])
      return contents.get(blob.sha) ?? { status: 'missing' }
    },
    failures: () => failures,
    blobsRead: () => contents.size,
  }
}

/** Why a file of `size` bytes may not be read after `files` files with `bytes` bytes; null: it may. */
function refusal(size: number, files: number, bytes: number): string | null {
  if (size > INPUT_LIMITS.fileBytes) return `it has ${size} bytes; at most ${INPUT_LIMITS.fileBytes} are read`
  if (files >= INPUT_LIMITS.files) return `more than ${INPUT_LIMITS.files} files in one run`
  if (bytes + size > INPUT_LIMITS.totalBytes) return `more than ${INPUT_LIMITS.totalBytes} bytes in one run`
  return null
}

const BLOB = z.object({ content: z.string(), encoding: z.literal('base64') })

const BLOBS = z.object({
  repository: z.record(
    z.string(),
    z.nullable(z.object({ text: z.nullable(z.string()), isBinary: z.nullable(z.boolean()), isTruncated: z.boolean() })),
  ),
})

function blobQuery(count: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index)
  const variables = indexes.map(index => `$o${index}:GitObjectID!`).join(',')
  const fields = indexes.map(index => `b${index}:object(oid:$o${index}){...B}`).join(' ')
  return `query($owner:String!,$repo:String!,${variables}){repository(owner:$owner,name:$repo){${fields}}} fragment B on Blob{text isBinary isTruncated}`
}

function* batches(blobs: readonly Blob[]): Generator<readonly Blob[]> {
  let batch: Blob[] = []
  let bytes = 0
  for (const blob of blobs) {
    const size = blob.size ?? 0
    if (batch.length > 0 && (batch.length === BLOBS_PER_QUERY || bytes + size > BYTES_PER_QUERY)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(blob)
    bytes += size
  }
  if (batch.length > 0) yield batch
}

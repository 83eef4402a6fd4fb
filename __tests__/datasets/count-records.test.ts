import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { countRecords } from '../../src/datasets/count-records.ts'
import { estimatedTokens } from '../../src/datasets/text-tokens.ts'
import { type DataBytes, heldBytes } from '../../src/files/data-bytes.ts'

const count = (path: string, text: string) => countRecords(path, heldBytes(Buffer.from(text)))

/** The same bytes in pieces of `size`, as a stream cuts them anywhere. */
function inPieces(text: string, size: number): DataBytes {
  const bytes = Buffer.from(text)
  return {
    ...heldBytes(bytes),
    async *chunks() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    },
  }
}

describe('countRecords', () => {
  test.each([
    ['a.jsonl', '{"a": 1}\n{"a": 2}\n', 2],
    ['a.jsonl', '{"a": 1}\n\n  \n{"a": 2}', 2],
    ['a.JSONL', '{"a": "x\\ny"}\r\n{"a": 2}\r\n', 2],
    ['a.jsonl', '', 0],
    ['a.txt', 'one\ntwo\n\nthree', 3],
    ['a.json', '[{"a": 1}, {"a": [1, 2, {"b": "],["}]}]', 2],
    ['a.json', '[]', 0],
    ['a.json', ' [ "a,b" , 1,[2,3]\n] ', 3],
    ['a.json', '{"a": 1}\n{"a": 2}\n{"a": "}\\""}', 3],
    ['a.csv', 'text,label\nhello,1\n"a\n""quoted"" line",2\n', 2],
    ['a.csv', 'text,label\r\nhello,1\r\n\r\n', 1],
    ['a.tsv', 'text\tlabel\nhello\t1', 1],
    ['a.csv', 'only,a,header\n', 0],
  ])('%s %j holds %d', async (path, text, samples) => {
    expect(await count(path, text)).toMatchObject({ status: 'found', size: { samples } })
    for (const size of [1, 3]) expect(await countRecords(path, inPieces(text, size))).toEqual(await count(path, text))
  })

  test.each([
    ['a.json', '{"data": [1, 2]}', 'no list'],
    ['a.json', '[1, 2', 'too early'],
    ['a.json', '', 'no list'],
    ['a.csv', 'a\n"never closed', 'never closed'],
    ['a.jsonl', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n', 'Git LFS'],
    ['a.parquet', 'PAR1 this is no parquet', 'parquet'],
    ['a.bin', 'x', 'not counted'],
  ])('%s %j is not known', async (path, text, reason) => {
    expect(await count(path, text)).toMatchObject({ status: 'unknown', message: expect.stringContaining(reason) })
  })

  test('agrees with JSON.parse on any list, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 7 }), async (list, size) => {
        for (const text of [JSON.stringify(list), JSON.stringify(list, null, 2)])
          expect(await countRecords('a.json', inPieces(text, size))).toMatchObject({ size: { samples: list.length } })
        const lines = list.map(value => JSON.stringify(value)).join('\n')
        expect(await countRecords('a.jsonl', inPieces(lines, size))).toMatchObject({ size: { samples: list.length } })
      }),
      { numRuns: 60 },
    )
  })

  test('never throws on any bytes', async () => {
    const kinds = ['jsonl', 'json', 'csv', 'parquet', 'txt']
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...kinds), async (bytes, kind) => {
        const tail = kind === 'parquet' ? Buffer.from([bytes.length, 0, 0, 0, ...Buffer.from('PAR1')]) : Buffer.of()
        const result = await countRecords(`a.${kind}`, heldBytes(Buffer.concat([bytes, tail])))
        expect(['found', 'unknown']).toContain(result.status)
      }),
    )
  })

  test('rows of a parquet file are read from its footer alone', async () => {
    const bytes = readFileSync('__tests__/datasets/fixtures/rows-37.parquet')
    const asked: number[] = []
    const held = heldBytes(bytes)
    const result = await countRecords('rows-37.parquet', {
      ...held,
      chunks: () => {
        throw new Error('the file is not streamed')
      },
      range(offset, length) {
        asked.push(length)
        return held.range(offset, length)
      },
    })
    expect(result).toMatchObject({ status: 'found', size: { samples: 37, meanTokens: null } })
    expect(asked).toHaveLength(2)
  })
})

describe('mean tokens', () => {
  test.each([
    ['a'.repeat(400), 100],
    ['中'.repeat(160), 100],
    [`${'a'.repeat(200)}${'中'.repeat(80)}`, 100],
  ])('of a text', (text, tokens) => expect(estimatedTokens(text)).toBeCloseTo(tokens, 9))

  test('count the texts of a record, not its keys, numbers and marks', async () => {
    const record = JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(395) }], id: 123456789 })
    const result = await count('a.jsonl', `${record}\n${record}\n`)
    expect(result).toMatchObject({ size: { samples: 2, meanTokens: 100 } })
  })

  test('sample a file that is sorted by length from end to end', async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => JSON.stringify({ text: 'x'.repeat(index) }))
    const result = await count('a.jsonl', lines.join('\n'))
    // 0…2999 characters, four a token
    const mean = 2999 / 2 / 4
    if (result.status !== 'found' || result.size.meanTokens === null) throw new Error('the mean is known')
    expect(Math.abs(result.size.meanTokens / mean - 1)).toBeLessThan(0.01)
    expect(result.size.note).toMatch(/tokens a record in \d{3} sampled/)
  })
})

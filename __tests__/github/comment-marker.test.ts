import { describe, expect, test } from '@jest/globals'
import { compareRuns, contentHash, readMarker, writeMarker } from '../../src/github/comment-marker.ts'

const state = { key: 'default', head: 'a'.repeat(40), run: '8123456789.1', hash: 'b1946ac9', suggests: false }

describe('the marker', () => {
  test('is read back', () => {
    expect(readMarker(`${writeMarker(state)}\n### Preflop`)).toEqual(state)
    expect(readMarker(writeMarker({ ...state, suggests: true }))?.suggests).toBe(true)
  })

  test.each([
    '### Preflop',
    `quoted ${writeMarker(state)}`,
    '<!-- preflop:v1 {} -->',
    '<!-- preflop:v1 {"key":1} -->',
    '<!-- preflop:v1 {broken} -->',
    writeMarker({ ...state, run: 'latest' }),
  ])('is not seen in %s', body => {
    expect(readMarker(body)).toBeNull()
  })
})

test.each([
  ['1.1', '1.1', 0],
  ['1.1', '1.2', -1],
  ['2.1', '1.9', 1],
  ['9007199254740993.1', '9007199254740992.1', 1],
])('run %s against %s', (a, b, order) => {
  expect(compareRuns(a, b)).toBe(order)
})

test('commit ids do not count as content, figures do', () => {
  const [a, b] = ['a'.repeat(40), 'b'.repeat(40)]
  const body = (sha: string, figure: number) => `${figure} GiB at [\`${sha.slice(0, 7)}\`](https://x/${sha})`
  expect(contentHash(body(a, 1), [a])).toBe(contentHash(body(b, 1), [b]))
  expect(contentHash('see runs/1', ['runs/1'])).toBe(contentHash('see runs/2', ['runs/2']))
  expect(contentHash(body(a, 1), [a])).not.toBe(contentHash(body(a, 2), [a]))
})

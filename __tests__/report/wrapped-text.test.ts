import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { hanging, wrapped } from '../../src/report/wrapped-text.ts'

describe('text behind a head', () => {
  test('is indented under itself', () => {
    expect(wrapped('ab  ', 'one two three four five six seven', 28)).toEqual([
      'ab  one two three four five',
      '    six seven',
    ])
  })

  test('breaks neither inside a command nor between a number and its sign', () => {
    const lines = wrapped('', 'it says that `preflop explain a.yml` lists 87 % of 8 × A100', 30)
    expect(lines).toEqual(['it says that', '`preflop explain a.yml` lists', '87 % of 8 × A100'])
  })

  test('loses no word', () => {
    const word = fc.stringMatching(/^[a-z0-9`%×]{1,12}$/)
    fc.assert(
      fc.property(fc.array(word), fc.integer({ min: 1, max: 120 }), (words, columns) => {
        const text = wrapped('  ', words.join(' '), columns).join(' ')
        expect(text.split(/\s+/).filter(Boolean)).toEqual(words)
      }),
    )
  })
})

test('a paragraph hangs from its first line', () => {
  expect(hanging('  error: one two three four five six', 4, 30)).toEqual([
    '  error: one two three four',
    '    five six',
  ])
})

import { describe, expect, test } from '@jest/globals'
import { diffLines } from '../../src/github/diff-lines.ts'
import { addedLines, editItem, editLine, isWholeEntry } from '../../src/github/line-edit.ts'

describe('editLine', () => {
  test.each([
    ['micro_batch_size: 8', 8, 2, 'micro_batch_size: 2'],
    ['  micro_batch_size:   8  # per GPU', 8, 2, '  micro_batch_size:   2  # per GPU'],
    ['  "micro_batch_size": 8,', 8, 2, '  "micro_batch_size": 2,'],
    ['micro_batch_size = 8', 8, 2, 'micro_batch_size = 2'],
    ['micro_batch_size: "adamw"', 'adamw', 'adamw_8bit', 'micro_batch_size: adamw_8bit'],
    ['micro_batch_size: False', false, true, 'micro_batch_size: true'],
  ])('%s', (line, from, to, expected) => {
    expect(editLine(line, { key: 'training.micro_batch_size', from, to })).toBe(expected)
  })

  test.each([
    ['other_key: 8', 8, 2],
    ['micro_batch_size: 4', 8, 2],
    ['micro_batch_size: &size 8', 8, 2],
    ['micro_batch_size: [8]', 8, 2],
    ['{ micro_batch_size: 8 }', 8, 2],
    ['micro_batch_size: 8', 8, 'a: b # c'],
    ['micro_batch_size: 8', 8, null],
    ['micro_batch_size: 8', 8, Number.NaN],
  ])('leaves %s alone (%j → %j)', (line, from, to) => {
    expect(editLine(line, { key: 'micro_batch_size', from, to })).toBeNull()
  })
})

test.each<[string, string, unknown, readonly string[] | null]>([
  ['a.yml', 'gradient_checkpointing', true, ['gradient_checkpointing: true']],
  ['a.yml', 'plugins', ['a.b', 'c'], ['plugins:', '  - a.b', '  - c']],
  ['a.yml', 'model.name', 'x', null],
  ['a.yml', 'name', 'yes: no', null],
  ['a.json', 'a', 1, null],
])('in %s `%s: %j` is added as %j', (path, key, to, expected) => {
  expect(addedLines(path, { key, to })).toEqual(expected)
})

test.each([
  ['a: 1\nb: 2\n', 1, true],
  ['a: 1\n  more\n', 1, false],
  ['a:\n  b: 1\n', 2, false],
  ['a: [1,\n', 1, false],
  ['a: 1\n---\nb: 2\n', 1, false],
  ['# a\n', 1, false],
])('in %j a key can follow line %d: %s', (text, line, expected) => {
  expect(isWholeEntry(text.split('\n'), line)).toBe(expected)
})

test('diffLines gives the new file’s lines inside hunks', () => {
  const patch = '@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n@@ -10 +11,2 @@ function\n x\n+y\n\\ No newline at end of file'
  expect([...diffLines(patch)]).toEqual([
    [1, 'context'],
    [2, 'added'],
    [3, 'added'],
    [11, 'context'],
    [12, 'added'],
  ])
  expect(diffLines('').size).toBe(0)
})

describe('an item of a list of words', () => {
  test.each([
    ['      - "8"', 8, 2, '      - "2"'],
    ["- '8' # per GPU", 8, 2, "- '2' # per GPU"],
    ['  - 8', 8, 2, '  - 2'],
    ['  - "16"', 8, 2, null],
    ['  - --batch=8', 8, 2, null],
    ['  key: 8', 8, 2, null],
  ])('%s', (line, from, to, expected) => {
    expect(editItem(line, { from, to })).toBe(expected)
  })
})

import { describe, expect, test } from '@jest/globals'
import { diffLines } from '../../src/github/diff-lines.ts'
import { editLine } from '../../src/github/line-edit.ts'

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

test('diffLines gives the new file’s lines inside hunks', () => {
  const patch = '@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d\n@@ -10 +11,2 @@ function\n x\n+y\n\\ No newline at end of file'
  expect([...diffLines(patch)]).toEqual([1, 2, 3, 11, 12])
  expect(diffLines('').size).toBe(0)
})

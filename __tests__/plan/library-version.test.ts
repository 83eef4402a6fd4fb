import { expect, test } from '@jest/globals'
import { isSince, olderThan } from '../../src/plan/library-version.ts'

test.each([
  ['2.1.0', true, false],
  ['2.10.0', false, true],
  ['2.2', false, true],
  ['v1.9', true, false],
  ['3.0.0.dev0', false, true],
  ['a5e57e4a9', false, false],
  [undefined, false, true],
])('torch %s against 2.2', (text, isOlder, isRecent) => {
  const libraries: Readonly<Record<string, string>> = text === undefined ? {} : { torch: text }
  const release = { library: 'torch', version: [2, 2] } as const
  expect([olderThan(libraries, release), isSince(libraries, release)]).toEqual([isOlder, isRecent])
})

import { expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { withRenames } from '../../src/files/renames.ts'

const files = (texts: Readonly<Record<string, string>>) => memoryFileSource(new Map(Object.entries(texts)))
const added = (path: string) => ({ path, previousPath: null, status: 'added' }) as const
const removed = (path: string) => ({ path, previousPath: null, status: 'removed' }) as const
const TEXT = 'a: 1\nb: 2\nc: 3\nd: 4\n'

test.each([
  ['the same text', { 'old.yml': TEXT }, { 'new.yml': TEXT }, ['old.yml']],
  ['most of its lines', { 'old.yml': TEXT }, { 'new.yml': TEXT.replace('1', '9') }, ['old.yml']],
  ['few of its lines', { 'old.yml': TEXT }, { 'new.yml': 'a: 1\nx: 2\ny: 3\nz: 4\n' }, [null]],
  ['the most alike of two', { 'x.yml': TEXT, 'y.yml': TEXT.replace('1', '9') }, { 'new.yml': TEXT }, ['x.yml']],
  ['the same name of two', { 'a/x.yml': TEXT, 'a/y.yml': TEXT }, { 'b/y.yml': TEXT }, ['a/y.yml']],
  ['one file for two', { 'old.yml': TEXT }, { 'a.yml': TEXT, 'b.yml': TEXT.replace('4', '5') }, ['old.yml', null]],
])('%s', async (_name, before, after, origins) => {
  const changes = await withRenames([...Object.keys(after).map(added), ...Object.keys(before).map(removed)], {
    base: files(before),
    head: files(after),
  })
  const renamed = new Set(origins)
  expect(changes).toEqual([
    ...Object.keys(after).map((path, index) =>
      origins[index] ? { path, previousPath: origins[index], status: 'renamed' } : added(path),
    ),
    ...Object.keys(before)
      .filter(path => !renamed.has(path))
      .map(removed),
  ])
})

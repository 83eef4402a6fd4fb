import { describe, expect, test } from '@jest/globals'
import { possiblePaths } from '../../src/files/repository-path.ts'

describe('possiblePaths', () => {
  test.each<[string, string, string[]]>([
    ['zero3.json', '', ['zero3.json']],
    [
      './ds/zero3.json',
      'chat/shell/v2',
      ['ds/zero3.json', 'chat/shell/v2/ds/zero3.json', 'chat/shell/ds/zero3.json', 'chat/ds/zero3.json'],
    ],
    ['../zero3.json', 'chat/shell', ['chat/zero3.json', 'zero3.json']],
    ['/etc/zero3.json', 'chat', []],
    ['../../zero3.json', 'chat', []],
  ])('%s named in %s', (path, folder, expected) => {
    expect(possiblePaths(path, folder)).toEqual(expected)
  })
})

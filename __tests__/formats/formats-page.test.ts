import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { formatsPage } from '../../src/formats/formats-page.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'

const ROOT = new URL('../../', import.meta.url)

test('docs/formats.md is what the readers’ tables say', () => {
  expect(readFileSync(new URL('docs/formats.md', ROOT), 'utf8')).toBe(formatsPage())
})

test('every trainer has a table', () => {
  const without = FORMAT_READERS.filter(({ keys }) => keys === undefined).map(({ format }) => format)
  expect(without).toEqual(['shell', 'preflop'])
})

/** The readers' code without the tables that only describe it. */
function readersCode(): string {
  const folders = ['src/formats/', 'src/launch/', 'src/models/']
  const files = folders.flatMap(folder =>
    readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
      .filter(path => path.endsWith('.ts') && !/formats-page|walked-configs|launch-formats/.test(path))
      .map(path => `${folder}${path}`),
  )
  const code = files.map(path => readFileSync(new URL(path, ROOT), 'utf8')).join('\n')
  return code
    .replaceAll(/describedKey\(\s*(?:'[^']*'|[\w.]+\.join\(', '\))/g, '')
    .replaceAll(/^\s*\[?\s*\[?['`][^'`]*['`],\s*['`][^'`]*['`],\s*['`][^'`]*['`],?\s*\],?$/gm, '')
    .replaceAll(/\[\n\s*['`][^'`]*['`],\n\s*['`][^'`]*['`],\n\s*['`][^'`]*['`],\n\s*\],/g, '')
}

test('every key that is documented is read by the code', () => {
  const code = readersCode()
  const unread = FORMAT_READERS.flatMap(({ format, keys }) =>
    (keys ?? []).flatMap(({ key }) =>
      key
        .split(', ')
        .filter(name => /^[\w.-]+$/.test(name))
        .map(name => name.slice(name.lastIndexOf('.') + 1))
        .filter(name => !new RegExp(`['\`.]${name}['\`.]|\\b${name}:|\\b${name}\\b(?=[^\\n]*\\)\\$?/)`).test(code))
        .map(name => `${format}: ${name}`),
    ),
  )
  expect(unread).toEqual([])
})

import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { findingsPage } from '../../src/report/findings-page.ts'

test('docs/findings.md is the table of findings', () => {
  expect(readFileSync(new URL('../../docs/findings.md', import.meta.url), 'utf8')).toBe(findingsPage())
})

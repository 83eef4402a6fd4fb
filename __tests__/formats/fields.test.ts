import { describe, expect, test } from '@jest/globals'
import { Fields } from '../../src/formats/fields.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import type { Finding } from '../../src/plan/finding.ts'

function read(text: string) {
  const findings: Finding[] = []
  const node = parseDocument('run.yaml', text).roots[0]
  if (!node) throw new Error('no document')
  return { fields: new Fields({ node, findings }), findings }
}

describe('values to sweep', () => {
  test.each([
    ['batch: [1, 8, 4]', 8],
    ['batch: 1,8,4', 8],
    ['batch: ["1", "2"]', 2],
  ])('%s: the most demanding', (text, expected) => {
    const { fields, findings } = read(text)
    expect(fields.integer('batch', { min: 1 })?.value).toBe(expected)
    expect(findings.map(({ code, line }) => [code, line])).toEqual([['swept-values', 1]])
    expect(findings[0]?.message).toContain(`read with ${expected}`)
  })

  test.each(['batch: [1, many]', 'batch: [3]', 'batch: {values: 1}'])('%s is no sweep', text => {
    const { fields, findings } = read(text)
    expect(fields.integer('batch')).toBeUndefined()
    expect(findings.map(({ code }) => code)).toEqual(['invalid-value'])
  })
})

describe('environment variables', () => {
  test.each(['$BATCH', '$' + '{BATCH}', '$' + '{oc.env:BATCH}', '$' + '{env:BATCH}'])('%s is named', value => {
    const { fields, findings } = read(`batch: ${value}`)
    expect(fields.integer('batch')).toBeUndefined()
    expect(findings.map(({ code }) => code)).toEqual(['unresolved-variable'])
    expect(findings[0]?.message).toContain('variable BATCH')
  })

  test.each([
    ['$' + '{BATCH:-4}', 4],
    ["'$" + "{oc.env:BATCH, 4}'", 4],
  ])('%s has a fallback', (value, expected) => {
    const { fields, findings } = read(`batch: ${value}`)
    expect(fields.integer('batch')?.value).toBe(expected)
    expect(findings).toEqual([])
  })

  test('texts too', () => {
    const { fields, findings } = read('model: $MODEL\nname: price in $\n')
    expect(fields.string('model')).toBeUndefined()
    expect(fields.string('name')?.value).toBe('price in $')
    expect(findings).toHaveLength(1)
  })
})

import { expect, test } from '@jest/globals'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { readText } from './read-text.ts'
import { templateReader } from './reader-template.ts'

const TEXT = 'tiny:\n  model: Qwen/Qwen2.5-0.5B\n  batch: 4\n  steps: many\n'

test('the template reads what its table says, and says what it cannot read', async () => {
  const { plan, provenance, codes } = await readText(TEXT, { reader: templateReader })
  expect([plan.microBatchSize, plan.dataset.maxSteps]).toEqual([4, null])
  expect(provenance.microBatchSize).toMatchObject({ from: 'file', line: 3 })
  expect(codes).toEqual(['invalid-value'])
})

test('no reader of the registry takes its file', () => {
  const document = parseDocument('tiny.yml', TEXT)
  expect(templateReader.recognise(document)).toBe(true)
  expect(FORMAT_READERS.filter(reader => reader.recognise(document)).map(({ format }) => format)).toEqual([])
})

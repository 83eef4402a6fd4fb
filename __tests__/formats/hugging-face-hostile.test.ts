import { describe, expect, test } from '@jest/globals'
import { parseDocument } from '../../src/formats/parse-document.ts'
import type { FormatReader, ReadContext } from '../../src/formats/reader.ts'
import { FORMAT_READERS } from '../../src/formats/registry.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'

const FORMATS = [
  'axolotl',
  'llama-factory',
  'llama-factory-v1',
  'trl',
  'alignment-handbook',
  'open-r1',
  'transformers',
  'ms-swift',
  'unsloth',
  'autotrain',
]
const READERS = FORMATS.map(format => FORMAT_READERS.find(reader => reader.format === format)).filter(
  reader => reader !== undefined,
)
const HOSTILE = [
  '',
  'null',
  '[]',
  '{}',
  '-1',
  '0',
  '1e308',
  '.inf',
  'true',
  '[1, {a: b}]',
  '{a: {b: [1]}}',
  '"x\\u202Ey"',
  '[[[]]]',
  '~',
  '2024-01-01',
]

const CONTEXT: ReadContext = {
  open: async path => parseDocument(path, '[1, 2]'),
  readConfig: async () => null,
  list: async () => [],
  libraries: { trl: 'not a version', transformers: '' },
}

describe('hostile values', () => {
  test('every reader of the family is registered', () => {
    expect(READERS.map(reader => reader.format)).toEqual(FORMATS)
  })

  test.each(READERS)('$format survives any value under any key', async reader => {
    for (const value of HOSTILE)
      for (const key of keysOf(reader)) {
        const text = key.includes('.') ? `${key.replace('.', ': {')}: ${value}}\n` : `${key}: ${value}\n`
        await expectFinite(reader, `model: m\n${key.startsWith('model') ? '' : 'model_name_or_path: m\n'}${text}`)
      }
  })

  test.each(READERS)('$format describes each key once', reader => {
    const keys = (reader.keys ?? []).map(row => row.key)
    expect(keys.length).toBeGreaterThan(5)
    expect(new Set(keys).size).toBe(keys.length)
    for (const row of reader.keys ?? []) expect(Object.values(row).every(text => text.length > 0)).toBe(true)
  })
})

function keysOf(reader: FormatReader): readonly string[] {
  return (reader.keys ?? []).flatMap(row => row.key.split(', ')).filter(key => !key.includes('*'))
}

async function expectFinite(reader: FormatReader, text: string): Promise<void> {
  const document = parseDocument('run.yaml', text)
  const { runs } = await reader.read(document, CONTEXT)
  for (const { draft } of runs) {
    const facts = {
      checkpointDtype: null,
      modelType: null,
      isMixtureOfExperts: false,
      hasVision: true,
      tiedEmbeddings: false,
      maxPositions: null,
      gpuGeneration: null,
      bf16Supported: null,
    }
    const { plan } = resolvePlan({ draft, facts, modelName: null })
    const sizes = [plan.microBatchSize, plan.gradientAccumulationSteps, plan.sequenceLength, plan.gpus]
    expect(sizes.every(size => Number.isSafeInteger(size) && size >= 1)).toBe(true)
  }
}

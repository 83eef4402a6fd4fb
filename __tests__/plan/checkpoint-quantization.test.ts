import { describe, expect, test } from '@jest/globals'
import { settleQuantization } from '../../src/plan/checkpoint-quantization.ts'
import type { Sourced } from '../../src/plan/provenance.ts'
import type { Quantization } from '../../src/plan/vocabulary.ts'

const MODEL = { from: 'file', path: 'run.yml', line: 3 } as const

function settle(
  value: Quantization,
  published: Quantization,
  trainsAdapter = true,
  from: 'default' | 'file' = 'default',
) {
  const asked: Sourced<Quantization> = { value, from }
  return settleQuantization({ asked, published, trainsAdapter, model: MODEL })
}

describe('weights that are published quantised', () => {
  test.each([
    ['none', 'nf4-double', 'nf4-double'],
    ['none', 'gptq-int4', 'gptq-int4'],
    ['none', 'awq-int4', 'awq-int4'],
    // the published scheme counts, the loader's is dropped
    ['nf4', 'nf4-double', 'nf4-double'],
    // nothing trains over these: they are de-quantised
    ['none', 'mxfp4', 'none'],
    ['none', 'fp8', 'none'],
    // on-the-fly quantisation of plain weights
    ['nf4-double', 'none', 'nf4-double'],
  ] as const)('asked %s, published %s: %s', (asked, published, expected) => {
    const { quantization, refusal } = settle(asked, published)
    expect(quantization.value).toBe(expected)
    expect(refusal).toBeNull()
  })

  test('the provenance is the line that names the model', () => {
    expect(settle('none', 'gptq-int4').quantization).toMatchObject({ from: 'model', path: 'run.yml', line: 3 })
  })

  test('without an adapter the trainer refuses', () => {
    const { quantization, refusal } = settle('none', 'gptq-int4', false)
    expect(quantization.value).toBe('none')
    expect(refusal).toContain('without an adapter')
  })

  test('what a plan states is kept', () => {
    expect(settle('none', 'gptq-int4', true, 'file').quantization.value).toBe('none')
  })
})

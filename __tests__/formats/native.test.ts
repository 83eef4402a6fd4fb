import { describe, expect, test } from '@jest/globals'
import { NATIVE_KEYS, readNativeDocument } from '../../src/formats/native.ts'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { planOf } from '../time/runs.ts'

const read = (text: string) => {
  const document = parseDocument('plan.yml', text)
  const { runs } = readNativeDocument(document)
  return { document, draft: runs[0]?.draft ?? {}, findings: [...document.findings, ...(runs[0]?.findings ?? [])] }
}

describe('native plan', () => {
  test('values carry line and column', () => {
    const { draft, findings } = read('preflop: 1\nmodel: a/b\nprecision:\n  weights: float32\n')
    expect(findings).toEqual([])
    expect(draft['precision.weights']).toEqual({
      value: 'float32',
      from: 'file',
      path: 'plan.yml',
      line: 4,
      column: 3,
      key: 'precision.weights',
    })
  })

  test('LitGPT validates unless the plan says when', () => {
    const plan = (lines: string) => planOf(`framework: litgpt\nmicro_batch_size: 2\n${lines}`)
    const lora = 'adapter: { type: lora, rank: 8 }\n'
    expect(plan(lora).evaluation).toMatchObject({ everySteps: 100, samples: 200, share: 0.03865, atEnd: true })
    expect(plan('').evaluation).toMatchObject({ everySteps: 600, newTokens: 100, answers: 1 })
    expect(plan('stage: pretrain\n').evaluation).toMatchObject({ everySteps: 1000, newTokens: null })
    expect(plan('evaluation: { times_total: 0 }\n').evaluation).toMatchObject({ timesTotal: 0, atEnd: false })
    expect(planOf('framework: trl\n').evaluation).toBeNull()
  })

  test.each([
    ['micro_batch: 2', 'unknown-key', 'micro_batch_size'],
    ['precision: { weigths: float32 }', 'unknown-key', 'precision.weights'],
    ['micro_batch_size: two', 'invalid-value', ''],
    ['micro_batch_size: 0', 'invalid-value', ''],
    ['micro_batch_size: 1.5', 'invalid-value', ''],
    ['micro_batch_size: .nan', 'invalid-value', ''],
    ['adapter: lora', 'invalid-value', ''],
    ['stage: magic', 'invalid-value', ''],
    ['gpus: 1\ngpus: 2', 'duplicate-key', ''],
  ])('%j gives %s', (line, code, hint) => {
    const { findings } = read(`preflop: 1\nmodel: a/b\n${line}\n`)
    expect(findings[0]).toMatchObject({ code, path: 'plan.yml' })
    expect(findings[0]?.line).toBeGreaterThanOrEqual(3)
    expect(findings[0]?.hint).toContain(hint)
  })

  test('no model is a missing key', () => {
    expect(read('preflop: 1\n').findings[0]).toMatchObject({ code: 'missing-key' })
  })

  test('every key of the format is known', () => {
    expect(NATIVE_KEYS.length).toBeGreaterThan(60)
    expect(new Set(NATIVE_KEYS).size).toBe(NATIVE_KEYS.length)
  })
})

describe('parseDocument', () => {
  test.each([
    ['deep.yml', `${'['.repeat(80)}${']'.repeat(80)}`, 'input-limit'],
    [
      'bomb.yml',
      `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
        .split('')
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(', ')}]`)
        .join('\n')}`,
      'input-limit',
    ],
    ['nul.yml', 'a: "\0"', 'encoding-error'],
    ['lfs.yml', 'version https://git-lfs.github.com/spec/v1\noid sha256:0', 'encoding-error'],
    ['broken.yml', 'a: [1', 'syntax-error'],
    ['broken.toml', 'a = = 1', 'syntax-error'],
    ['broken.json', '{"a": }x', 'syntax-error'],
    ['large.yml', `a: ${'x'.repeat(2 ** 20)}`, 'input-limit'],
  ])('%s is a finding', (path, text, code) => {
    const document = parseDocument(path, text)
    expect(document.roots).toEqual([])
    expect(document.findings[0]).toMatchObject({ code, path })
  })

  test('a key named __proto__ stays a key', () => {
    const [root] = parseDocument('a.yml', '__proto__: { polluted: true }\n').roots
    expect(root?.entries.has('__proto__')).toBe(true)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

import { describe, expect, test } from '@jest/globals'
import { findInCatalogue } from '../../src/models/catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { SAMPLE_PLAN } from '../memory/sample-run.ts'

const ADAPTER = {
  type: 'lora',
  rank: 16,
  excludeModules: [],
  targetParameters: [],
  layersToTransform: null,
  rankPattern: {},
  modulesToSave: [],
  dtype: 'float32',
  dropout: 0,
  bias: 'none',
  virtualTokens: 20,
  kernels: [],
  targetRule: 'peft',
} as const

function count(model: string, targetModules: readonly string[] | { readonly regex: string }, layers?: number[]) {
  const { architecture } = readArchitecture(findInCatalogue(model)?.config ?? {}, { name: model, transformersMajor: 5 })
  if (!architecture) throw new Error(model)
  const adapter = { ...ADAPTER, targetModules, layersToTransform: layers ?? null }
  const { counts, findings } = countModel(architecture, { ...SAMPLE_PLAN, adapter })
  return { trainable: counts.trainable, codes: findings.map(({ code }) => code) }
}

const LLAMA = 'meta-llama/Llama-3.1-8B'
const QUERY_AND_VALUE = count(LLAMA, ['q_proj', 'v_proj']).trainable

describe('target modules as a pattern', () => {
  test.each([
    ['.*(q_proj|v_proj)', 1],
    [String.raw`.*\.self_attn\.(q|v)_proj`, 1],
    ['^(?!.*(?:visual|vision_tower)).*(?:q_proj|v_proj)$', 1],
    [String.raw`model\.layers\.(?:[0-7])\.self_attn\.(q|v)_proj`, 0.25],
    [String.raw`model\.layers\.(1[6-9]|2\d|3[01])\..*(q|v)_proj`, 0.5],
    ['(?:.+)+(?:q_proj|v_proj)', 1],
  ])('%s adapts %d of the layers', (regex, share) => {
    const { trainable, codes } = count(LLAMA, { regex })
    expect(codes).toEqual([])
    expect(trainable).toBe(QUERY_AND_VALUE * share)
  })

  test('layers are picked where they are', () => {
    const output = (layers: string) => count(LLAMA, { regex: `.*layers[.]${layers}[.]self_attn[.]o_proj` }).trainable
    expect(output('(0|1|2|3)') * 8).toBe(output('\\d+'))
    // where PEFT converts names of experts, it follows a pattern by the names it matches, in every layer
    const mlp = (layers: string) =>
      count('deepseek-ai/DeepSeek-V3', { regex: `.*layers[.]${layers}[.]mlp[.](gate|up|down)_proj` }).trainable
    expect(mlp('0')).toBe(mlp('\\d+'))
    const next = (layers: string) =>
      count('Qwen/Qwen3.5-4B', { regex: `.*layers[.]${layers}[.]self_attn[.](q|k|v|o)_proj` })
    expect(next('(3|7|11|12)').trainable * 8).toBe(next('\\d+').trainable * 3)
    expect(count(LLAMA, ['q_proj', 'v_proj'], [0, 1, 40]).trainable).toBe(QUERY_AND_VALUE / 16)
  })

  test.each([
    [String.raw`(q)_proj\1`, 'unsupported-option'],
    ['[', 'unsupported-option'],
    ['q_proj', 'unknown-target-module'],
    ['.*nothing', 'unknown-target-module'],
    [`${'(?:(?!'.repeat(6)}.*y${').)*z'.repeat(6)}`, 'unsupported-option'],
  ])('%s is said to select nothing that is known', (regex, code) => {
    expect(count(LLAMA, { regex })).toEqual({ trainable: 0, codes: [code] })
  })
})

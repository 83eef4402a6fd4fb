import { describe, expect, test } from '@jest/globals'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { findModel } from '../../src/models/find-model.ts'
import type { ModelConfigResult, ModelSource } from '../../src/models/model-source.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import type { ModelReference } from '../../src/plan/plan-draft.ts'

const LLAMA = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 96,
  vocab_size: 160,
}
const TOTAL = 90_432

interface World {
  readonly files?: Readonly<Record<string, unknown>>
  readonly policy?: Readonly<Record<string, string | object>>
  readonly hub?: Readonly<Record<string, ModelConfigResult>>
}

async function find(value: ModelReference, { files = {}, policy = {}, hub = {} }: World) {
  const asked: string[] = []
  const models: ModelSource = {
    async config(id) {
      asked.push(id)
      return hub[id] ?? { status: 'unknown', message: 'nowhere' }
    },
  }
  const texts = new Map(Object.entries(files).map(([path, content]) => [path, JSON.stringify(content)]))
  const found = await findModel({
    reference: { value, from: 'file' },
    known: policy,
    files: memoryFileSource(texts),
    models,
    configPath: 'configs/sft.yml',
    transformersMajor: 5,
  })
  return { ...found, asked, codes: found.findings.map(({ code }) => code) }
}

const hubId = (id: string): ModelReference => ({ kind: 'hub', id, revision: null })
const published = (config: unknown, parameters: number | null = null): ModelConfigResult => ({
  status: 'found',
  config,
  origin: 'the Hub',
  resolvedId: 'org/model',
  parameters,
})

describe('order of resolution', () => {
  const everywhere = {
    policy: { 'org/model': LLAMA },
    files: { 'org/model/config.json': LLAMA },
    hub: { 'org/model': published(LLAMA) },
  }

  test('policy, then repository, then Hub', async () => {
    expect((await find(hubId('org/model'), everywhere)).origin).toBe('the policy’s `models`')
    expect((await find(hubId('org/model'), { ...everywhere, policy: {} })).origin).toContain('in this repository')
    const asked = await find(hubId('org/model'), { hub: everywhere.hub })
    expect([asked.origin, asked.asked]).toEqual(['the Hub', ['org/model']])
  })

  test('a policy may point to a file', async () => {
    const { origin, dependencies } = await find(hubId('org/model'), {
      policy: { 'org/model': './shapes/model.json' },
      files: { 'shapes/model.json': LLAMA },
    })
    expect([origin, dependencies]).toEqual(['`shapes/model.json` in this repository', ['shapes/model.json']])
  })
})

describe('folders outside the repository', () => {
  test.each([
    ['/mnt/models/Qwen3-4B/config.json', 'Qwen/Qwen3-4B'],
    ['~/hub/models--Qwen--Qwen3-4B/snapshots/0a1b2c/config.json', 'Qwen/Qwen3-4B'],
    ['/models/Qwen__Qwen3-4B/config.json', 'Qwen/Qwen3-4B'],
    ['/models/meta-llama/Llama-2-7b-hf/config.json', 'meta-llama/Llama-2-7b-hf'],
  ])('%s', async (path, name) => {
    const found = await find({ kind: 'path', path }, {})
    expect([found.name, found.codes, found.asked]).toEqual([name, ['assumed-default'], []])
  })

  test('a name without a size, or of nothing known, stays unknown', async () => {
    for (const path of ['/models/bloom/config.json', 'out/my-model-7b/config.json'])
      expect((await find({ kind: 'path', path }, {})).codes).toEqual(['unknown-model'])
  })
})

describe('adapters as base', () => {
  test('an adapter in the repository leads to its base, once', async () => {
    const files = { 'out/lora/adapter_config.json': { base_model_name_or_path: 'org/base' } }
    const found = await find({ kind: 'path', path: 'out/lora' }, { files, hub: { 'org/base': published(LLAMA) } })
    expect(found.asked).toEqual(['org/base'])
    expect(found.architecture?.hiddenSize).toBe(64)
    expect(found.dependencies).toEqual(['out/lora/adapter_config.json'])
  })

  test('adapters of each other end', async () => {
    const files = {
      'a/adapter_config.json': { base_model_name_or_path: 'b' },
      'b/adapter_config.json': { base_model_name_or_path: 'a' },
    }
    expect((await find({ kind: 'path', path: 'a' }, { files })).codes).toEqual(['unknown-model'])
  })
})

describe('published counts', () => {
  test('an equal or nearly equal count says nothing', async () => {
    for (const count of [TOTAL, Math.round(TOTAL * 1.015), null])
      expect((await find(hubId('org/model'), { hub: { 'org/model': published(LLAMA, count) } })).codes).toEqual([])
  })

  test('a known type that differs is reported, not changed', async () => {
    const { codes, architecture } = await find(hubId('org/model'), {
      hub: { 'org/model': published(LLAMA, TOTAL * 2) },
    })
    expect(codes).toEqual(['parameter-mismatch'])
    expect(architecture?.exact).toBe(true)
  })

  test('an assumed type takes the published total', async () => {
    const odd = { ...LLAMA, model_type: 'brand_new' }
    const { codes, architecture } = await find(hubId('org/model'), {
      hub: { 'org/model': published(odd, TOTAL * 2) },
    })
    const layers =
      architecture?.layers.flatMap(({ count, layer }) => layer.tensors.map(t => count * t.parameters)) ?? []
    const outside = [
      ...(architecture?.embedding ?? []),
      ...(architecture?.finalNorm ?? []),
      ...(architecture?.head.tensors ?? []),
    ]
    const sum = [...layers, ...outside.map(({ parameters }) => parameters)].reduce((a, b) => a + b, 0)
    expect(sum).toBe(TOTAL * 2)
    expect(codes).toEqual(['assumed-architecture'])
    expect(architecture?.exact).toBe(false)
  })

  test('packed weights are not compared', async () => {
    const packed = { ...LLAMA, quantization_config: { quant_method: 'gptq', bits: 4 } }
    const { codes, architecture } = await find(hubId('org/model'), { hub: { 'org/model': published(packed, 7) } })
    expect(codes).toEqual([])
    expect(architecture?.checkpointQuantization).toBe('gptq-int4')
  })
})

describe('configs that cannot be', () => {
  test.each([
    ['no layers', { ...LLAMA, num_hidden_layers: 0 }],
    ['layers without end', { ...LLAMA, num_hidden_layers: 1e9 }],
    ['half a head', { ...LLAMA, num_attention_heads: 2.5 }],
    ['negative width', { ...LLAMA, intermediate_size: -1 }],
    ['no width', { ...LLAMA, hidden_size: 0 }],
    ['a mixer without end', { ...LLAMA, model_type: 'bamba', mamba_expand: 1e300 }],
    ['a negative rank', { ...LLAMA, model_type: 'deepseek_v3', kv_lora_rank: -8, qk_nope_head_dim: 4 }],
    ['endless copies', { ...LLAMA, model_type: 'gemma3n_text', altup_num_inputs: 1e300 }],
    ['endless experts', { ...LLAMA, model_type: 'mixtral', num_local_experts: 1e300 }],
    ['half an expert', { ...LLAMA, model_type: 'mixtral', num_local_experts: 2.01 }],
    ['a word for a number', { ...LLAMA, hidden_size: 'wide' }],
  ])('%s', async (_name, config) => {
    const found = await find(hubId('org/model'), { hub: { 'org/model': published(config) } })
    expect([found.architecture, found.codes]).toEqual([null, ['impossible-model']])
  })

  test('numbers of norms and layers ask for no memory', () => {
    const hostile = { ...LLAMA, model_type: 'falcon', new_decoder_architecture: true, num_ln_in_parallel_attn: 1e9 }
    expect(readArchitecture(hostile, { name: 'm' }).architecture?.layers[0]?.layer.norms.count).toBe(2)
    const pattern = {
      ...LLAMA,
      model_type: 'nemotron_h',
      num_hidden_layers: null,
      hybrid_override_pattern: 'M'.repeat(1e6),
    }
    expect(readArchitecture(pattern, { name: 'm' }).findings.map(({ code }) => code)).toEqual(['impossible-model'])
  })

  test.each([
    ['n_mamba_heads', { n_mamba_heads: 4 }],
    ['lru_width', { lru_width: 64 }],
  ])('a block that no family resembles stays unknown: %s', (key, extra) => {
    const { architecture, findings } = readArchitecture({ ...LLAMA, model_type: 'new', ...extra }, { name: 'm' })
    expect(architecture).toBeNull()
    expect(findings[0]?.message).toContain(key)
  })

  test('an unknown type without layers, and one of two stacks, stay unknown', async () => {
    for (const config of [{ model_type: 'brand_new' }, { ...LLAMA, model_type: 'brand_new', is_encoder_decoder: true }])
      expect((await find(hubId('org/model'), { hub: { 'org/model': published(config) } })).codes).toEqual([
        'unknown-model',
      ])
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { findInCatalogue, searchCatalogue } from '../../src/models/catalogue.ts'
import { countedTensors } from '../../src/models/counted-tensors.ts'
import { findModelBuilder } from '../../src/models/model-builders.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'

/** Model ids of public training configs and in how many of them they stand. */
const REFERENCED: readonly (readonly [string, number])[] = JSON.parse(
  readFileSync(new URL('./fixtures/referenced-models.json', import.meta.url), 'utf8'),
)

function counted(config: object): { readonly all: number; readonly text: number } | null {
  const { architecture } = readArchitecture(config, { name: 'model' })
  if (!architecture) return null
  const all = countedTensors(architecture).reduce((sum, { tensor, layers }) => sum + layers * tensor.parameters, 0)
  const towers = [...(architecture.vision?.tensors ?? []), ...(architecture.vision?.projector ?? [])]
  return { all, text: all - towers.reduce((sum, { parameters }) => sum + parameters, 0) }
}

/** Published counts that the shape does not give, and why. */
const EXPLAINED: Readonly<Record<string, string>> = {
  'google/flan-t5-small': 'published with the head apart, which transformers 5 ties',
  'google/flan-t5-base': 'published with the head apart, which transformers 5 ties',
  'google/flan-t5-large': 'published with the head apart, which transformers 5 ties',
  'google/flan-t5-xl': 'published with the head apart, which transformers 5 ties',
  'google/flan-t5-xxl': 'published with the head apart, which transformers 5 ties',
  'deepseek-ai/DeepSeek-V4-Flash': 'no family; read as its nearest',
  'deepseek-ai/DeepSeek-V4-Pro': 'no family; read as its nearest',
  'stepfun-ai/Step-3.7-Flash': 'no family; read as its nearest',
  'XiaomiMiMo/MiMo-V2-Flash': 'no family; read as its nearest',
  'google/mt5-large': 'published with the head apart, which transformers 5 ties',
}

const rows = searchCatalogue('')

describe('rows', () => {
  test('at least 520, each with a source', () => {
    expect(rows.length).toBeGreaterThanOrEqual(520)
    for (const { source } of rows) expect(source.length).toBeGreaterThan(5)
  })

  test('no name stands for two models', () => {
    const names = rows.flatMap(({ id, aliases }) => [id, ...aliases]).map(name => name.toLowerCase())
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  test('every count is exact but the explained', () => {
    const wrong = rows.filter(({ id, config, parameters }) => {
      if (parameters === null || Object.hasOwn(EXPLAINED, id)) return false
      const sums = counted(config)
      return sums === null || (sums.all !== parameters && sums.text !== parameters)
    })
    expect(wrong.map(({ id }) => id)).toEqual([])
  })

  test('T5 under transformers 4 has its head apart', () => {
    const { architecture } = readArchitecture(findInCatalogue('google/flan-t5-large')?.config, {
      name: 'flan',
      transformersMajor: 4,
    })
    const all = architecture
      ? countedTensors(architecture).reduce((sum, { tensor, layers }) => sum + layers * tensor.parameters, 0)
      : 0
    expect(all).toBe(783_150_080)
  })
})

describe('names', () => {
  test.each([
    ['unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit', 'nf4-double'],
    ['unsloth/Llama-3.2-1B-unsloth-bnb-4bit', 'nf4-double'],
    ['TechxGenus/Meta-Llama-3-8B-Instruct-AWQ', 'awq-int4'],
    ['TechxGenus/Meta-Llama-3-8B-Instruct-GPTQ', 'gptq-int4'],
    ['TheBloke/Llama-2-7B-GPTQ', 'gptq-int4'],
    ['Qwen/Qwen2.5-7B-Instruct-GPTQ-Int8', 'gptq-int8'],
    ['RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16', 'gptq-int4'],
    ['RedHatAI/Qwen3-8B-FP8-dynamic', 'fp8'],
    ['nvidia/Qwen3-32B-NVFP4', 'fp4'],
    ['unsloth/Qwen3-8B-GGUF', 'none'],
    ['NousResearch/Meta-Llama-3-8B', 'none'],
    ['LLM-Research/Meta-Llama-3.1-8B-Instruct', 'none'],
    ['QWEN/qwen2.5-7b-instruct', 'none'],
  ] as const)('%s', (name, scheme) => {
    const model = findInCatalogue(name)
    expect(model?.quantization).toBe(scheme)
    const { architecture } = readArchitecture(model?.config, { name })
    expect(architecture?.checkpointQuantization).toBe(scheme)
  })

  test.each([
    ['unsloth/', '-bnb-4bit', 'nf4-double'],
    ['unsloth/', '-unsloth-bnb-4bit', 'nf4-double'],
    ['unsloth/', '-GGUF', 'none'],
    ['TheBloke/', '-AWQ', 'awq-int4'],
    ['TheBloke/', '-GPTQ', 'gptq-int4'],
    ['someone/', '-GPTQ-Int8', 'gptq-int8'],
    ['RedHatAI/', '-FP8-dynamic', 'fp8'],
    ['RedHatAI/', '-quantized.w4a16', 'gptq-int4'],
    ['nvidia/', '-NVFP4', 'fp4'],
    ['LLM-Research/', '', 'none'],
    ['AI-ModelScope/', '', 'none'],
  ] as const)('every model is found as %s…%s', (owner, suffix, scheme) => {
    const lost = rows.filter(({ id }) => {
      const found = findInCatalogue(`${owner}${id.slice(id.indexOf('/') + 1)}${suffix}`)
      return found?.id !== id || (suffix !== '' && found.quantization !== scheme)
    })
    expect(lost.map(({ id }) => id)).toEqual([])
  })

  test('case does not tell names apart', () => {
    const lost = rows
      .flatMap(({ id, aliases }) => [id, ...aliases].map(name => ({ id, name })))
      .filter(({ id, name }) => [name.toUpperCase(), name.toLowerCase()].some(form => findInCatalogue(form)?.id !== id))
    expect(lost).toEqual([])
  })

  test.each(['someone/Llama-3.2-1B', 'someone/private-7b-awq', 'Llama', '', 'unsloth/', '-awq', 'a/b/c', '__proto__'])(
    '%j is nobody’s copy',
    name => {
      expect(findInCatalogue(name)).toBeNull()
    },
  )

  test('95 % of the ids of public configs are known offline', () => {
    const known = REFERENCED.filter(([id]) => {
      const config = findInCatalogue(id)?.config
      return config !== undefined && readArchitecture(config, { name: id }).architecture !== null
    })
    expect(known.length / REFERENCED.length).toBeGreaterThanOrEqual(0.95)
    const mentions = (list: typeof REFERENCED): number => list.reduce((sum, [, count]) => sum + count, 0)
    expect(mentions(known) / mentions(REFERENCED)).toBeGreaterThanOrEqual(0.97)
  })
})

describe('models that frameworks build by name', () => {
  test.each([
    ['torchtitan', 'llama2/13B', 13_015_864_320],
    ['torchtitan', 'llama3/8B', 8_030_261_248],
    ['torchtune', 'llama3_2_vision_11b', 10_670_220_835],
    ['litgpt', 'Llama-3.2-1B', null],
  ] as const)('%s %s', (framework, name, total) => {
    const reference = findModelBuilder(framework, name)
    const config =
      reference?.kind === 'hub'
        ? findInCatalogue(reference.id)?.config
        : reference?.kind === 'inline'
          ? reference.config
          : null
    const sums = counted(Object(config))
    expect(sums?.all).toBeGreaterThan(1e9)
    if (total !== null) expect(sums?.all).toBe(total)
  })
})

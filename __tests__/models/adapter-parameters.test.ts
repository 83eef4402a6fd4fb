import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { AdapterPlan } from '../../src/plan/training-plan.ts'

interface ModuleRow {
  readonly config: { readonly model_type: string }
  /** What LoRA of rank 4 trains with `all-linear`, and with the library's own targets; null: PEFT refuses. */
  readonly allLinear: number | null
  readonly default: number | null
}

/** Arguments of LoraConfig. */
interface Given {
  readonly target_modules?: string | readonly string[]
  readonly target_parameters?: readonly string[]
  readonly modules_to_save?: readonly string[]
  readonly layers_to_transform?: readonly number[]
  readonly rank_pattern?: Readonly<Record<string, number>>
  readonly bias?: 'all'
  readonly use_dora?: boolean
}

interface Recorded {
  readonly config: object
  readonly expertsConfig: object
  /** LoRA of rank 4 on names of expert layers. */
  readonly converted: readonly { readonly targets: AdapterPlan['targetModules']; readonly trainable: number }[]
  /** LoRA of rank 4 in odd places; null: PEFT refuses. */
  readonly odd: readonly { readonly config: object; readonly adapter: Given; readonly trainable: number | null }[]
  readonly rows: readonly {
    readonly type: AdapterPlan['type']
    readonly rank: number
    readonly targets: readonly string[]
    readonly trainable: number
  }[]
}

/** What PEFT trains on a small Llama (bench/models/record_adapters.py). */
const { config, expertsConfig, converted, odd, rows }: Recorded = JSON.parse(
  readFileSync(new URL('./fixtures/adapter-parameters.json', import.meta.url), 'utf8'),
)
const { rows: moduleRows }: { readonly rows: readonly ModuleRow[] } = JSON.parse(
  readFileSync(new URL('./fixtures/module-parameters.json', import.meta.url), 'utf8'),
)
const FACTS = {
  checkpointDtype: null,
  modelType: null,
  isMixtureOfExperts: false,
  hasVision: false,
  tiedEmbeddings: false,
  maxPositions: null,
  gpuGeneration: null,
  bf16Supported: null,
}
const { plan } = resolvePlan({ draft: {}, facts: FACTS, modelName: null })

const LORA: AdapterPlan = {
  type: 'lora',
  rank: 4,
  targetModules: 'all-linear',
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
}

function trainable(config: object, adapter: AdapterPlan): number {
  const { architecture } = readArchitecture(config, { name: 'model' })
  if (!architecture) throw new Error('not read')
  return countModel(architecture, { ...plan, adapter }).counts.trainable
}

describe('LoRA on every model type', () => {
  const titled = moduleRows.map((row, index) => [`${row.config.model_type} ${index}`, row] as const)
  const all = titled.filter(([, row]) => row.allLinear !== null)
  test.each(all)('all-linear on %s', (_title, row) => {
    expect(trainable(row.config, LORA)).toBe(row.allLinear)
  })
  const own = titled.filter(([, row]) => row.default !== null)
  test.each(own)('the default targets of %s', (_title, row) => {
    expect(trainable(row.config, { ...LORA, targetModules: 'default' })).toBe(row.default)
  })
})

describe('names of expert layers', () => {
  test.each(converted.map(row => [JSON.stringify(row.targets), row] as const))('%s', (_title, row) => {
    expect(trainable(expertsConfig, { ...LORA, targetModules: row.targets })).toBe(row.trainable)
  })

  test('half of a joined pair is refused, as PEFT does', () => {
    const { architecture } = readArchitecture(expertsConfig, { name: 'model' })
    if (!architecture) throw new Error('not read')
    const { findings } = countModel(architecture, { ...plan, adapter: { ...LORA, targetModules: ['gate_proj'] } })
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ['unknown-target-module', expect.stringContaining('PEFT refuses `gate_proj` without `up_proj`')],
    ])
  })
})

function planOf(given: Given): AdapterPlan {
  const { target_modules: names } = given
  return {
    ...LORA,
    type: given.use_dora ? 'dora' : 'lora',
    targetModules:
      names === undefined
        ? 'default'
        : names === 'all-linear'
          ? names
          : typeof names === 'string'
            ? { regex: names }
            : names,
    targetParameters: given.target_parameters ?? [],
    modulesToSave: given.modules_to_save ?? [],
    layersToTransform: given.layers_to_transform ?? null,
    rankPattern: given.rank_pattern ?? {},
    bias: given.bias ?? 'none',
  }
}

describe('LoRA in odd places', () => {
  const titled = odd.map((row, index) => [`${index} ${JSON.stringify(row.adapter)}`, row] as const)
  test.each(titled.filter(([, row]) => row.trainable !== null))('%s', (_title, row) => {
    expect(trainable(row.config, planOf(row.adapter))).toBe(row.trainable)
  })
  test.each(titled.filter(([, row]) => row.trainable === null))('PEFT refuses %s', (_title, row) => {
    const { architecture } = readArchitecture(row.config, { name: 'model' })
    if (!architecture) throw new Error('not read')
    const { findings } = countModel(architecture, { ...plan, adapter: planOf(row.adapter) })
    expect(findings.map(({ code, message }) => [code, message])).toEqual([
      ['unknown-target-module', expect.stringContaining('PEFT')],
    ])
  })
})

describe('parameters of adapters', () => {
  test.each(rows.map(row => [row.type, row.rank, row] as const))('%s of rank %d', (type, rank, row) => {
    const adapter: AdapterPlan = { ...LORA, type, rank, targetModules: row.targets }
    expect(trainable(config, adapter)).toBe(row.trainable)
  })
})

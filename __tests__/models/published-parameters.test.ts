import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { findInCatalogue } from '../../src/models/catalogue.ts'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { AdapterPlan, TrainingPlan } from '../../src/plan/training-plan.ts'

interface Published {
  readonly id: string
  readonly total: number
  /** A catalogued model of the same shape, for copies that are not in the catalogue. */
  readonly sameAs?: string
  /** What its config writes otherwise; all of it for a shape that no catalogued model has. */
  readonly fields?: object
  readonly match?: boolean
  /** Elements that the publisher counts and the model does not train: buffers, duplicated heads, draft layers. */
  readonly explained?: number
  readonly note?: string
  readonly transformersMajor?: 4 | 5
  readonly lora?: {
    readonly r: number
    readonly targets: readonly string[] | string
    readonly trainable: number
    readonly layers?: number | null
  }
}

/** Totals and LoRA counts that model cards, checkpoints and training logs state; each row names its source. */
const ROWS: readonly Published[] = JSON.parse(
  readFileSync(new URL('./fixtures/published-parameters.json', import.meta.url), 'utf8'),
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

function architectureOf({ id, sameAs = id, fields = {}, transformersMajor = 5 }: Published) {
  const config = { ...findInCatalogue(sameAs)?.config, ...fields }
  if (Object.keys(config).length === 0) return null
  const { architecture } = readArchitecture(config, { name: id, transformersMajor })
  return architecture
}

/** Rows whose total cannot be held against a shape, and why. */
const NOT_JUDGED: Readonly<Record<string, string>> = {
  'stepfun-ai/Step-3.5-Flash 199997706240': 'no family; counted by Megatron with three draft layers that no file lists',
}

const judged = ROWS.filter(({ id, total }) => !Object.hasOwn(NOT_JUDGED, `${id} ${total}`))

describe('published totals', () => {
  test('every row is judged or says why not', () => {
    expect(judged.filter(row => architectureOf(row) === null).map(({ id, total }) => `${id} ${total}`)).toEqual([])
    expect(ROWS.length - judged.length).toBe(1)
  })

  test.each(judged.map(row => [row.id, row.total, row] as const))('%s, %d', (_id, _total, row) => {
    const architecture = architectureOf(row)
    if (!architecture) throw new Error('no architecture')
    const { counts } = countModel(architecture, plan)
    // publishers of models with a tower count it or only the language model
    const text = counts.total - visionOf(architecture)
    expect([counts.total, text]).toContain(row.total - (row.explained ?? 0))
  })
})

function visionOf(architecture: NonNullable<ReturnType<typeof architectureOf>>): number {
  const tensors = architecture.vision ? [...architecture.vision.tensors, ...architecture.vision.projector] : []
  return tensors.reduce((sum, { parameters }) => sum + parameters, 0)
}

describe('published LoRA counts', () => {
  const rows = judged.filter(({ lora }) => lora !== undefined)
  test.each(rows.map(row => [row.id, row.lora?.r ?? 0, row] as const))('%s rank %d', (_id, _rank, row) => {
    const architecture = architectureOf(row)
    if (!architecture || !row.lora) throw new Error('no architecture')
    const { r, targets, layers, trainable } = row.lora
    const adapter: AdapterPlan = {
      type: 'lora',
      rank: r,
      targetModules: targets === 'all-linear' || targets === 'default' ? targets : [targets].flat(),
      excludeModules: [],
      targetParameters: [],
      layersToTransform: typeof layers !== 'number' ? null : Array.from({ length: layers }, (_, index) => index),
      rankPattern: {},
      modulesToSave: [],
      dtype: 'float32',
      dropout: 0,
      bias: 'none',
      virtualTokens: 20,
      kernels: [],
      targetRule: 'peft',
    }
    const adapted: TrainingPlan = { ...plan, adapter }
    expect(countModel(architecture, adapted).counts.trainable).toBe(trainable)
  })
})

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
  readonly match?: boolean
  readonly transformersMajor?: 4 | 5
  readonly lora?: {
    readonly r: number
    readonly targets: readonly string[] | string
    readonly trainable: number
    readonly layers: number | null
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

function architectureOf({ id, transformersMajor = 5 }: Published) {
  const model = findInCatalogue(id)
  const { architecture } = readArchitecture(model?.config ?? {}, { name: id, transformersMajor })
  return architecture
}

const known = ROWS.filter(row => row.match && architectureOf(row) !== null && findInCatalogue(row.id) !== null)

describe('published totals', () => {
  test('most rows have a formula', () => {
    expect(known.length).toBeGreaterThanOrEqual(70)
  })

  test.each(known.map(row => [row.id, row.lora?.r ?? 0, row] as const))('%s (rank %d)', (_id, _rank, row) => {
    const architecture = architectureOf(row)
    if (!architecture) throw new Error('no architecture')
    const { counts } = countModel(architecture, plan)
    expect(counts.total - (architecture.vision ? visionOf(architecture) : 0)).toBe(row.total)
  })
})

function visionOf(architecture: NonNullable<ReturnType<typeof architectureOf>>): number {
  const tensors = architecture.vision ? [...architecture.vision.tensors, ...architecture.vision.projector] : []
  return tensors.reduce((sum, { parameters }) => sum + parameters, 0)
}

describe('published LoRA counts', () => {
  const rows = known.filter(({ lora }) => lora && Array.isArray(lora.targets))
  test.each(rows.map(row => [row.id, row.lora?.r ?? 0, row] as const))('%s rank %d', (_id, _rank, row) => {
    const architecture = architectureOf(row)
    if (!architecture || !row.lora || typeof row.lora.targets === 'string') throw new Error('no architecture')
    const { r, targets, layers, trainable } = row.lora
    const adapter: AdapterPlan = {
      type: 'lora',
      rank: r,
      targetModules: targets,
      excludeModules: [],
      targetParameters: [],
      layersToTransform: layers === null ? null : Array.from({ length: layers }, (_, index) => index),
      rankPattern: {},
      modulesToSave: [],
      dtype: 'float32',
      dropout: 0,
      bias: 'none',
      virtualTokens: 20,
      targetRule: 'peft',
    }
    const adapted: TrainingPlan = { ...plan, adapter }
    expect(countModel(architecture, adapted).counts.trainable).toBe(trainable)
  })
})

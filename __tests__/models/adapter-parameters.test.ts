import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { countModel } from '../../src/models/count-parameters.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'
import { resolvePlan } from '../../src/plan/resolve-plan.ts'
import type { AdapterPlan } from '../../src/plan/training-plan.ts'

interface Recorded {
  readonly config: object
  readonly rows: readonly {
    readonly type: AdapterPlan['type']
    readonly rank: number
    readonly targets: readonly string[]
    readonly trainable: number
  }[]
}

/** What PEFT trains on a small Llama (bench/models/record_adapters.py). */
const { config, rows }: Recorded = JSON.parse(
  readFileSync(new URL('./fixtures/adapter-parameters.json', import.meta.url), 'utf8'),
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

describe('parameters of adapters', () => {
  test.each(rows.map(row => [row.type, row.rank, row] as const))('%s of rank %d', (type, rank, row) => {
    const { architecture } = readArchitecture(config, { name: 'llama' })
    if (!architecture) throw new Error('not read')
    const adapter: AdapterPlan = {
      type,
      rank,
      targetModules: row.targets,
      excludeModules: [],
      targetParameters: [],
      layersToTransform: null,
      rankPattern: {},
      modulesToSave: [],
      dtype: 'float32',
      dropout: 0,
      bias: 'none',
      virtualTokens: 20,
      targetRule: 'peft',
    }
    expect(countModel(architecture, { ...plan, adapter }).counts.trainable).toBe(row.trainable)
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import type { Architecture } from '../../src/models/architecture.ts'
import { countedTensors } from '../../src/models/counted-tensors.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'

interface ModuleRow {
  readonly config: { readonly model_type: string; readonly architectures?: readonly string[] }
  readonly total: number
  readonly linear: Readonly<Record<string, number>>
  readonly experts: Readonly<Record<string, number>>
  readonly embedding: number
  readonly norm: number
  readonly other: number
}

/** Small models of each type, instantiated once (bench/models/record_modules.py). */
const { rows }: { readonly rows: readonly ModuleRow[] } = JSON.parse(
  readFileSync(new URL('./fixtures/module-parameters.json', import.meta.url), 'utf8'),
)

function byModule(architecture: Architecture): Omit<ModuleRow, 'config'> {
  const sums = {
    linear: new Map<string, number>(),
    experts: new Map<string, number>(),
    embedding: 0,
    norm: 0,
    other: 0,
  }
  let total = 0
  for (const { tensor, layers } of countedTensors(architecture)) {
    const leaf = tensor.path.slice(tensor.path.lastIndexOf('.') + 1)
    const parameters = layers * tensor.parameters
    total += parameters
    const isLinear = tensor.kind === 'linear' || tensor.kind === 'conv1d' || (tensor.kind === 'router' && !tensor.fused)
    if (isLinear) sums.linear.set(leaf, (sums.linear.get(leaf) ?? 0) + parameters)
    else if (tensor.kind === 'expert') sums.experts.set(leaf, (sums.experts.get(leaf) ?? 0) + parameters)
    else if (tensor.kind === 'embedding' || tensor.kind === 'norm') sums[tensor.kind] += parameters
    else sums.other += parameters
  }
  return { ...sums, total, linear: Object.fromEntries(sums.linear), experts: Object.fromEntries(sums.experts) }
}

describe('parameters by module', () => {
  test('at least 40 model types are recorded', () => {
    expect(new Set(rows.map(({ config }) => config.model_type)).size).toBeGreaterThanOrEqual(40)
  })

  const titled = rows.map((row, index) => [`${row.config.model_type} ${index}`, row] as const)
  test.each(titled)('%s', (_title, { config, total, linear, experts, embedding, norm, other }) => {
    const { architecture } = readArchitecture(config, { name: config.model_type })
    if (!architecture) throw new Error('not read')
    expect(byModule(architecture)).toEqual({ total, linear, experts, embedding, norm, other })
    expect(architecture.exact).toBe(true)
  })
})

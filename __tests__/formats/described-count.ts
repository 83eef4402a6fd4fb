import { countedTensors } from '../../src/models/counted-tensors.ts'
import { readArchitecture } from '../../src/models/read-architecture.ts'

/** Parameters of the inline model of a read plan. */
export function countOf(model: string | null): number {
  const { config } = JSON.parse(model ?? '{}')
  const { architecture } = readArchitecture(config, { name: 'inline' })
  return architecture
    ? countedTensors(architecture).reduce((sum, { tensor, layers }) => sum + tensor.parameters * layers, 0)
    : 0
}

import { finding } from '../plan/finding-texts.ts'
import type { Architecture } from './architecture.ts'
import { countedTensors } from './counted-tensors.ts'
import { type ReadArchitectureOptions, type ReadArchitectureResult, readArchitecture } from './read-architecture.ts'

export interface CheckedArchitectureOptions extends ReadArchitectureOptions {
  /** Parameters as the publisher counts them; null: not known. */
  readonly parameters: number | null
}

/** Publishers count buffers, duplicated heads and draft layers too: a difference below this share says nothing. */
const TOLERATED_SHARE = 0.02

/**
 * A model's shape held against its published count. A type that is only assumed gets the published total spread over its
 * layers; a known type that differs is reported. Quantised checkpoints count packed numbers and are not compared.
 */
export function checkedArchitecture(
  config: unknown,
  { parameters, ...options }: CheckedArchitectureOptions,
): ReadArchitectureResult {
  const result = readArchitecture(config, options)
  const { architecture } = result
  if (architecture === null || parameters === null || architecture.checkpointQuantization !== 'none') return result
  const counted = total(architecture)
  if (Math.abs(counted - parameters) <= TOLERATED_SHARE * parameters) return result
  if (!architecture.exact && typeof config === 'object' && config !== null) {
    const fitted = readArchitecture({ ...config, parameters }, options)
    return { architecture: fitted.architecture, findings: result.findings }
  }
  const words = (count: number): string => count.toLocaleString('en-US')
  return {
    architecture,
    findings: [
      ...result.findings,
      finding('parameter-mismatch', {
        message: `The config of \`${options.name}\` gives ${words(counted)} parameters; its publisher counts ${words(parameters)}.`,
      }),
    ],
  }
}

function total(architecture: Architecture): number {
  return countedTensors(architecture).reduce((sum, { tensor, layers }) => sum + layers * tensor.parameters, 0)
}

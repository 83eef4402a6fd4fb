import type { ParameterTensor } from './architecture.ts'

type Part = ParameterTensor['part']

interface LinearOptions {
  readonly bias?: boolean
  readonly kind?: ParameterTensor['kind']
  readonly count?: number
  readonly fused?: boolean
}

/** A matrix product's weight [out, in] with its bias, `count` times. */
export function linear(
  path: string,
  part: Part,
  inFeatures: number,
  outFeatures: number,
  options: LinearOptions = {},
): ParameterTensor {
  const { bias = false, kind = 'linear', count = 1, fused = false } = options
  const parameters = count * (inFeatures * outFeatures + (bias ? outFeatures : 0))
  return { path, kind, part, inFeatures, outFeatures, bias, count, parameters, fused }
}

/** A norm over `size` channels: a weight, and a bias for LayerNorm. */
export function norm(path: string, size: number, bias = false, affine = true): ParameterTensor {
  const parameters = affine ? size * (bias ? 2 : 1) : 0
  return {
    path,
    kind: 'norm',
    part: 'norm',
    inFeatures: size,
    outFeatures: affine ? 1 : 0,
    bias,
    count: 1,
    parameters,
    fused: false,
  }
}

export function embedding(path: string, rows: number, columns: number): ParameterTensor {
  const shape = { inFeatures: rows, outFeatures: columns, bias: false, count: 1, fused: false }
  return { path, kind: 'embedding', part: 'embedding', ...shape, parameters: rows * columns }
}

/** Anything else that holds parameters. */
export function parameter(
  path: string,
  part: Part,
  parameters: number,
  kind: 'parameter' | 'convolution' = 'parameter',
): ParameterTensor {
  return { path, kind, part, inFeatures: parameters, outFeatures: 1, bias: false, count: 1, parameters, fused: false }
}

export function sumParameters(tensors: readonly ParameterTensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensor.parameters, 0)
}

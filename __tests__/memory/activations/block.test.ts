import { describe, expect, test } from '@jest/globals'
import { measureLayer } from '../../../src/memory/activations/block.ts'
import type { BlockContext } from '../../../src/memory/activations/block-context.ts'
import { blockRules } from '../../../src/memory/activations/block-rules.ts'
import fixtures from '../fixtures/saved-tensors.json' with { type: 'json' }
import { llamaLayer } from '../sample-layer.ts'

interface Row {
  readonly arch: string
  readonly attn: string
  readonly dtype: string
  readonly autocast?: boolean
  readonly adapter_fp32?: boolean
  readonly r?: number
  readonly h: number
  readonly d_h: number
  readonly n_h: number
  readonly n_kv: number
  readonly f: number
  readonly b: number
  readonly s: number
  readonly bytes_per_token_layer: number
}

const rows: readonly Row[] = fixtures.rows

function saved(row: Row): number {
  const layer = llamaLayer({
    hidden: row.h,
    heads: row.n_h,
    keyValueHeads: row.n_kv,
    headDim: row.d_h,
    width: row.f,
    qkNorm: row.arch === 'qwen3' ? 'head' : 'none',
  })
  const adapted = row.arch === 'llama-lora-all'
  const element = row.dtype === 'float32' ? 4 : 2
  const context: BlockContext = {
    sizes: {
      residual: element,
      compute: element,
      parameters: element,
      adapter: row.adapter_fp32 === true ? 4 : element,
      autocast: row.autocast ?? false,
      keptInput: null,
    },
    rules: blockRules({ framework: 'transformers', fusedKernels: 'none', compile: false, repeatsKeyValue: false }),
    algorithm: row.attn === 'eager' ? 'eager' : 'fused',
    sequenceLength: row.s,
    sequences: row.b,
    maskBytes: 0,
    tensorParallel: 1,
    sequenceParallel: false,
    hiddenDropout: false,
    attentionDropout: false,
    hiddenSize: row.h,
    trains: () => !adapted,
    adapterKernels: new Set(),
    adapterOf: () => (adapted ? { kind: 'lora', rank: row.r ?? 0, dropout: false } : null),
    quantizedKeepsInput: false,
    quantized: false,
  }
  const castAdapters = row.autocast === true && row.adapter_fp32 === true
  const perToken = castAdapters ? (2 * adapterParameters(row)) / (row.b * row.s) : 0
  return measureLayer(layer, context).saved + perToken
}

function adapterParameters(row: Row): number {
  const query = row.n_h * row.d_h
  const keyValue = row.n_kv * row.d_h
  return (row.r ?? 0) * (2 * (row.h + query) + 2 * (row.h + keyValue) + 3 * (row.h + row.f))
}

describe('saved tensors of one layer equal the recorded ones', () => {
  test.each(
    rows.map(
      row =>
        [
          `${row.arch} ${row.attn} ${row.dtype} ${row.autocast} ${row.adapter_fp32} h=${row.h} f=${row.f}`,
          row,
        ] as const,
    ),
  )('%s', (_name, row) => {
    expect(saved(row)).toBeCloseTo(row.bytes_per_token_layer, 6)
  })
})

import { describe, expect, test } from '@jest/globals'
import { attentionSeconds } from '../../src/time/attention-seconds.ts'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { microBatchTerms } from '../../src/time/micro-batch.ts'
import { optimizerSeconds } from '../../src/time/optimizer-step.ts'
import { stepContext } from '../../src/time/step-context.ts'
import { runOf } from './runs.ts'

function contextOf(yaml: string, gpu = 'h100-sxm-80gb') {
  const run = runOf(`sequence_length: 4096\npacking: true\n${yaml}`, gpu)
  if (run.gpu === null) throw new Error('the GPU is known')
  return stepContext({ ...run, gpu: run.gpu }, EFFICIENCY)
}

/** Seconds of one term of a micro-batch × memory bandwidth. */
function bytesOf(name: string, yaml: string): number {
  const context = contextOf(yaml)
  return (microBatchTerms(context).gpu.find(term => term.name === name)?.seconds ?? 0) * context.bandwidth
}

describe('8-bit casts', () => {
  // 7 matrices of 4,096 or 11,008 in and out, 32 layers
  const features = 32 * (4 * (4096 + 4096) + 3 * (4096 + 11_008))
  const weights = 32 * (4 * 4096 * 4096 + 3 * 4096 * 11_008)
  const fp8 = 'precision: { compute: float8 }\n'
  test.each([
    // values in two layouts; each product that reads weights casts them: forward and the gradient of the input
    ['native', '', 6 * features * 4096 + 2 * 5 * weights],
    ['recomputed', 'gradient_checkpointing: full\n', 1.5 * 6 * features * 4096 + 3 * 5 * weights],
    ['Transformer Engine casts weights once per step', 'fused_kernels: transformer_engine\n', 6 * features * 4096],
    [
      'blocks find their largest value on the way',
      'precision: { compute: mxfp8 }\n',
      6 * features * 4096 + 2 * 3 * weights,
    ],
  ])('%s', (_, more, bytes) => {
    const yaml = more.startsWith('precision') ? more : fp8 + more
    expect(bytesOf('8-bit casts', yaml) / bytes).toBeCloseTo(1, 9)
  })

  test('16 bit has none', () => expect(bytesOf('8-bit casts', 'precision: { compute: bfloat16 }\n')).toBe(0))
})

describe('clipping of gradients', () => {
  const bytes = (framework: string, more = '') => {
    const context = contextOf(`framework: ${framework}\nprecision: { gradients: float32 }\n${more}`)
    return (optimizerSeconds(context) * context.bandwidth) / 6.738e9
  }
  test.each([
    // float32 gradients: read for the norm, read and written when scaled
    ['trl', 3 * 4],
    ['megatron', 4],
    ['litgpt', 0],
  ])('%s', (framework, expected) => {
    expect(bytes(framework) - bytes('torchtune')).toBeCloseTo(expected, 6)
  })

  test('none where each gradient is used as it comes', () => {
    const inBackward = 'optimizer_implementation: in_backward\n'
    expect(bytes('trl', inBackward)).toBeCloseTo(bytes('torchtune', inBackward), 9)
  })
})

describe('flash attention', () => {
  test('computes keys on the diagonal that it does not have', () => {
    const perKey = (length: number) => {
      const context = contextOf(`sequence_length: ${length}\n`)
      return attentionSeconds(context) / (length * (length + EFFICIENCY.flash_edge))
    }
    expect(perKey(1024) / perKey(65_536)).toBeCloseTo(1, 9)
  })

  test('is faster in Transformer Engine, on cards whose kernels are in cuDNN', () => {
    const gain = (gpu: string) => {
      const [plain, engine] = ['none', 'transformer_engine'].map(kernels =>
        attentionSeconds(contextOf(`fused_kernels: ${kernels}\n`, gpu)),
      )
      return (plain ?? Number.NaN) / (engine ?? Number.NaN)
    }
    expect(gain('h100-sxm-80gb')).toBeCloseTo(EFFICIENCY.cudnn_attention, 9)
    expect(gain('a100-sxm-80gb')).toBe(1)
  })
})

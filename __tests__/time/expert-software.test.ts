import { describe, expect, test } from '@jest/globals'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { expertKernels, fusedExperts } from '../../src/time/expert-software.ts'
import { stepContext } from '../../src/time/step-context.ts'
import { stepTerms } from '../../src/time/step-terms.ts'
import { runOf } from './runs.ts'

/** 64 gated experts of which a token takes 4, on 8 GPUs that share them. */
function mixture(yaml: string, { gated = true, framework = 'megatron' } = {}) {
  const run = runOf(
    `gpus: 8\nfused_kernels: transformer_engine\nframework: ${framework}\nparallelism: { data: distributed_optimizer, expert: 8 }\n${yaml}`,
    'b200-sxm-180gb',
  )
  if (run.gpu === null) throw new Error('the GPU is known')
  const context = stepContext({ ...run, gpu: run.gpu }, EFFICIENCY)
  return {
    ...context,
    work: {
      ...context.work,
      experts: 64,
      expertGated: gated,
      expertLayers: 10,
      topK: 4,
      expertWidth: 1024,
      expertHidden: 40_960,
      expertParameters: 8e9,
      activeExpertParameters: 5e8,
    },
  }
}

const MXFP8 = 'precision: { compute: mxfp8 }'
const released = (release: string) => `libraries: { megatron-bridge: "${release}" }`

describe('kernels of one pass over a layer of 8 experts', () => {
  test.each([
    // a product up and one down for each expert
    ['16 bit', 'precision: { compute: bfloat16 }', 16],
    // scale and cast before each of them
    ['per-tensor 8 bit', 'precision: { compute: float8 }', 48],
    ['per-tensor 8 bit is not fused by 26.06', `precision: { compute: float8 }\n${released('26.06')}`, 48],
    // cast, and scales in the order of the product
    ['blocks, before 26.06', `${MXFP8}\n${released('26.04.01')}`, 48],
    ['blocks, from 26.06 on', `${MXFP8}\n${released('26.06')}`, 2],
    ['blocks, release not named: a current one', MXFP8, 2],
  ])('%s', (_, yaml, kernels) => expect(expertKernels(mixture(yaml))).toBeCloseTo(kernels, 9))

  test('only gated experts are fused', () => {
    expect(fusedExperts(mixture(`${MXFP8}\n${released('26.06')}`))).toBe(1)
    expect(fusedExperts(mixture(`${MXFP8}\n${released('26.06')}`, { gated: false }))).toBe(0)
  })
})

test('NeMo AutoModel hands all experts to one product', () => {
  expect(expertKernels(mixture('precision: { compute: bfloat16 }', { framework: 'nemo-automodel' }))).toBe(2)
})

test('a newer release is faster, an unnamed one is current', () => {
  const [old, unnamed, current] = [released('26.04'), '', released('26.06')].map(
    libraries => stepTerms(mixture(`${MXFP8}\n${libraries}`)).seconds,
  )
  expect(unnamed).toBeLessThan(old ?? Number.NaN)
  expect(current).toBe(unnamed)
})

test('every expert that is reached wastes half a tile', () => {
  const context = mixture('precision: { compute: bfloat16 }')
  const products = (experts: number) =>
    stepTerms({
      ...context,
      constants: { ...EFFICIENCY, expert_kernel: 0 },
      work: { ...context.work, experts },
    }).terms.find(({ name }) => name === 'expert products')?.seconds ?? 0
  const tokens = context.tokens
  // 8 and 64 experts on this GPU, 4 of them for each token; the weights hide under the products
  expect(products(512) / products(64)).toBeCloseTo((tokens + (64 * 64) / 4) / (tokens + (64 * 8) / 4), 2)
})

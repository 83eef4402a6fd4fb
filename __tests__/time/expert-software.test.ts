import { describe, expect, test } from '@jest/globals'
import { nativeRun } from '../../bench/accuracy/native-run.ts'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { expertKernels, fusedExperts, hasOpenRelease } from '../../src/time/expert-software.ts'
import { intervalOf } from '../../src/time/interval.ts'
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
    ['blocks, release not named: an earlier one', MXFP8, 48],
  ])('%s', (_, yaml, kernels) => expect(expertKernels(mixture(yaml))).toBeCloseTo(kernels, 9))

  test('only gated experts are fused', () => {
    expect(fusedExperts(mixture(`${MXFP8}\n${released('26.06')}`))).toBe(1)
    expect(fusedExperts(mixture(`${MXFP8}\n${released('26.06')}`, { gated: false }))).toBe(0)
  })
})

test('NeMo AutoModel hands all experts to one product', () => {
  expect(expertKernels(mixture('precision: { compute: bfloat16 }', { framework: 'nemo-automodel' }))).toBe(2)
})

test('a newer release is faster; an unnamed one is taken as an older one, and may be as fast', () => {
  const [old, unnamed, current] = [released('26.04'), '', released('26.06')].map(libraries => {
    const context = mixture(`${MXFP8}\n${libraries}`)
    const { seconds } = stepTerms(context)
    return { seconds, low: seconds * intervalOf(context).low, isOpen: hasOpenRelease(context) }
  })
  expect([old?.isOpen, unnamed?.isOpen, current?.isOpen]).toEqual([false, true, false])
  expect(current?.seconds).toBeLessThan(old?.seconds ?? Number.NaN)
  expect(unnamed?.seconds).toBe(old?.seconds)
  expect(unnamed?.low).toBeLessThan(old?.low ?? Number.NaN)
})

test('a plan whose release matters and is not named is told which key settles it', () => {
  const model = { model_type: 'mixtral', hidden_size: 1024, intermediate_size: 2048, num_hidden_layers: 4 }
  const heads = { num_attention_heads: 16, num_key_value_heads: 8, vocab_size: 32_000, num_local_experts: 8 }
  const codes = (libraries: object) => {
    const software = { framework: 'megatron', fused_kernels: 'transformer_engine', precision: { compute: 'mxfp8' } }
    const hardware = { gpus: 8, hardware: { gpu: 'b200-sxm-180gb' } }
    const plan = { preflop: 1, model: { ...model, ...heads }, ...software, ...hardware, libraries }
    return estimateTime(nativeRun('mixture', plan))?.findings.map(({ code }) => code)
  }
  expect(codes({})).toContain('assumed-default')
  expect(codes({ 'megatron-bridge': '26.04' })).not.toContain('assumed-default')
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

import { describe, expect, test } from '@jest/globals'
import { nativeRun } from '../../bench/accuracy/native-run.ts'
import { EFFICIENCY } from '../../src/time/efficiency.ts'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { expertKernels, fusesExperts, hasOpenFusion } from '../../src/time/expert-software.ts'
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

const fused = (value: boolean) => `fused_experts: ${value}`

describe('kernels of one pass over a layer of 8 experts', () => {
  test.each([
    // 20 around the experts, and a product up and one down for each
    ['16 bit', 'precision: { compute: bfloat16 }', 20 + 16],
    // scale and cast before each of them
    ['per-tensor 8 bit', 'precision: { compute: float8 }', 20 + 48],
    ['per-tensor 8 bit is not fused by 26.06', `precision: { compute: float8 }\n${released('26.06')}`, 20 + 48],
    ['nor by the switch', `precision: { compute: float8 }\n${fused(true)}`, 20 + 48],
    // cast, and scales in the order of the product
    ['blocks, before 26.06', `${MXFP8}\n${released('26.04.01')}`, 20 + 48],
    ['blocks, from 26.06 on', `${MXFP8}\n${released('26.06')}`, 2],
    ['blocks, from 26.06 on, switched off', `${MXFP8}\n${released('26.06')}\n${fused(false)}`, 20 + 48],
    ['blocks, switched on', `${MXFP8}\n${fused(true)}`, 2],
    ['blocks, nothing said', MXFP8, 20 + 48],
  ])('%s', (_, yaml, kernels) => expect(expertKernels(mixture(yaml))).toBeCloseTo(kernels, 9))

  test('experts without a gate are fused later, or where the plan says so', () => {
    const plain = (text: string) => fusesExperts(mixture(`${MXFP8}\n${text}`, { gated: false }))
    expect([released('26.06'), released('26.08'), fused(true), ''].map(plain)).toEqual([false, true, true, false])
  })
})

test('NeMo AutoModel hands all experts to one product', () => {
  expect(expertKernels(mixture('precision: { compute: bfloat16 }', { framework: 'nemo-automodel' }))).toBe(22)
})

test('fused experts are faster; a plan that does not say is taken as without, and may be as fast', () => {
  const [off, unsaid, on] = [fused(false), '', fused(true)].map(text => {
    const context = mixture(`${MXFP8}\n${text}`)
    const { seconds } = stepTerms(context)
    return { seconds, low: seconds * intervalOf(context).low, isOpen: hasOpenFusion(context) }
  })
  expect([off?.isOpen, unsaid?.isOpen, on?.isOpen]).toEqual([false, true, false])
  expect(on?.seconds).toBeLessThan(off?.seconds ?? Number.NaN)
  expect(unsaid?.seconds).toBe(off?.seconds)
  expect(unsaid?.low).toBeLessThan(off?.low ?? Number.NaN)
})

test('a plan that does not say whether its experts are fused is told which key settles it', () => {
  const model = { model_type: 'mixtral', hidden_size: 1024, intermediate_size: 2048, num_hidden_layers: 4 }
  const heads = { num_attention_heads: 16, num_key_value_heads: 8, vocab_size: 32_000, num_local_experts: 8 }
  const found = (more: object) => {
    const software = { framework: 'megatron', fused_kernels: 'transformer_engine', precision: { compute: 'mxfp8' } }
    const hardware = { gpus: 8, hardware: { gpu: 'b200-sxm-180gb' } }
    const plan = { preflop: 1, model: { ...model, ...heads }, ...software, ...hardware, ...more }
    const findings = estimateTime(nativeRun('mixture', plan))?.findings ?? []
    return findings.find(({ code }) => code === 'assumed-default')?.hint
  }
  expect(found({})).toContain('fused_experts')
  expect(found({ fused_experts: false })).toBeUndefined()
  expect(found({ libraries: { 'megatron-bridge': '26.04' } })).toBeUndefined()
})

describe('tokens on their way to experts', () => {
  /** 16 ranks on two nodes of 8, 4 experts of each token. */
  const traffic = (more: string) => {
    const parallelism = `data: distributed_optimizer, expert: 16${more}`
    const run = runOf(`gpus: 16\nframework: megatron\nparallelism: { ${parallelism} }\n`, 'h100-sxm-80gb')
    if (run.gpu === null) throw new Error('the GPU is known')
    const context = stepContext({ ...run, gpu: run.gpu }, EFFICIENCY)
    const work = {
      ...context.work,
      experts: 64,
      expertLayers: 10,
      topK: 4,
      expertWidth: 1024,
      activeExpertParameters: 1,
    }
    const found = stepTerms({ ...context, work }).terms.find(({ name }) => name === 'expert all-to-all')
    // four trips of 2 bytes a value, over 0.8 of the network; what is not hidden
    const trips = 4 * context.tokens * context.work.hiddenSize * 2 * 10
    return ((found?.seconds ?? 0) * 0.8 * context.fabric.nic) / trips
  }
  test.each([
    ['a copy for each expert, half of them on the other node', '', EFFICIENCY.exposed_expert * 2],
    ['the same, said', ', expert_dispatcher: alltoall', EFFICIENCY.exposed_expert * 2],
    // four experts miss one of two nodes with 1 ÷ 16
    ['a copy for each node', ', expert_dispatcher: flex', EFFICIENCY.exposed_expert * (1 - 1 / 16)],
    ['all to all ranks', ', expert_dispatcher: allgather', EFFICIENCY.exposed_expert * 8],
    ['nothing hides it', ', overlaps_experts: false', 2],
    [
      'DeepEP that hides nothing waits as measured',
      ', expert_dispatcher: flex, overlaps_experts: false',
      EFFICIENCY.exposed_expert * (1 - 1 / 16),
    ],
  ])('%s', (_, more, copies) => expect(traffic(more)).toBeCloseTo(copies, 9))
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

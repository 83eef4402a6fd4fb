import { describe, expect, test } from '@jest/globals'
import { estimateTime } from '../../src/time/estimate-time.ts'
import { scoresBeforeUpdate } from '../../src/time/scores-before-update.ts'
import type { TimeEstimate } from '../../src/time/time-estimate.ts'
import { runOf } from './runs.ts'

const BASE =
  'micro_batch_size: 8\ngradient_accumulation_steps: 4\nsequence_length: 2048\npacking: true\ndataset: { max_steps: 100 }\n'
const ENGINE = { prompt_length: 512, completion_length: 1536, generations: 8, generation: 'vllm_colocate' }

function grpo(changes: Readonly<Record<string, unknown>> = {}, gpu = 'h100'): TimeEstimate {
  const block = JSON.stringify({ ...ENGINE, ...changes })
  const time = estimateTime(runOf(`${BASE}stage: grpo\nreinforcement: ${block}\n`, gpu))
  if (time === null) throw new Error('the GPU is known')
  return time
}
const part = (time: TimeEstimate, name: string) => time.stepComponents.find(item => item.name === name)?.seconds ?? 0

describe('generation', () => {
  test('is its own term: 32 completions of 1,536 tokens take at least a weight read per token', () => {
    const seconds = part(grpo(), 'generation')
    expect(seconds).toBeGreaterThan((1536 * 2 * 6.738e9) / 3.35e12)
    expect(seconds).toBeLessThan(60)
  })

  test.each([
    ['longer completions take longer', { completion_length: 3072 }, 1.9, 3],
    ['eager code launches every layer per token', { generation: 'transformers' }, 1.5, 20],
    ['two iterations share the completions', { iterations: 2 }, 0.499, 0.501],
    ['no engine generates nothing', { generation: 'none' }, 0, 0],
    ['a mean as long as the limit changes nothing', { mean_completion_length: 1536 }, 1, 1],
    [
      'a mean far below the limit ends with the longest, not with the limit',
      { mean_completion_length: 192 },
      0.125,
      0.6,
    ],
  ])('%s', (_, changes, low, high) => {
    const ratio = part(grpo(changes), 'generation') / part(grpo(), 'generation')
    expect(ratio).toBeGreaterThanOrEqual(low)
    expect(ratio).toBeLessThanOrEqual(high)
  })

  test('an eager batch waits for its longest completion, an engine goes on with others', () => {
    const share = (changes: Readonly<Record<string, unknown>>) =>
      part(grpo({ ...changes, mean_completion_length: 192 }), 'generation') / part(grpo(changes), 'generation')
    expect(share({ generation: 'transformers' })).toBeGreaterThan(share({ generation: 'vllm_server' }))
  })

  test('an engine that a small card cannot hold spreads over several', () => {
    const [small, large] = [part(grpo({}, 'rtx-4090'), 'generation'), part(grpo({}, 'h100'), 'generation')]
    expect(small).toBeGreaterThan(large)
    expect(small).toBeLessThan(20 * large)
  })

  test('weights go to a server over the network, to a colocated engine over the fabric', () => {
    const colocated = part(grpo(), 'weights to the engine')
    expect(part(grpo({ generation: 'vllm_server' }), 'weights to the engine')).toBeGreaterThan(colocated)
    expect(part(grpo({ generation: 'transformers' }), 'weights to the engine')).toBe(0)
  })
})

test('an offloaded reference scores what was just generated', () => {
  const seconds = (reference: string) => part(grpo({ reference_model: reference }), 'reference forward')
  expect(seconds('precomputed')).toBe(seconds('separate'))
  expect(seconds('precomputed')).toBeGreaterThan(0)
  expect(seconds('none')).toBe(0)
})

describe('other models of a step', () => {
  const dpo = (reference: string) => {
    const time = estimateTime(runOf(`${BASE}stage: dpo\nreinforcement: { reference_model: ${reference} }\n`))
    return time?.stepComponents.find(({ name }) => name === 'reference forward')?.seconds ?? 0
  }

  test.each([
    ['separate', true],
    ['shared', true],
    ['none', false],
    ['precomputed', false],
  ])('a %s reference costs a forward pass: %s', (reference, costs) => expect(dpo(reference) > 0).toBe(costs))

  test('a reference is a third of a full step, reward and value models come on top', () => {
    const time = grpo({ reference_model: 'separate', reward_model: true, value_model: true })
    expect(part(time, 'reward forward')).toBe(part(time, 'reference forward'))
    expect(part(time, 'value model')).toBeCloseTo(3 * part(time, 'reference forward'), 9)
  })
})

describe('the policy scores its completions before the update', () => {
  test.each([
    ['verl', {}, true],
    ['nemo-rl', { generation: 'transformers' }, true],
    ['trl', {}, true],
    ['trl', { generation: 'transformers' }, false],
    ['trl', { generation: 'transformers', iterations: 2 }, true],
    ['ms-swift', {}, false],
    ['ms-swift', { iterations: 2 }, true],
    ['verl', { generation: 'none' }, false],
  ] as const)('%s %j: %s', (framework, changes, scores) => {
    const block = JSON.stringify({ ...ENGINE, reference_model: 'separate', ...changes })
    const run = runOf(`${BASE}stage: grpo\nreinforcement: ${block}\n`)
    const time = estimateTime({ ...run, plan: { ...run.plan, framework } })
    if (time === null) throw new Error('the GPU is known')
    expect(part(time, 'policy forward')).toBe(scores ? part(time, 'reference forward') : 0)
  })

  test('iterations share it and the reference', () => {
    const once = (iterations: number) => part(grpo({ reference_model: 'separate', iterations }), 'reference forward')
    expect(once(2) / once(1)).toBeCloseTo(0.5, 9)
  })

  test('trl before 0.23 has no correction for the engine', () => {
    const run = runOf(`${BASE}stage: grpo\nreinforcement: ${JSON.stringify(ENGINE)}\n`)
    const of = (trl: string) => ({ ...run, plan: { ...run.plan, framework: 'trl' as const, libraries: { trl } } })
    expect(scoresBeforeUpdate(of('0.22.1').plan)).toBe(false)
    expect(scoresBeforeUpdate(of('0.23.0').plan)).toBe(true)
  })
})

describe('evaluation', () => {
  const evaluated = (block: string) =>
    estimateTime(runOf(`${BASE}evaluation: ${block}\n`))?.components.find(({ name }) => name === 'evaluation')

  test.each([
    ['{ every_steps: 50, samples: 80, micro_batch_size: 8 }', '2 × 10 batches'],
    ['{ times_total: 3, samples: 81, micro_batch_size: 8 }', '3 × 11 batches'],
    ['{ every_steps: 50, samples: 80, micro_batch_size: 8, at_end: true }', '3 × 10 batches'],
    // a set is cut at `samples`
    ['{ times_total: 1, samples: 16, share: 0.5, micro_batch_size: 8 }', '1 × 2 batches'],
  ])('%s', (block, note) => expect(evaluated(block)?.note).toContain(note))

  test('answers cost more than a loss', () => {
    const loss = evaluated('{ times_total: 1, samples: 80, micro_batch_size: 8 }')?.seconds ?? 0
    const answers = evaluated('{ times_total: 1, samples: 80, micro_batch_size: 8, new_tokens: 256 }')
    expect(answers?.seconds ?? 0).toBeGreaterThan(10 * 256 * 0.01 + loss)
    expect(answers?.note).toContain('256 tokens generated')
  })

  test('one answer a time is apart from the batches', () => {
    const loss = evaluated('{ times_total: 2, samples: 80, micro_batch_size: 8 }')?.seconds ?? 0
    const one = evaluated('{ times_total: 2, samples: 80, micro_batch_size: 8, new_tokens: 100, answers: 1 }')
    const two = evaluated('{ times_total: 2, samples: 80, micro_batch_size: 8, new_tokens: 100, answers: 2 }')
    expect(one?.seconds ?? 0).toBeGreaterThan(loss)
    expect((two?.seconds ?? 0) - loss).toBeCloseTo(2 * ((one?.seconds ?? 0) - loss), 9)
    expect(one?.note).toContain('for 1 × 100 tokens')
  })
})

test.each([
  [8, 45.4],
  [16, 50.2 + 5.2],
])('start-up on %d GPUs', (gpus, seconds) => {
  const time = estimateTime(runOf(`${BASE}gpus: ${gpus}\nparallelism: { data: fsdp2 }\n`))
  expect(time?.components[0]?.name).toBe('start-up')
  expect(time?.components[0]?.seconds).toBeCloseTo(seconds, 1)
})

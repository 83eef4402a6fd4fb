import { expect, test } from '@jest/globals'
import { sampleLength } from '../../src/time/padding.ts'
import { stepCount } from '../../src/time/steps.ts'
import { planOf } from './runs.ts'

test.each([
  ['article', 'micro_batch_size: 32\ndataset: { samples: 10000, epochs: 3 }', 1, 939],
  ['step limit wins', 'dataset: { samples: 10000, epochs: 3, max_steps: 100 }', 1, 100],
  ['tokens', 'micro_batch_size: 4\nsequence_length: 1024\npacking: true\ndataset: { tokens: 8192000 }', 2, 1000],
  [
    'ranks share the batch',
    'micro_batch_size: 4\ngradient_accumulation_steps: 2\ndataset: { samples: 6400, epochs: 1 }',
    8,
    100,
  ],
  [
    'packing',
    'micro_batch_size: 4\nsequence_length: 2048\npacking: true\nmean_sequence_length: 512\ndataset: { samples: 6400, epochs: 1 }',
    1,
    400,
  ],
  [
    'answers to a prompt, learned from twice',
    'stage: grpo\nmicro_batch_size: 8\ngradient_accumulation_steps: 4\nreinforcement: { generations: 8, iterations: 2, completion_length: 64 }\ndataset: { samples: 1000, epochs: 1 }',
    4,
    125,
  ],
  ['unknown', 'micro_batch_size: 4', 1, null],
])('%s', (_, yaml, ranks, steps) => {
  const plan = planOf(yaml)
  expect(stepCount(plan, ranks, sampleLength(plan, 0.5))?.steps ?? null).toBe(steps)
})

test.each([
  ['packed', 'packing: true\nsequence_length: 2048\nmean_sequence_length: 100', 2048],
  ['one sample pads nothing', 'micro_batch_size: 1\nsequence_length: 2048\nmean_sequence_length: 100', 100],
  ['longest of four', 'micro_batch_size: 4\nsequence_length: 2048\nmean_sequence_length: 100', 153.5],
  ['never above the limit', 'micro_batch_size: 32\nsequence_length: 200\nmean_sequence_length: 100', 200],
  ['no mean is the full length', 'micro_batch_size: 4\nsequence_length: 2048', 2048],
])('length: %s', (_, yaml, computed) => expect(sampleLength(planOf(yaml), 0.5).computed).toBeCloseTo(computed, 6))

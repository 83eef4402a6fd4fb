import { describe, expect, test } from '@jest/globals'
import { evaluationLogitBytes } from '../../../src/memory/loss/evaluation-logit-bytes.ts'
import { evaluationItems } from '../../../src/memory/other-moments.ts'
import type { Framework, Loss } from '../../../src/plan/vocabulary.ts'
import { SAMPLE_PLAN, sampleRun } from '../sample-run.ts'

describe('evaluation', () => {
  const cases: readonly (readonly [Framework, Loss, number])[] = [
    ['transformers', 'full_logits', 2 + 4 + 4],
    ['transformers', 'fused_linear', 2 + 4 + 4],
    ['axolotl', 'cut_cross_entropy', 0],
    ['qwen-finetune', 'full_logits_native', 2 + 2],
    ['megatron', 'vocab_parallel', 2 + 4],
    ['torchtitan', 'vocab_parallel', 2 + 4 + 4],
    ['torchtune', 'chunked', 2 + 8 / 8],
    ['trl', 'chunked', 0],
    ['torchtune', 'chunked_linear', 10 / 8],
    ['litgpt', 'chunked', 2 + 4 + 4],
  ]
  test.each(cases)('%s %s: %s bytes per logit', (framework, loss, bytes) => {
    expect(evaluationLogitBytes({ ...SAMPLE_PLAN, framework, loss }, 2).bytes).toBe(bytes)
  })

  test('a vocabulary-parallel loss over two ranks holds 3 bytes per logit of the whole vocabulary on each', () => {
    const parallelism = { ...SAMPLE_PLAN.parallelism, tensor: 2 }
    const evaluation = { microBatchSize: 4, everySteps: 10, timesTotal: null, samples: null, share: 0 }
    const plan = { framework: 'megatron', loss: 'vocab_parallel', sequenceLength: 512, parallelism, gpus: 2 } as const
    const [logits] = evaluationItems(sampleRun({ ...plan, evaluation })) ?? []
    expect(logits?.bytes).toBe(4 * 512 * 32_000 * 3)
  })
})

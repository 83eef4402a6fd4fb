import { describe, expect, test } from '@jest/globals'
import { lossItems } from '../../../src/memory/loss/loss-items.ts'
import type { Run } from '../../../src/plan/run.ts'
import fixtures from '../fixtures/chunked-loss.json' with { type: 'json' }
import { sampleRun } from '../sample-run.ts'

const PLANS = {
  chunked_nll: { framework: 'trl', loss: 'chunked' },
  chunked_linear: { framework: 'torchtune', loss: 'chunked_linear' },
} as const

function runOf({ loss, vocabulary, hidden }: (typeof fixtures.rows)[number]): Run {
  const run = sampleRun(loss === 'chunked_nll' ? PLANS.chunked_nll : PLANS.chunked_linear)
  const { architecture } = run
  return {
    ...run,
    architecture: { ...architecture, hiddenSize: hidden, head: { ...architecture.head, outputs: vocabulary } },
  }
}

describe('losses that take the head in chunks', () => {
  test.each(fixtures.rows)(
    '$loss: $tokens tokens, $vocabulary outputs of $hidden, trains $trains: as recorded',
    row => {
      const items = lossItems(runOf(row), { tokens: row.tokens, trainsHead: row.trains, stage: 'only' })
      const most = items.backward.bytes + items.headGradients * row.vocabulary * row.hidden * 2
      // Integer lists, and one chunk alone, which has no sum of head gradients.
      expect(Math.abs(most / row.most - 1)).toBeLessThan(0.04)
    },
  )
})

import { describe, expect, test } from '@jest/globals'
import { logitBytes } from '../../../src/memory/loss/logit-bytes.ts'
import { logitTokensPerPass } from '../../../src/memory/tokens-per-pass.ts'
import { NO_GENERATION } from '../../../src/plan/no-generation.ts'
import type { TrainingPlan } from '../../../src/plan/training-plan.ts'
import fixtures from '../fixtures/loss-bytes.json' with { type: 'json' }
import { SAMPLE_PLAN } from '../sample-run.ts'

/** Which plan runs a recorded loss. */
const PLANS: Readonly<Record<string, Partial<TrainingPlan>>> = {
  cross_entropy: { stage: 'sft' },
  selective: { stage: 'dpo' },
  gathered: { stage: 'dpo', libraries: { trl: '0.12.0' } },
  scaled: { stage: 'grpo' },
  with_cross_entropy: { stage: 'orpo' },
  in_place: { stage: 'grpo', framework: 'verl', loss: 'in_place' },
}

/** The last position has no label: 1 of 256 tokens is left out of most losses. */
const LAST_POSITION_BYTES = 0.07

function plan(changes: Partial<TrainingPlan>, autocast: boolean): TrainingPlan {
  return {
    ...SAMPLE_PLAN,
    framework: 'trl',
    loss: 'full_logits',
    compile: false,
    ...changes,
    precision: { ...SAMPLE_PLAN.precision, autocast },
  }
}

describe('bytes per logit', () => {
  test.each(fixtures.rows.map(row => [`${row.loss} ${row.dtype} ${row.lifted ? 'lifted' : ''}`, row] as const))(
    '%s as recorded',
    (_name, row) => {
      const element = row.dtype === 'float32' ? 4 : 2
      const { endOfForward, backward } = logitBytes(plan(PLANS[row.loss] ?? {}, row.lifted), element)
      const most = Math.max(endOfForward, backward)
      expect(Math.abs(most - row.most)).toBeLessThan(LAST_POSITION_BYTES)
    },
  )

  test.each([
    ['4.45.2', 2, 14],
    ['4.48.1', 2, 14],
    ['4.48.1', 4, 12],
    ['4.49.0', 2, 6],
    ['5.18.0', 2, 6],
  ] as const)(
    'transformers %s with logits of %i bytes holds %i bytes at the end of forward',
    (version, element, most) => {
      const { endOfForward } = logitBytes(plan({ libraries: { transformers: version } }, false), element)
      expect(endOfForward).toBe(most)
    },
  )

  test('DPO adds the reference model’s logits to the forward pass', () => {
    const reinforcement = { ...NO_GENERATION, referenceModel: 'shared' } as const
    const [alone, beside] = [null, reinforcement].map(value =>
      logitBytes(plan({ stage: 'dpo', reinforcement: value }, true), 2),
    )
    expect([alone?.endOfForward, beside?.endOfForward]).toEqual([6, 10])
  })

  test.each([
    ['dpo', 'shared', 16],
    ['dpo', 'none', 8],
    ['kto', 'separate', 16],
    ['orpo', 'none', 8],
  ] as const)(
    'LLaMA-Factory %s with reference %s: float32 logits and log-softmax of each model',
    (stage, referenceModel, most) => {
      const reinforcement = { ...NO_GENERATION, referenceModel }
      const bytes = logitBytes(plan({ framework: 'llama-factory', stage, reinforcement }, true), 2)
      expect([bytes.endOfForward, bytes.backward]).toEqual([most, 12])
    },
  )

  test('OpenRLHF keeps float32 logits beside their gradient and its 16-bit copy', () => {
    const bytes = logitBytes(plan({ framework: 'openrlhf', stage: 'ppo', loss: 'full_logits_float32' }, false), 2)
    expect([bytes.endOfForward, bytes.backward]).toEqual([6, 10])
  })

  test.each([
    ['verl', false, 1536],
    ['openrlhf', false, 1536],
    ['trl', false, 1024],
    // a packed row of 2,048 tokens holds more than one of them
    ['verl', true, 2048],
  ] as const)(
    'the head of %s, packed %s, runs over %i tokens of prompts of 512 and completions of 1024',
    (framework, packing, tokens) => {
      const reinforcement = {
        referenceModel: 'none',
        generations: 8,
        promptLength: 512,
        completionLength: 1024,
        iterations: 1,
        generation: 'none',
        colocatedMemoryShare: 0,
        sleepMode: false,
        rewardModel: false,
        valueModel: false,
      } as const
      const asked = plan({ framework, stage: 'grpo', microBatchSize: 1, packing, reinforcement }, false)
      expect(logitTokensPerPass({ ...asked, parallelism: { ...asked.parallelism, context: 1 } })).toBe(tokens)
    },
  )

  test.each(['0.1.0', '0.2.2', undefined])('torchtitan %s compiles its loss', version => {
    const libraries: Record<string, string> = version === undefined ? {} : { torchtitan: version }
    expect(logitBytes(plan({ framework: 'torchtitan', compile: true, libraries }, false), 2).backward).toBe(4)
  })

  test('a commit of torchtitan cannot be placed: the eager loss holds', () => {
    const libraries = { torchtitan: '9dec370' }
    expect(logitBytes(plan({ framework: 'torchtitan', compile: true, libraries }, false), 2).backward).toBe(12)
  })
})

import { describe, expect, test } from '@jest/globals'
import { parseDocument } from '../../src/formats/parse-document.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'

const read = (text: string) => readPolicy(parseDocument('.github/preflop.yml', text))

describe('readPolicy', () => {
  test('reads every key and merges the first matching rule', () => {
    const file = read(`version: 1
hardware: { gpu: a100-sxm-80gb, gpus: 8, price: { per_gpu_hour: 27.08, currency: CNY } }
currency: CNY
exchange_rates: { USD: 7.1 }
retries: 2
estimator: rule-of-thumb
budget:
  cost: { warn: 80, fail: 100 }
  cost_increase: { warn: 10%, fail: 25 }
  memory: { warn: 90%, fail: 95 }
fail_on: any
on_unknown: fail
override_label: approved
datasets: { my-org/sft: { samples: 120000, mean_tokens: 480 } }
models: { my-org/secret: ./models/secret/config.json }
configs:
  - paths: ["configs/prod/**"]
    hardware: { gpus: 16 }
    budget: { cost: { fail: 500 } }
  - paths: "configs/**"
    ignore: true
`)
    expect(file.findings).toEqual([])
    const prod = createPolicySet(file).forPath('configs/prod/a.yml')
    expect(prod).toMatchObject({
      hardware: { gpu: 'a100-sxm-80gb', gpus: 16 },
      budget: {
        cost: { warn: 80, fail: 500 },
        memory: { warn: 0.9, fail: 0.95 },
        costIncrease: { warn: { kind: 'share', share: 0.1 }, fail: { kind: 'amount', amount: 25 } },
      },
      ignore: false,
      rule: { index: 0 },
    })
    expect(createPolicySet(file).forPath('configs/dev/a.yml').ignore).toBe(true)
    expect(createPolicySet(file, { retries: 5 }).forPath('x.yml').retries).toBe(5)
  })

  test.each([
    ['budgets: {}', 1, 'Did you mean `budget`'],
    ['budget:\n  costs: { fail: 1 }', 2, 'Did you mean `cost`'],
    ['retries: none', 1, ''],
    ['budget:\n  memory: { fail: lots }', 2, ''],
    ['configs:\n  - hardware: { gpus: 2 }', 2, ''],
    ['- a', 1, ''],
    ['a: [', 1, ''],
  ])('%j is a policy error with its line', (text, line, hint) => {
    const [problem] = read(text).findings
    expect(problem).toMatchObject({ code: 'policy-error', line })
    expect(problem?.hint).toContain(hint)
  })

  test('an empty policy is the built-in one', () => {
    expect(read('# nothing yet\n').findings).toEqual([])
  })
})

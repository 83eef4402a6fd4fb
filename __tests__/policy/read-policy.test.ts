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

  test('reads prices, billing, overheads and calibration; a rule replaces what it names', () => {
    const file = read(`prices: live
billing:
  unit: hour
  discounts: { aws: 22%, "*": 5 }
  reserved: { h100: 8 }
  negotiated:
    - { gpu: h100, per_gpu_hour: 2.1, currency: usd }
    - { gpu: h100, instance: node, instance_gpus: 8, per_instance_hour: 14, provider: aws, region: us-east-1, spot: true }
overheads: { start_up_seconds: 300, spot_interruptions: 12% }
calibration:
  - { gpu: h100, training: adapter, step_factor: 1.2, low: 1.1, high: 1.3, runs: 3 }
configs:
  - paths: ["spot/**"]
    billing: { unit: minute }
    overheads: { spot_interruptions: 30% }
`)
    expect(file.findings).toEqual([])
    const policy = createPolicySet(file).forPath('a.yml')
    const gpu = 'h100-sxm-80gb'
    expect(policy).toMatchObject({
      prices: 'live',
      billing: {
        unit: 'hour',
        discounts: { aws: 0.22, '*': 0.05 },
        reserved: { [gpu]: 8 },
        prices: [
          { gpu, perInstanceHour: 2.1, instanceGpus: 1, currency: 'USD', instance: null, provider: null, spot: false },
          { gpu, perInstanceHour: 14, instanceGpus: 8, instance: 'node', region: 'us-east-1', spot: true },
        ],
      },
      overheads: { startUpSeconds: 300, interruptionShare: 0.12 },
      calibration: [{ gpu, training: 'adapter', stepFactor: 1.2, low: 1.1, high: 1.3, runs: 3 }],
    })
    const spot = createPolicySet(file).forPath('spot/a.yml')
    expect(spot.billing).toEqual({ ...policy.billing, unit: 'minute' })
    expect(spot.overheads).toEqual({ startUpSeconds: 300, interruptionShare: 0.3 })
  })

  test.each([
    ['billing: { units: hour }', 1, 'Did you mean `unit`'],
    ['billing:\n  unit: day', 2, ''],
    ['billing:\n  discounts: { aws: 100% }', 2, ''],
    ['billing:\n  reserved: { h1000: 8 }', 2, 'Did you mean'],
    ['billing:\n  negotiated:\n    - { gpu: h100 }', 3, ''],
    ['billing:\n  negotiated:\n    - { gpu: h100, per_gpu_hour: 1, per_instance_hour: 8 }', 3, ''],
    ['billing:\n  negotiated: h100', 2, ''],
    ['overheads: { startup_seconds: 3 }', 1, 'Did you mean `start_up_seconds`'],
    ['calibration:\n  - { gpu: h100 }', 2, ''],
    ['calibration:\n  - h100', 2, ''],
    ['prices: newest', 1, ''],
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

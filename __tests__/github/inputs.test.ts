import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { inputVariable, readInputs } from '../../src/github/inputs.ts'

const env = (inputs: Record<string, string>) =>
  Object.fromEntries(Object.entries(inputs).map(([name, text]) => [inputVariable(name), text]))

describe('readInputs', () => {
  test('without any input the defaults apply and the policy is untouched', () => {
    const { inputs, findings } = readInputs({ 'INPUT_MAX-COST': '  ' })
    expect(findings).toEqual([])
    expect(inputs).toEqual({
      githubToken: '',
      paths: [],
      policy: null,
      policyToken: '',
      settings: { budget: {} },
      comment: 'on-change',
      commentKey: 'default',
      suggest: true,
      huggingFaceToken: '',
      huggingFaceEndpoint: null,
      offline: false,
      plan: null,
    })
  })

  test('what overrides the policy', () => {
    const { inputs } = readInputs(
      env({
        gpu: 'h100',
        gpus: '8',
        'price-per-gpu-hour': '27.08',
        currency: 'cny',
        retries: '3',
        'max-cost': '100',
        'max-hours': '24',
        'max-memory': '95',
        'fail-on': 'any',
        'on-unknown': 'fail',
        estimator: 'rule-of-thumb',
      }),
    )
    expect(inputs.settings).toEqual({
      gpu: 'h100',
      gpus: 8,
      currency: 'CNY',
      price: { perGpuHour: 27.08, currency: 'CNY', provider: null, region: null, spot: null },
      retries: 3,
      estimator: 'rule-of-thumb',
      failOn: 'any',
      onUnknown: 'fail',
      budget: {
        cost: { warn: null, fail: 100 },
        hours: { warn: null, fail: 24 },
        memory: { warn: null, fail: 0.95 },
      },
    })
  })

  test('the policy token falls back to the token', () => {
    expect(readInputs(env({ 'github-token': 'one' })).inputs.policyToken).toBe('one')
    expect(readInputs(env({ 'github-token': 'one', 'policy-token': 'two' })).inputs.policyToken).toBe('two')
  })

  test('globs, one a line', () => {
    const { inputs } = readInputs(env({ paths: '\n configs/** \r\n\n# old ones\n!configs/old/**\n' }))
    expect(inputs.paths).toEqual(['configs/**', '!configs/old/**'])
  })

  test.each([
    ['90', 0.9],
    ['90%', 0.9],
    ['90 %', 0.9],
    ['100', 1],
  ])('max-memory %s', (text, share) => {
    expect(readInputs(env({ 'max-memory': text })).inputs.settings.budget?.memory).toEqual({ warn: null, fail: share })
  })

  test.each([
    ['gpus', '0'],
    ['gpus', '1.5'],
    ['gpus', 'eight'],
    ['retries', '-1'],
    ['price-per-gpu-hour', 'NaN'],
    ['price-per-gpu-hour', '1e999'],
    ['max-cost', '0x10'],
    ['max-cost', 'Infinity'],
    ['max-memory', '0.9'],
    ['max-memory', '%'],
    ['currency', 'dollars'],
    ['fail-on', 'never'],
    ['on-unknown', 'ignore'],
    ['estimator', 'exact'],
    ['comment', 'yes'],
    ['comment-key', 'a --> b'],
    ['suggest', '1'],
    ['offline', 'yes'],
    ['hf-endpoint', 'http://mirror.example'],
    ['hf-endpoint', 'https://user:secret@mirror.example'],
    ['hf-endpoint', 'file:///etc/passwd'],
  ])('%s: %s is misuse', (name, text) => {
    const { findings } = readInputs(env({ [name]: text }))
    expect(findings.map(({ code, severity }) => [code, severity])).toEqual([['invalid-value', 'error']])
    expect(findings[0]?.message).toContain(`\`${name}\``)
  })

  test('every input of action.yml is read, and none has a default that would win over the policy', () => {
    const { inputs } = parse(readFileSync('action.yml', 'utf8'))
    const asked = new Set<string>()
    readInputs(new Proxy({}, { get: (_target, name) => void asked.add(String(name)) }))
    expect(Object.keys(inputs).map(inputVariable).sort()).toEqual([...asked].sort())
    expect(Object.keys(inputs).filter(name => 'default' in inputs[name])).toEqual(['github-token'])
  })
})

import { describe, expect, test } from '@jest/globals'
import { GIB } from '../../src/plan/units.ts'
import { type JudgedFigures, judgeAll, judgeRun } from '../../src/policy/judge.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import type { PolicySettings } from '../../src/policy/read-policy.ts'

const place = { path: 'run.yml', line: 3, column: 1 }
const figures = (over: Partial<JudgedFigures> = {}): JudgedFigures => ({
  deviceBytes: 50 * GIB,
  highBytes: 55 * GIB,
  usableBytes: 80 * GIB,
  shortest: null,
  byGpus: null,
  cost: 100,
  hours: 10,
  gpuHours: 80,
  ...over,
})
const GiB = (device: number, high = device * 1.1): Partial<JudgedFigures> => ({
  deviceBytes: device * GIB,
  highBytes: high * GIB,
})

interface Case {
  readonly name: string
  readonly settings?: PolicySettings
  readonly head: Partial<JudgedFigures>
  readonly base?: Partial<JudgedFigures>
  readonly label?: boolean
  readonly verdict: string
  readonly codes: readonly string[]
}

const cost = { cost: { warn: 80, fail: 120 } }
const CASES: readonly Case[] = [
  { name: 'fits', head: {}, verdict: 'pass', codes: [] },
  { name: 'over memory', head: GiB(90), verdict: 'fail', codes: ['over-memory'] },
  { name: 'over memory though the low end fits', head: GiB(81), verdict: 'fail', codes: ['over-memory'] },
  { name: 'only the high end is over', head: GiB(79, 85), verdict: 'warn', codes: ['too-close-to-call'] },
  { name: 'above 90 %', head: GiB(73, 75), verdict: 'warn', codes: ['near-memory'] },
  {
    name: 'over memory by an assumed length alone',
    head: { ...GiB(90), shortest: { bytes: 79 * GIB, assumedTokens: 2048, tokens: 128 } },
    verdict: 'warn',
    codes: ['too-close-to-call'],
  },
  {
    name: 'over memory at any length',
    head: { ...GiB(90), shortest: { bytes: 81 * GIB, assumedTokens: 2048, tokens: 128 } },
    verdict: 'fail',
    codes: ['over-memory'],
  },
  { name: 'no GPU', head: { usableBytes: null }, verdict: 'unknown', codes: [] },
  {
    name: 'a tighter memory limit',
    settings: { budget: { memory: { warn: null, fail: 0.5 } } },
    head: {},
    verdict: 'fail',
    codes: ['over-memory'],
  },
  { name: 'cost below the warning', settings: { budget: cost }, head: { cost: 80 }, verdict: 'pass', codes: [] },
  {
    name: 'cost above the warning',
    settings: { budget: cost },
    head: { cost: 81 },
    verdict: 'warn',
    codes: ['over-cost'],
  },
  {
    name: 'cost above the limit',
    settings: { budget: cost },
    head: { cost: 121 },
    verdict: 'fail',
    codes: ['over-cost'],
  },
  { name: 'cost not known', settings: { budget: cost }, head: { cost: null }, verdict: 'unknown', codes: [] },
  {
    name: 'cost overridden',
    settings: { budget: cost, overrideLabel: 'ok' },
    head: { cost: 121 },
    label: true,
    verdict: 'warn',
    codes: ['over-cost', 'override-applied'],
  },
  {
    name: 'memory is never overridden',
    settings: { overrideLabel: 'ok' },
    head: GiB(90),
    label: true,
    verdict: 'fail',
    codes: ['over-memory'],
  },
  {
    name: 'cost already over at the base',
    settings: { budget: cost },
    head: { cost: 130 },
    base: { cost: 130 },
    verdict: 'warn',
    codes: ['over-cost'],
  },
  {
    name: 'cost worse by more than 1 %',
    settings: { budget: cost },
    head: { cost: 132 },
    base: { cost: 130 },
    verdict: 'fail',
    codes: ['over-cost'],
  },
  {
    name: 'fail_on any counts old failures',
    settings: { budget: cost, failOn: 'any' },
    head: { cost: 130 },
    base: { cost: 130 },
    verdict: 'fail',
    codes: ['over-cost'],
  },
  { name: 'memory already over at the base', head: GiB(90), base: GiB(90), verdict: 'warn', codes: ['over-memory'] },
  {
    name: 'a smaller GPU is a new failure',
    head: { ...GiB(50, 55), usableBytes: 40 * GIB },
    base: {},
    verdict: 'fail',
    codes: ['over-memory'],
  },
  {
    name: 'hours',
    settings: { budget: { hours: { warn: null, fail: 9 } } },
    head: {},
    verdict: 'fail',
    codes: ['over-hours'],
  },
  {
    name: 'GPU-hours',
    settings: { budget: { gpuHours: { warn: 79, fail: 90 } } },
    head: {},
    verdict: 'warn',
    codes: ['over-gpu-hours'],
  },
  {
    name: 'increase in percent',
    settings: { budget: { costIncrease: { warn: null, fail: { kind: 'share', share: 0.25 } } } },
    head: { cost: 126 },
    base: { cost: 100 },
    verdict: 'fail',
    codes: ['over-cost-increase'],
  },
  {
    name: 'increase at the limit',
    settings: { budget: { costIncrease: { warn: null, fail: { kind: 'share', share: 0.25 } } } },
    head: { cost: 125 },
    base: { cost: 100 },
    verdict: 'pass',
    codes: [],
  },
  {
    name: 'increase by amount',
    settings: { budget: { costIncrease: { warn: { kind: 'amount', amount: 10 }, fail: null } } },
    head: { cost: 111 },
    base: { cost: 100 },
    verdict: 'warn',
    codes: ['over-cost-increase'],
  },
  {
    name: 'no increase without a base',
    settings: { budget: { costIncrease: { warn: null, fail: { kind: 'amount', amount: 1 } } } },
    head: {},
    verdict: 'pass',
    codes: [],
  },
]

describe('judgeRun', () => {
  test.each(CASES)('$name', ({ settings, head, base, label, verdict, codes }) => {
    const policy = createPolicySet(null, settings).forPath('run.yml')
    const judgement = judgeRun({
      policy,
      head: figures(head),
      base: base ? figures(base) : null,
      currency: 'USD',
      overridden: label ?? false,
      place,
    })
    expect(judgement.verdict).toBe(verdict)
    expect(judgement.findings.map(({ code }) => code)).toEqual(codes)
  })
})

describe('judgeAll', () => {
  const run = (verdict: 'pass' | 'warn' | 'fail' | 'unknown', onUnknown: 'pass' | 'warn' | 'fail' = 'warn') => ({
    verdict,
    onUnknown,
  })
  test.each([
    [[], 'pass'],
    [[run('pass'), run('warn')], 'warn'],
    [[run('fail'), run('warn')], 'fail'],
    [[run('unknown'), run('pass')], 'warn'],
    [[run('unknown', 'pass'), run('pass')], 'pass'],
    [[run('unknown', 'fail'), run('pass')], 'fail'],
    [[run('unknown')], 'unknown'],
    [[run('unknown', 'fail')], 'fail'],
  ] as const)('%j is %s', (runs, verdict) => {
    expect(judgeAll(runs)).toBe(verdict)
  })
})

import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from '@jest/globals'
import { estimate, outputLeaks } from '../../bench/fuzz/fuzz.ts'
import { reportFaults } from '../../bench/fuzz/report-faults.ts'
import { memoryFileSource } from '../../src/files/memory-file-source.ts'
import { createPolicySet } from '../../src/policy/policy-set.ts'
import { readText } from '../formats/read-text.ts'
import { GOOD_NUMBERS, HOSTILE_INPUTS } from './hostile-inputs.ts'

/** `code:line` of each finding by input; what a policy judges of the run is left out. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = JSON.parse(
  readFileSync(new URL('./fixtures/expected-findings.json', import.meta.url), 'utf8'),
)
const JUDGEMENTS = new Set(['near-memory', 'over-memory', 'too-close-to-call'])
const GOOD = 'preflop: 1\nmodel: Qwen/Qwen2.5-7B\n'
const POLICY = createPolicySet(null, { gpu: 'a100-sxm-80gb', gpus: 8 })
let inputs = 0

describe.each(Object.entries(HOSTILE_INPUTS))('%s', (_group, rows) => {
  test.each(rows.map(row => [row.name, row] as const))('%s', async (name, { path, text, companions }) => {
    inputs += 1
    const files = memoryFileSource(new Map([[path, text], ['good.yml', GOOD], ...Object.entries(companions)]))
    const report = await estimate(files, [path, 'good.yml'], POLICY)
    const own = [...report.runs.filter(run => run.path === path).flatMap(run => run.findings), ...report.findings]
    const told = own.filter(({ code, severity }) => severity !== 'notice' && !JUDGEMENTS.has(code))
    expect([...new Set(told.map(({ code, line }) => `${code}:${line ?? '-'}`))]).toEqual(EXPECTED[name])
    expect(report.runs.find(run => run.path === 'good.yml')?.memory).not.toBeNull()
    expect([...reportFaults(report), ...outputLeaks(report)]).toEqual([])
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

test('every input has a finding', () => {
  expect(Object.values(EXPECTED).filter(codes => codes.length === 0)).toEqual([])
  expect(new Set(Object.values(HOSTILE_INPUTS).flatMap(rows => rows.map(({ name }) => name)))).toEqual(
    new Set(Object.keys(EXPECTED)),
  )
})

test.each(GOOD_NUMBERS)('%s is the number %d, as PyYAML and the trainers read it', async (source, value) => {
  const { plan } = await readText(`preflop: 1\nmodel: x\ngpus: ${source}\n`)
  expect(plan.gpus).toBe(value)
})

afterAll(() => {
  process.stderr.write(`hostile inputs: ${inputs}\n`)
})

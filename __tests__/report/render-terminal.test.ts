import { describe, expect, test } from '@jest/globals'
import { renderTerminal } from '../../src/report/render-terminal.ts'
import type { RunReport } from '../../src/report/report.ts'
import { STATES, sampleReport } from './sample-reports.ts'

const failing = STATES['failing'] ?? sampleReport([])
const run = (changes: Partial<RunReport>): string => {
  const [first] = failing.runs
  return renderTerminal(sampleReport(first ? [{ ...first, ...changes }] : []), { columns: 80, ascii: false })
}

describe.each(Object.entries(STATES))('%s in 80 columns', (_name, report) => {
  const text = renderTerminal({ ...report, runs: report.runs.slice(0, 3) }, { columns: 80, ascii: false })

  test('keeps its lines, and leaves no blank at their ends', () => {
    const long = text.split('\n').filter(line => line.length > 80)
    // rows of hardware and keys of fixes are single words or hold figures side by side
    expect(long.filter(line => !/^ {4,}\d+ × |^ {18}/.test(line))).toEqual([])
    expect(text).not.toMatch(/ $/m)
  })

  test('names every component in full', () => {
    for (const { memory } of report.runs.slice(0, 3))
      for (const { name } of memory?.components ?? []) expect(text).toContain(`    ${name} `)
  })
})

test('a finding about the whole file names it', () => {
  const finding = { code: 'no-price', severity: 'notice', path: null, line: null, column: null } as const
  const text = run({ path: 'configs/a.yml', findings: [{ ...finding, message: 'No price.', hint: 'Set one.' }] })
  expect(text).toContain('notice: configs/a.yml: No price. Set one.')
})

test('what was assumed is named once, with its value', () => {
  const shared = { from: 'assumed', path: null, line: null, note: 'why' } as const
  const text = run({
    assumptions: [
      { ...shared, key: 'deepspeed', planKey: 'parallelism.data', value: 'zero3' },
      { ...shared, key: 'deepspeed', planKey: 'parallelism.offload', value: 'none' },
      { ...shared, key: 'precision.weights', planKey: 'precision.weights', value: 'bfloat16' },
    ],
  })
  expect(text.replaceAll(/\s+/g, ' ')).toContain(
    'Assumed: deepspeed (2 values), precision.weights = bfloat16 (set them to be sure); 0 values are defaults',
  )
})

test('many runs are a line each, with the whole reason under those that do not pass', () => {
  const [first] = failing.runs
  const message = `Needs ${'very '.repeat(40)}much.`
  const finding = { code: 'over-memory', severity: 'error', path: null, line: 7, column: 1, hint: '', message } as const
  const runs = first
    ? Array.from({ length: 5 }, (_, index) => ({ ...first, name: `run-${index}`, findings: [finding] }))
    : []
  const text = renderTerminal(sampleReport(runs), { columns: 80, ascii: false })
  for (const { name } of runs) expect(text).toContain(`${first?.path} ${name}`)
  expect(text.replaceAll(/\s+/g, ' ')).toContain(`line 7: ${message}`)
})

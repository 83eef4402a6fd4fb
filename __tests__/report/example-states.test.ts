import { readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { renderComment } from '../../src/report/render-comment.ts'
import { renderSummary } from '../../src/report/render-summary.ts'
import type { Report } from '../../src/report/report.ts'
import { EXAMPLE_STATES, exampleReport } from './example-states.ts'

const OPTIONS = {
  version: '1.2.3',
  headSha: '9f3c2ab0d5e84c1f',
  baseSha: '1a2b3c4d5e6f7081',
  baseLabel: 'main',
  repositoryUrl: 'https://github.com/octo/train',
  reportUrl: 'https://github.com/octo/train/actions/runs/1',
}

const HEADINGS: Readonly<Record<string, RegExp>> = {
  failing: /^❌ Preflop: 1 of 4 changed configs will run out of GPU memory$/,
  cost: /^❌ Preflop: `configs\/sft\/qwen\.yaml` is over its cost limit: \$[\d.]+$/,
  script: /^❌ Preflop: 1 of 2 changed configs will run out of GPU memory$/,
  nothing: /^✅ Preflop: no training config changed$/,
  'all-good': /^✅ Preflop: 2 configs fit, \$[\d.]+ per run \(−\$[\d.]+\)$/,
  'pre-existing': /^⚠️ Preflop: nothing got worse; 1 config was already over its limit on `main`$/,
  fixed:
    /^✅ Preflop: fixed: `configs\/sft\/llama31-8b\.yaml` now needs [\d.]+ of 39\.4 GiB \(\d+ %\); it was [\d.]+ GiB$/,
  unreadable: /^❔ Preflop: 1 config could not be estimated$/,
  'too-close': /^⚠️ Preflop: `configs\/sft\/llama31-8b\.yaml` may not fit: [\d.]+ of 39\.4 GiB \([\d.]+ %\)$/,
  refused: /^❌ Preflop: `configs\/lora\/llama3\.yaml` will not start$/,
  'refused-before': /^⚠️ Preflop: nothing got worse; 1 config would not start on `main` either$/,
  'refused-anew': /^❌ Preflop: `configs\/sft\/llama31-8b\.yaml` will not start$/,
  'policy-change': /^❌ Preflop: `configs\/sft\/llama31-8b\.yaml` is over its cost limit: \$\d+$/,
  'not-compared': /^✅ Preflop: 3 configs fit, \$[\d.]+ per run$/,
  huge: /^❌ Preflop: 40 of 40 changed configs will run out of GPU memory$/,
}

/**
 * The comment with every figure, bar and row inside a fold made equal: estimators and readers move those, here only what
 * the renderer says is held. Rewrite the goldens with `UPDATE_GOLDENS=1 npm test -- __tests__/report` and read the difference.
 */
function layout(comment: string): string {
  return comment
    .replaceAll(/^\| (?!.*Component|.*Where from|.*this run).*\|\n(?=[\s\S]*?<\/details>)/gm, row =>
      /\[`|\*\*All|^\| (?:\*\*)?A(?:\*\*)? \|/.test(row) ? row : '',
    )
    .replaceAll(/(Where the memory goes<\/b>|Where the memory goes\*\*)(.*?): .*/g, '$1$2')
    .replaceAll(/[█▓▒░·┃ ]*[█▓▒░┃][█▓▒░·┃ ]*/g, '█')
    .replaceAll(/[+−]?\$?\d[\d,.]*(?:e\+?\d+)?/g, '0')
    .replaceAll(/\u00A0?\([+−]?0\u00A0%\)/g, '')
    .replaceAll(/ {2,}/g, ' ')
}

function golden(name: string, text: string): string {
  const path = new URL(`./goldens/${name}.md`, import.meta.url)
  if (process.env['UPDATE_GOLDENS'] === '1') writeFileSync(path, `${text}\n`)
  return readFileSync(path, 'utf8').replace(/\n$/, '')
}

describe.each(Object.entries(EXAMPLE_STATES))('%s', (name, state) => {
  let report: Report
  let comment: string
  let summary: string
  beforeAll(async () => {
    report = await exampleReport(state)
    comment = renderComment(report, OPTIONS)
    summary = renderSummary(report, OPTIONS)
  }, 60_000)

  test('has the text of the golden', () => {
    expect(layout(comment)).toBe(layout(golden(name, comment)))
  })

  test('says in its heading what matters', () => {
    const heading = comment.split('\n')[0]?.replace('### ', '').replaceAll('\u00A0', ' ')
    expect(heading).toMatch(HEADINGS[name] ?? /never/)
  })

  test('is within what GitHub accepts, with one alert at most and every fold closed', () => {
    expect(comment.length).toBeLessThanOrEqual(60_000)
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(200_000)
    expect(comment.match(/^> \[!/gm)?.length ?? 0).toBeLessThanOrEqual(1)
    expect(comment.match(/<details>/g)?.length).toBe(comment.match(/<\/details>/g)?.length)
    expect(comment).not.toMatch(/<\/summary>\n[^\n]|[^\n]\n<\/details>/)
  })

  test('keeps every failing run in its table', () => {
    const failing = report.runs.filter(({ verdict }) => verdict === 'fail').map(({ path }) => path)
    const shown = [...comment.matchAll(/^\| ❌ \| \[`([^`]+)`\]\(/gm)].map(([, path]) => path)
    expect(shown).toEqual(failing)
  })

  test('has components that sum to the peak and differences of what is shown', () => {
    const tables = summary.split('| Component |').slice(1)
    expect(tables).toHaveLength(report.runs.filter(({ memory }) => memory !== null).length)
    for (const table of tables) {
      const rows = rowsOf(table)
      const peak = rows.find(({ title }) => title === 'Peak')?.figures ?? []
      const parts = rows.filter(({ title }) => title !== 'Peak')
      const sums = peak.map((_, index) => hundredths(parts.reduce((sum, row) => sum + (row.figures[index] ?? 0), 0)))
      expect(sums).toEqual(peak)
      for (const { figures } of rows)
        if (figures.length === 3) expect(hundredths((figures[1] ?? 0) - (figures[0] ?? 0))).toBe(figures[2])
    }
  })

  test('has rows that sum to the last one, and differences of shown figures', () => {
    const rows = comment.split('\n').filter(line => /^\| (?:❌|⚠️|❔|✅)? ?\| \[`/.test(line))
    const money = (text: string): number => Number(text.replaceAll(/[^\d.−-]/g, '').replace('−', '-'))
    const cells = rows.map(row => row.split(' | ').map(cell => cell.replaceAll('**', '').replace(/\s*\|$/, '')))
    const total = comment.split('\n').find(line => line.includes('**All '))
    const isCompared = comment.includes('Δ\u00A0cost')
    const costs = cells.map(row => row[isCompared ? 6 : 5] ?? '—').filter(cell => cell !== '—')
    if (total)
      expect(money(total.match(/\*\*(\$[\d,.]+)\*\*/)?.[1] ?? '')).toBeCloseTo(
        costs.reduce((sum, cell) => sum + money(cell), 0),
        6,
      )
    for (const [index, run] of report.runs.slice(0, rows.length).entries()) {
      const delta = cells[index]?.[4] ?? ''
      if (!isCompared || !run.memory || run.base?.memoryBytes == null) continue
      const head = Number((run.memory.requiredBytes / 2 ** 30).toFixed(1))
      const base = Number((run.base.memoryBytes / 2 ** 30).toFixed(1))
      expect(money(delta)).toBeCloseTo(head - base, 6)
    }
  })

  test('is reproduced by the command in its summary', () => {
    const isCompared = state.base !== null
    if (report.runs.length > 0)
      expect(summary).toContain(isCompared ? 'preflop diff 1a2b3c4d5e6f7081 9f3c2ab0d5e84c1f ' : 'preflop estimate ')
    if (report.unaffectedPaths.length > 0) expect(summary).toContain('- `configs/cpt/small.yaml`')
  })
})

function rowsOf(table: string): readonly { readonly title: string; readonly figures: readonly number[] }[] {
  return (
    (table.split('</details>')[0] ?? '')
      .split('\n\n')[0]
      ?.split('\n')
      .slice(2)
      .map(row => {
        const cells = row.split(' | ').map(cell => cell.replaceAll('**', '').replace(/^\| /, '').trim())
        const figures = cells
          .slice(1, -1)
          .map(cell => Number(cell.replace('−', '-').replace('+', '').replaceAll(',', '')))
        return { title: cells[0] ?? '', figures }
      }) ?? []
  )
}

function hundredths(value: number): number {
  return Number(value.toFixed(2)) + 0
}

import { describe, expect, test } from '@jest/globals'
import { renderAnnotations } from '../../src/report/annotations.ts'
import { renderComment } from '../../src/report/render-comment.ts'
import { renderSummary } from '../../src/report/render-summary.ts'
import { renderTerminal } from '../../src/report/render-terminal.ts'
import type { Report } from '../../src/report/report.ts'
import { STATES, sampleReport } from './sample-reports.ts'

const OPTIONS = {
  version: '1.2.3',
  headSha: '9f3c2ab0d5e84c1f',
  baseSha: '1a2b3c4d5e6f7081',
  baseLabel: 'main',
  repositoryUrl: 'https://github.com/octo/train',
  reportUrl: 'https://github.com/octo/train/actions/runs/1',
}

describe.each(Object.entries(STATES))('%s', (_name, report) => {
  const comment = renderComment(report, OPTIONS)

  test('is within what GitHub accepts', () => {
    expect(comment.length).toBeLessThanOrEqual(60_000)
    expect(Buffer.byteLength(comment)).toBeLessThanOrEqual(200_000)
  })

  test('has one alert at most, a heading that names the product, and no other HTML than agreed', () => {
    expect(comment.match(/^> \[!/gm)?.length ?? 0).toBeLessThanOrEqual(1)
    expect(comment).toMatch(/^### (✅|⚠️|❌|❔) Preflop: /)
    const tags = [...comment.matchAll(/<\/?([a-z]+)/g)].map(([, tag]) => tag)
    expect(tags.filter(tag => !['details', 'summary', 'sub', 'b'].includes(tag ?? ''))).toEqual([])
  })

  test('opens and closes every fold, with blank lines inside', () => {
    expect(comment.match(/<details>/g)?.length).toBe(comment.match(/<\/details>/g)?.length)
    expect(comment).not.toMatch(/<\/summary>\n[^\n]/)
    expect(comment).not.toMatch(/[^\n]\n<\/details>/)
  })
})

test('names every failing run while there is room', () => {
  const comment = renderComment(STATES['huge'] ?? sampleReport([]), OPTIONS)
  expect(comment.match(/^\| ❌ \| \[`configs\/sweep\/run-\d+/gm)).toHaveLength(120)
})

test('the summary holds what the comment dropped, the split and the command', () => {
  const summary = renderSummary(STATES['huge'] ?? sampleReport([]), OPTIONS)
  expect(summary.match(/<b>Assumptions<\/b>/g)).toHaveLength(120)
  expect(renderComment(STATES['huge'] ?? sampleReport([]), OPTIONS)).not.toContain('<b>Assumptions</b>')
  expect(summary).toContain('preflop diff 1a2b3c4d5e6f7081 9f3c2ab0d5e84c1f configs/sweep/run-100.yaml ')
})

test('the pie of the summary has few slices, the largest first, that sum to the peak', () => {
  for (const report of Object.values(STATES)) {
    const memory = report.runs.find(run => run.memory !== null)?.memory
    if (!memory) continue
    const pie = /```mermaid\npie showData title [^\n]+\n([\s\S]*?)```/.exec(renderSummary(report, OPTIONS))?.[1] ?? ''
    const slices = [...pie.matchAll(/^ {4}"([^"]+)" : ([\d.]+)$/gm)].map(([, name, gib]) => ({
      name,
      gib: Number(gib),
    }))
    const named = slices.filter(({ name }) => name !== 'all others').map(({ gib }) => gib)
    expect(named.length).toBeGreaterThan(0)
    expect(slices.length).toBeLessThanOrEqual(12)
    expect(named).toEqual(named.toSorted((a, b) => b - a))
    const sum = slices.reduce((total, { gib }) => total + gib, 0)
    expect(Math.abs(sum - memory.deviceBytes / 2 ** 30)).toBeLessThan(0.1)
  }
})

describe('figures add up as shown', () => {
  const comment = renderComment(STATES['failing'] ?? sampleReport([]), OPTIONS)

  test('components sum to the peak in every column', () => {
    const table = comment.split('| Component |')[1]?.split('</details>')[0] ?? ''
    const rows = table.split('\n').flatMap(row => {
      const cells = row.split('|').map(cell => cell.trim().replaceAll('**', '').replace('−', '-').replace('+', ''))
      return /^-?\d/.test(cells[2] ?? '') ? [{ name: cells[1], figures: cells.slice(2, 5).map(Number) }] : []
    })
    const peak = rows.find(({ name }) => name === 'Peak')?.figures
    const parts = rows.filter(({ name }) => name !== 'Peak')
    expect(parts.length).toBeGreaterThan(5)
    const sums = [0, 1, 2].map(index =>
      Number(parts.reduce((sum, row) => sum + (row.figures[index] ?? 0), 0).toFixed(2)),
    )
    expect(sums).toEqual(peak)
    expect(Number(((peak?.[1] ?? 0) - (peak?.[0] ?? 0)).toFixed(2))).toBe(peak?.[2])
  })

  test('differences are those of the figures shown, and the last row sums the column', () => {
    expect(comment).toContain('| +19.5 |')
    expect(comment).toContain('| $221 | +$13 (+6\u00A0%) |')
    expect(comment).toContain('| **$444** |')
  })
})

describe('hostile text', () => {
  const evil =
    'a`b``c|d @octocat #12 GH-3 <img src=x onerror=1> [x](https://evil.example) ![i](http://evil.example/p.png) </details>\r\n\n# h'
  const [run] = sampleReport([...(STATES['failing']?.runs ?? [])]).runs
  const hostile: Report = sampleReport(
    run
      ? [
          {
            ...run,
            path: evil,
            name: evil,
            gpuName: evil,
            findings: run.findings.map(own => ({ ...own, path: evil, message: evil, hint: evil })),
            causes: run.causes.map(own => ({ ...own, key: evil, from: evil })),
            fixes: run.fixes.map(fix => ({
              ...fix,
              title: evil,
              changes: fix.changes.map(own => ({ ...own, path: evil, key: evil, to: `${evil}\n\`\`\`\n# out` })),
            })),
            assumptions: run.assumptions.map(own => ({ ...own, key: evil, value: evil, note: evil, path: evil })),
          },
        ]
      : [],
  )

  test.each([
    ['comment', renderComment(hostile, OPTIONS)],
    ['summary', renderSummary(hostile, OPTIONS)],
  ])('in the %s becomes no mention, reference, link, image or tag', (_, text) => {
    const outside = withoutCode(text).replaceAll(/\]\(https:\/\/github\.com\/octo\/train\/[^)\s]*\)/g, ']')
    expect(outside).not.toMatch(/@octocat/)
    expect(outside).not.toMatch(/#12\b/)
    expect(outside).not.toMatch(/GH-3/)
    expect(outside).not.toMatch(/<img/)
    expect(outside).not.toMatch(/(?<!\\)\]\(http[^)]*evil/)
    expect(outside).not.toMatch(/https?:\/\/evil/)
    expect(outside).not.toMatch(/^# /m)
    expect(text.match(/^<\/details>$/gm)?.length ?? 0).toBe(text.match(/^<details>$/gm)?.length ?? 0)
  })

  test('keeps every table row at its number of cells', () => {
    const lines = renderComment(hostile, OPTIONS).split('\n')
    for (const [index, line] of lines.entries()) {
      const rule = lines.slice(0, index).findLast(own => /^\|[:|-]+\|$/.test(own))
      if (!line.startsWith('| ') || !rule || lines[index - 1]?.startsWith('|') !== true) continue
      expect(line.split(/(?<!\\)\|/)).toHaveLength(rule.split('|').length)
    }
  })

  test('in a terminal or an annotation is one line without control characters', () => {
    const terminal = renderTerminal(hostile, { columns: 100, ascii: false })
    expect(terminal).not.toContain('\r')
    expect(renderTerminal(hostile, { columns: 100, ascii: true })).not.toMatch(/[█▓▒░┃]/)
  })
})

/** Markdown without fenced blocks and code spans of any fence length; an escaped backtick opens none. */
function withoutCode(text: string): string {
  return text
    .replaceAll(/^```[a-z]*\n[\s\S]*?\n```$/gm, '')
    .replaceAll(/(\\.)|(`+)(?!`)(.*?)(?<!`)\2(?!`)/g, (_, escaped: string | undefined) => escaped ?? '')
}

test('annotations come worst first, ten of a level at most', () => {
  const annotations = renderAnnotations(STATES['huge'] ?? sampleReport([]))
  expect(annotations).toHaveLength(10)
  const mixed = renderAnnotations(STATES['failing'] ?? sampleReport([]))
  expect(mixed.map(({ level, line }) => [level, line])).toEqual([
    ['error', 6],
    ['error', 14],
    ['warning', 4],
  ])
})

test('a terminal breaks long notes between words', () => {
  const note = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen'
  const { runs, ...rest } = STATES['failing'] ?? sampleReport([])
  const shown = runs.slice(0, 1).map(run => ({
    ...run,
    memory: run.memory && {
      ...run.memory,
      components: run.memory.components.slice(0, 1).map(part => ({ ...part, note })),
    },
  }))
  const terminal = renderTerminal({ ...rest, runs: shown }, { columns: 80, ascii: true })
  expect(terminal.replaceAll(/\s+/g, ' ')).toContain(note)
})

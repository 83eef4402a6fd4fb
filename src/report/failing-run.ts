import { requiredComponents } from '../memory/required-components.ts'
import { changeLines } from './change-lines.ts'
import { code, fenced, prose } from './escape-markdown.ts'
import { duration, gib, money, percent, unbroken } from './figures.ts'
import { fixText } from './fix-text.ts'
import { markdownTable } from './markdown-table.ts'
import { memoryBars } from './memory-bar.ts'
import { describePlan } from './plan-text.ts'
import type { FixReport, RunReport } from './report.ts'

/** What a failing run needs to pass: where its memory goes, the changes that help, and the first of them as a diff. */
export function failingRun(
  run: RunReport,
  { baseLabel, cause }: { readonly baseLabel: string; readonly cause: string },
): string {
  const parts = [`#### ${code(run.path)}`, prose(describePlan(run)), cause]
  if (run.memory) parts.push(barsBlock(run, baseLabel))
  const offered = run.fixes.find(({ tooTight }) => !tooTight) ?? run.fixes[0]
  if (offered) {
    parts.push(`**To ${run.verdict === 'fail' ? 'pass' : 'be sure'}, do one of these**`, fixTable(run))
    if (offered.changes.length > 0) parts.push(fixDiff(offered, run.fixes.indexOf(offered)))
  }
  return parts.filter(part => part !== '').join('\n\n')
}

function barsBlock({ memory, base, fixes }: RunReport, baseLabel: string): string {
  if (!memory) return ''
  const isCompared = base !== null && base.components.length > 0
  const rows = [
    ...(isCompared ? [{ label: fenced(baseLabel).slice(0, 16), components: requiredComponents(base.components) }] : []),
    { label: isCompared ? 'this PR' : 'as written', components: requiredComponents(memory.components) },
  ]
  const fix = fixes.find(({ tooTight }) => !tooTight)
  const withFix = fix ? [{ label: `with fix ${fixLetter(fixes.indexOf(fix))}`, components: fix.components }] : []
  return block('text', memoryBars({ rows: [...rows, ...withFix], usableBytes: memory.usableBytes }))
}

function fixTable({ fixes, memory, cost: ownCost }: RunReport): string {
  const usable = memory?.usableBytes ?? null
  const rows = fixes.map((fix, index) => {
    const { tooTight, memoryBytes, runSeconds, cost } = fix
    const amount = `${gib(memoryBytes)} GiB${usable ? ` (${percent(memoryBytes / usable)})` : ''}`
    return [
      tooTight ? fixLetter(index) : `**${fixLetter(index)}**`,
      `${fixText(fix)}${tooTight ? ' (*too tight, not enough margin*)' : ''}`,
      unbroken(amount),
      runSeconds === null ? '—' : unbroken(duration(runSeconds)),
      cost === null ? '—' : unbroken(money(cost, ownCost?.currency ?? null)),
    ]
  })
  return markdownTable({ columns: ['^', 'Change', '>Peak memory / GPU', '>Time', '>Cost'], rows })
}

function fixDiff({ changes }: FixReport, index: number): string {
  const files = [...new Set(changes.map(({ path }) => path))]
  return block(
    'diff',
    files.flatMap(path => [
      `  # ${fixLetter(index)}: ${fenced(path)}`,
      ...changes.filter(change => change.path === path).flatMap(changeLines),
    ]),
  )
}

/** A, B, C … */
function fixLetter(index: number): string {
  return String.fromCharCode(65 + index)
}

function block(language: string, lines: readonly string[]): string {
  return [`\`\`\`${language}`, ...lines.map(fenced), '```'].join('\n')
}

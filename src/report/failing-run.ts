import { requiredComponents } from '../memory/required-components.ts'
import { gib, percent } from '../plan/figure-text.ts'
import { money } from '../plan/money-text.ts'
import { changeLines } from './change-lines.ts'
import { code, fenced, prose } from './escape-markdown.ts'
import { duration, unbroken } from './figures.ts'
import { fixReservation, fixText, passes } from './fix-text.ts'
import { markdownTable } from './markdown-table.ts'
import { memoryBars } from './memory-bar.ts'
import { describePlan } from './plan-text.ts'
import type { FixReport, RunReport } from './report.ts'
import { isAboutMemory } from './run-reason.ts'

/** What a failing run needs to pass: where its memory goes, the changes that help, and the first of them as a diff. */
export function failingRun(
  run: RunReport,
  { baseLabel, cause }: { readonly baseLabel: string; readonly cause: string },
): string {
  const parts = [`#### ${code(run.path)}${run.name ? ` ${code(run.name)}` : ''}`, prose(describePlan(run)), cause]
  // bars of memory that fits would hide what does not pass
  if (run.memory && isAboutMemory(run)) parts.push(barsBlock(run, baseLabel))
  const offered = run.fixes.find(passes) ?? run.fixes[0]
  if (offered) {
    parts.push(`**${fixHeading(run, offered)}**`, fixTable(run))
    if (offered.changes.length > 0) parts.push(fixDiff(offered, run.fixes.indexOf(offered)))
  }
  return parts.filter(part => part !== '').join('\n\n')
}

function fixHeading({ verdict }: RunReport, offered: FixReport): string {
  if (!passes(offered)) return 'What comes closest'
  return `To ${verdict === 'fail' ? 'pass' : 'be sure'}, do one of these`
}

function barsBlock({ memory, base, fixes }: RunReport, baseLabel: string): string {
  if (!memory) return ''
  const isCompared = base !== null && base.components.length > 0
  const rows = [
    ...(isCompared ? [{ label: fenced(baseLabel).slice(0, 16), components: requiredComponents(base.components) }] : []),
    { label: isCompared ? 'this PR' : 'as written', components: requiredComponents(memory.components) },
  ]
  const fix = fixes.find(passes)
  const withFix = fix ? [{ label: `with fix ${fixLetter(fixes.indexOf(fix))}`, components: fix.components }] : []
  return block('text', memoryBars({ rows: [...rows, ...withFix], usableBytes: memory.usableBytes }))
}

function fixTable({ fixes, memory, cost: ownCost }: RunReport): string {
  const usable = memory?.usableBytes ?? null
  const rows = fixes.map((fix, index) => {
    const { memoryBytes, runSeconds, cost } = fix
    const amount = `${gib(memoryBytes)} GiB${usable ? ` (${percent(memoryBytes / usable)})` : ''}`
    return [
      passes(fix) ? `**${fixLetter(index)}**` : fixLetter(index),
      `${capitalised(fixText(fix))}${fixReservation(fix)}`,
      unbroken(amount),
      runSeconds === null ? '—' : unbroken(duration(runSeconds)),
      cost === null ? '—' : unbroken(money(cost, ownCost?.currency ?? null)),
    ]
  })
  return markdownTable({ columns: ['^', 'Change', unbroken('>Peak / GPU'), '>Time', '>Cost'], rows })
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

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

/** A, B, C … */
function fixLetter(index: number): string {
  return String.fromCharCode(65 + index)
}

function block(language: string, lines: readonly string[]): string {
  return [`\`\`\`${language}`, ...lines.map(fenced), '```'].join('\n')
}

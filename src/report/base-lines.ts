import { gib } from '../plan/figure-text.ts'
import { deltaShare, money, moneyDelta } from '../plan/money-text.ts'
import { causeSentence } from './cause-sentence.ts'
import { plain } from './escape-markdown.ts'
import { duration, gibDelta } from './figures.ts'
import type { RunReport } from './report.ts'
import { wrapped } from './wrapped-text.ts'

/** `Against the base   26.4 → 46.8 GiB (+20.4), 2.8 h → 11.4 h, $41 → $164 (+$123)` and why; empty: nothing to compare. */
export function baseLines(run: RunReport, columns: number): readonly string[] {
  const { base, memory, time, cost, previousPath } = run
  if (!base || !memory) return []
  const parts = [
    base.memoryBytes === null
      ? ''
      : `${gib(base.memoryBytes)} → ${gib(memory.requiredBytes)} GiB (${gibDelta(memory.requiredBytes, base.memoryBytes)})`,
    base.runSeconds === null || time?.runSeconds == null
      ? ''
      : `${duration(base.runSeconds)} → ${duration(time.runSeconds)}`,
    base.cost === null || cost === null
      ? ''
      : `${money(base.cost, cost.currency)} → ${money(cost.total, cost.currency)} (${[moneyDelta(cost.total, base.cost, cost.currency), deltaShare(cost.total, base.cost)].filter(Boolean).join(', ')})`,
  ].filter(part => part !== '')
  const before = previousPath === null ? '' : ` (${plain(previousPath)})`
  const cause = causeSentence(run).replaceAll(/[`*]/g, '').replaceAll('\u00A0', ' ')
  return [
    '',
    ...wrapped(`  Against the base${before}   `, parts.join(', '), columns),
    ...(cause === '' ? [] : wrapped('    ', plain(cause), columns)),
  ]
}

import { shownValue } from './cause-sentence.ts'
import { changeWord } from './change-lines.ts'
import { code, prose } from './escape-markdown.ts'
import type { ChangeReport, FixReport } from './report.ts'

const MAX_CHANGES = 3

/** `a smaller micro-batch …: micro_batch_size 8 → 2, gradient_accumulation_steps 1 → 4`. */
export function fixText({ title, changes }: FixReport): string {
  if (changes.length === 0) return prose(title)
  const shown = changes.slice(0, MAX_CHANGES).map(changeText)
  const more = changes.length > MAX_CHANGES ? ` and ${changes.length - MAX_CHANGES} more` : ''
  return `${prose(title)}: ${shown.join(', ')}${more}`
}

function changeText(change: ChangeReport): string {
  const { key, from, to } = change
  if (from === null || from === undefined) return code(changeWord(change, to))
  return `${code(key)} ${shownValue(from)} → ${shownValue(to)}`
}

import { shownChange } from './cause-sentence.ts'
import { changeWord } from './change-lines.ts'
import { code, prose } from './escape-markdown.ts'
import type { ChangeReport, FixReport, LimitKind } from './report.ts'

const MAX_CHANGES = 3

/** `a smaller micro-batch …: micro_batch_size 8 → 2, gradient_accumulation_steps 1 → 4`. */
export function fixText({ title, changes }: FixReport): string {
  if (changes.length === 0) return prose(title)
  const shown = changes.slice(0, MAX_CHANGES).map(changeText)
  const more = changes.length > MAX_CHANGES ? ` and ${changes.length - MAX_CHANGES} more` : ''
  return `${prose(title)}: ${shown.join(', ')}${more}`
}

/** Every limit of the policy holds with it, with margin. */
export function passes({ tooTight, remaining = [] }: FixReport): boolean {
  return !tooTight && remaining.length === 0
}

export const LIMITS_IN_WORDS = {
  memory: 'memory',
  cost: 'cost',
  cost_increase: 'cost increase',
  hours: 'time',
  gpu_hours: 'GPU-hours',
} as const satisfies Record<LimitKind, string>

/** Why it is not enough; empty: it is. */
export function fixReservation({ tooTight, remaining = [] }: FixReport): string {
  const still = remaining.map(kind => LIMITS_IN_WORDS[kind]).join(' and ')
  if (still !== '') return ` (*still over the ${still} limit*)`
  return tooTight ? ' (*too tight, not enough margin*)' : ''
}

function changeText(change: ChangeReport): string {
  const { key, from, to } = change
  if (from === null || from === undefined) return code(changeWord(change, to))
  return `${code(key)} ${shownChange(from, to)}`
}

import { createHash } from 'node:crypto'
import type { FileSource } from '../files/file-source.ts'
import { passes } from '../report/fix-text.ts'
import type { FixReport, Report } from '../report/report.ts'
import type { ComparedFile } from './comparison.ts'
import { diffLines } from './diff-lines.ts'
import { type SuggestedLines, suggestedLines } from './suggested-lines.ts'

/** Lines of the head and what they should become. */
export interface Suggestion extends Omit<SuggestedLines, 'before'> {
  readonly path: string
  readonly title: string
  /** Equal for the same change of the same text: it is never offered twice. */
  readonly id: string
}

/** More would bury the review. */
const MAX_SUGGESTIONS = 10

/**
 * The first fix of each failing run that can be applied by clicking: each of its changes is on lines that are in the
 * diff. Half a fix is none.
 */
export async function planSuggestions(
  report: Report,
  { head, files }: { readonly head: FileSource; readonly files: readonly ComparedFile[] },
): Promise<readonly Suggestion[]> {
  const patches = new Map(files.map(({ path, patch }) => [path, diffLines(patch ?? '')]))
  const suggestions = new Map<string, Suggestion>()
  for (const run of report.runs) {
    if (run.verdict !== 'fail') continue
    for (const fix of run.fixes) {
      const planned = passes(fix) ? await suggestFix(fix, head, patches) : null
      if (planned === null) continue
      for (const suggestion of planned) suggestions.set(`${suggestion.path}:${suggestion.line}`, suggestion)
      break
    }
  }
  return [...suggestions.values()].slice(0, MAX_SUGGESTIONS)
}

async function suggestFix(
  { changes, title }: FixReport,
  head: FileSource,
  patches: ReadonlyMap<string, ReadonlyMap<number, 'added' | 'context'>>,
): Promise<readonly Suggestion[] | null> {
  const suggestions: Suggestion[] = []
  for (const path of new Set(changes.map(change => change.path))) {
    const shown = patches.get(path)
    const file = shown && shown.size > 0 ? await head.read(path) : null
    if (!shown || file?.status !== 'found') return null
    const lines = suggestedLines(
      { path, shown, lines: file.text.split(/\r\n|\n/) },
      changes.filter(change => change.path === path),
    )
    if (lines === null) return null
    suggestions.push(...lines.map(({ before, ...own }) => ({ ...own, path, title, id: idOf(path, before, own.text) })))
  }
  const parts = suggestions.length
  if (parts < 2) return parts === 0 ? null : suggestions
  return suggestions.map((own, index) => ({ ...own, title: `${title} (part ${index + 1} of ${parts}, apply all)` }))
}

function idOf(path: string, before: string, text: string): string {
  return createHash('sha256')
    .update(JSON.stringify([path, before, text]))
    .digest('hex')
    .slice(0, 16)
}

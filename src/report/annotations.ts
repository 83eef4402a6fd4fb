import { gib } from '../plan/figure-text.ts'
import type { Finding } from '../plan/finding.ts'
import { FINDING_TEXTS } from '../plan/finding-texts.ts'
import { passes } from './fix-text.ts'
import type { Report, RunReport } from './report.ts'

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice'
  readonly path: string | null
  readonly line: number | null
  readonly column: number | null
  readonly title: string
  readonly message: string
}

/** GitHub shows ten of a level per step and cuts messages at 64 KiB; ours stay far shorter. */
const MAX_PER_LEVEL = 10
const MAX_MESSAGE = 4000
const LEVELS = ['error', 'warning', 'notice'] as const

/** Findings on their own lines, worst first; notices without a line stay in the summary. */
export function renderAnnotations(report: Report): readonly Annotation[] {
  const findings: readonly Finding[] = [...report.runs.flatMap(withFix), ...report.findings]
  return LEVELS.flatMap(level =>
    findings
      .filter(({ severity, line }) => severity === level && (level !== 'notice' || line !== null))
      .slice(0, MAX_PER_LEVEL)
      .map(({ code, path, line, column, message, hint }) => ({
        level,
        path,
        line,
        column,
        title: FINDING_TEXTS[code].title,
        message: `${message} ${hint}`.slice(0, MAX_MESSAGE),
      })),
  )
}

/** A run that does not fit says at once what would make it fit. */
function withFix({ path, findings: found, fixes }: RunReport): readonly Finding[] {
  const findings = found.map(own => ({ ...own, path: own.path ?? path }))
  const fix = fixes.find(passes)
  if (!fix) return findings
  const hint = `Smallest change that passes: ${fix.title} (${gib(fix.memoryBytes)} GiB).`
  return findings.map(own => (own.code === 'over-memory' ? { ...own, hint } : own))
}

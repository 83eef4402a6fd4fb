import type { FindingCode } from './finding-texts.ts'

export type Severity = 'error' | 'warning' | 'notice'

/** Something the user should know. Errors of the user are values like this one and are collected; bugs throw. */
export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  readonly path: string | null
  readonly line: number | null
  readonly column: number | null
  /** What was found and what was expected. */
  readonly message: string
  /** What to do next. */
  readonly hint: string
}

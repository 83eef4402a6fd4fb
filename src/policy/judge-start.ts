import type { Finding, Severity } from '../plan/finding.ts'
import type { Policy } from './policy.ts'
import type { Verdict } from './verdict.ts'

/** How a run stands that its framework may refuse to start. */
export interface StartJudgement {
  /** `pass`: nothing is refused, or the policy lets it. */
  readonly verdict: Exclude<Verdict, 'unknown'>
  /** All of it was refused at the base already, and the policy asks for what is new. */
  readonly preExisting: boolean
  /** The same findings, refusals first and as grave as the policy takes them. */
  readonly findings: readonly Finding[]
}

const SEVERITIES = { pass: 'notice', warn: 'warning', fail: 'error' } as const satisfies Record<string, Severity>

/** Refusals at the head against those at the base; null: nothing to compare with. */
export function judgeStart(
  findings: readonly Finding[],
  base: readonly Finding[] | null,
  { onRefusal, failOn }: Pick<Policy, 'onRefusal' | 'failOn'>,
): StartJudgement {
  const refusals = findings.filter(isRefusal)
  if (refusals.length === 0) return { verdict: 'pass', preExisting: false, findings }
  const known = new Set(base?.filter(isRefusal).map(({ message }) => message))
  const preExisting = onRefusal === 'fail' && failOn === 'new' && refusals.every(({ message }) => known.has(message))
  const verdict = preExisting ? 'warn' : onRefusal
  const severity = SEVERITIES[verdict]
  return {
    verdict,
    preExisting,
    findings: [
      ...refusals.map(refusal => ({ ...refusal, severity })),
      ...findings.filter(finding => !isRefusal(finding)),
    ],
  }
}

export function isRefusal({ code }: Finding): boolean {
  return code === 'will-not-start'
}

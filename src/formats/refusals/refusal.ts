import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { isSecretKey } from '../../plan/without-secrets.ts'
import type { ConfigNode } from '../config-document.ts'
import { Settings } from './settings.ts'

/** A check that a framework makes at start, and stops at. */
export interface Refusal {
  /** What the check looks at, dotted; the finding stands at the first key that is written. */
  readonly keys: readonly string[]
  readonly isRefused: (settings: Settings) => boolean
  /** What is expected, as a clause. */
  readonly rule: string
  /** What to do. */
  readonly hint: string
  /** Framework file and version where the check is written down. */
  readonly source: string
}

/** One `will-not-start` for each check that these settings do not pass. */
export function reportRefusals(root: ConfigNode, refusals: readonly Refusal[], findings: Finding[]): void {
  const settings = new Settings(root)
  for (const { keys, isRefused, rule, hint, source } of refusals) {
    if (!isRefused(settings)) continue
    const place = keys.map(key => settings.node(key)).find(node => node !== undefined) ?? root
    const { path, keyLine: line, keyColumn: column } = place
    const found = keys.map(key => foundText(key, settings)).join(', ')
    findings.push(finding('will-not-start', { path, line, column, message: `${found}: ${rule} (${source}).`, hint }))
  }
}

const MAX_VALUE = 60

function foundText(key: string, settings: Settings): string {
  const node = settings.node(key)
  if (node === undefined) return `\`${key}\` is not set`
  if (node.kind !== 'scalar' || isSecretKey(key)) return `\`${key}\` is set`
  const text = String(node.scalar)
  return `\`${key}\` is ${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text}`
}

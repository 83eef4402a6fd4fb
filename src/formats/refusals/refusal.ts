import type { Libraries } from '../../launch/version-defaults.ts'
import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import { compareVersions } from '../../plan/library-version.ts'
import { rowOf } from '../../plan/row-of.ts'
import { isSecretKey } from '../../plan/without-secrets.ts'
import type { ConfigNode } from '../config-document.ts'
import { Settings } from './settings.ts'

/** A check that a framework makes at start, and stops at. */
export interface Refusal {
  /** What the check looks at, dotted; the finding stands at the first key that is written. */
  readonly keys: readonly string[]
  readonly isRefused: (settings: Settings) => boolean
  /** The first release that makes the check, where older ones of the last two years do not; absent: all of them make it. */
  readonly since?: readonly [library: string, version: string]
  /** What is expected, as a clause. */
  readonly rule: string
  /** What to do. */
  readonly hint: string
  /** Framework file and version where the check is written down. */
  readonly source: string
}

/** One `will-not-start` for each check that these settings do not pass, in the versions that the repository pins. */
export function reportRefusals(
  root: ConfigNode,
  refusals: readonly Refusal[],
  findings: Finding[],
  libraries: Libraries = {},
): void {
  const settings = new Settings(root)
  for (const { keys, isRefused, since, rule, hint, source } of refusals) {
    if (!isMade(since, libraries) || !isRefused(settings)) continue
    const place = keys.map(key => settings.node(key)).find(node => node !== undefined) ?? root
    const { path, keyLine: line, keyColumn: column } = place
    const found = keys.map(key => foundText(key, settings)).join(', ')
    findings.push(finding('will-not-start', { path, line, column, message: `${found}: ${rule} (${source}).`, hint }))
  }
}

/** Without a pin the run may have any version. */
function isMade(since: Refusal['since'], libraries: Libraries): boolean {
  if (since === undefined) return true
  const pinned = rowOf(libraries, since[0])
  return pinned !== undefined && compareVersions(pinned, since[1]) >= 0
}

const MAX_VALUE = 60

function foundText(key: string, settings: Settings): string {
  const node = settings.node(key)
  if (node === undefined) return `\`${key}\` is not set`
  if (node.kind !== 'scalar' || isSecretKey(key)) return `\`${key}\` is set`
  const text = String(node.scalar)
  return `\`${key}\` is ${text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text}`
}

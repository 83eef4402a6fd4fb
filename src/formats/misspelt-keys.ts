import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { nearestKey } from '../plan/nearest-key.ts'
import type { ConfigNode } from './config-document.ts'
import { type IgnoredKeys, ignoredNames } from './ignored-keys.ts'
import type { FormatKey } from './reader.ts'

interface KnownKeys {
  readonly framework: string
  readonly keys: readonly FormatKey[]
  readonly ignored: readonly IgnoredKeys[]
}

/** Shorter names are near too many others. */
const LEAST_LENGTH = 6
/** Letters that a slip of the keyboard changes. */
const MAX_EDITS = 2
/** More keys than any config has are not looked through. */
const MAX_KEYS = 1000

/**
 * Keys at the top that the framework does not have and that are nearly one that it has. Others are let be: a plugin, a newer
 * version or a script may know them.
 */
export function reportMisspelt(root: ConfigNode, { framework, keys, ignored }: KnownKeys, findings: Finding[]): void {
  const known = knownNames.get(keys) ?? namesAtTop(keys, ignored)
  knownNames.set(keys, known)
  for (const [key, { path, keyLine: line, keyColumn: column }] of [...root.entries].slice(0, MAX_KEYS)) {
    if (known.has(key) || key.length < LEAST_LENGTH) continue
    const near = nearestKey(
      key,
      [...known].filter(name => name.length >= LEAST_LENGTH && isSlip(key, name)),
    )
    if (near === null || root.entries.has(near)) continue
    const message = `\`${key}\` is no key of ${framework}; without \`${near}\` its default applies.`
    const hint = `Did you mean \`${near}\`?`
    findings.push(finding('unknown-key', { path, line, column, message, hint, severity: 'warning' }))
  }
}

/** By the framework's table of keys: thousands of files share it. */
const knownNames = new WeakMap<readonly FormatKey[], ReadonlySet<string>>()

function namesAtTop(keys: readonly FormatKey[], ignored: readonly IgnoredKeys[]): ReadonlySet<string> {
  return new Set([...keys.flatMap(({ key }) => key.split(', ')), ...ignoredNames(ignored)].map(topOf))
}

function topOf(name: string): string {
  return name.split('.')[0] ?? name
}

/** As long but for a letter or two, and the same letters but for as many. */
function isSlip(written: string, known: string): boolean {
  if (Math.abs(written.length - known.length) > MAX_EDITS) return false
  const left = [...known]
  let strange = 0
  for (const letter of written) {
    const at = left.indexOf(letter)
    if (at < 0) strange += 1
    else left.splice(at, 1)
  }
  return strange + left.length <= MAX_EDITS
}

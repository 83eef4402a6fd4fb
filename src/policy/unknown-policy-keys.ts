import type { Fields } from '../formats/fields.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import { nearestKey } from '../plan/nearest-key.ts'

/** A `policy-error` with the right name for each key that is not one of `known`. */
export function unknownPolicyKeys(fields: Fields, known: readonly string[]): readonly Finding[] {
  return [...fields.node.entries]
    .filter(([key]) => !known.includes(key))
    .map(([key, at]) => {
      const near = nearestKey(key, known)
      return finding('policy-error', {
        path: fields.node.path,
        line: at.keyLine,
        column: at.keyColumn,
        message: `\`${key}\` is not a key of the policy.`,
        hint: near ? `Did you mean \`${near}\`?` : `Known keys here: ${known.join(', ')}.`,
      })
    })
}

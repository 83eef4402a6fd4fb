import { keyTable } from './key-table.ts'
import { policySchema } from './policy-schema.ts'

/** Settings of a rule are those of the file: only what a rule has besides is listed. */
const RULE_KEYS: ReadonlySet<string> = new Set(['configs[].paths', 'configs[].ignore'])

/** The table of every policy key, from the schema that editors use. */
export function policyKeyTable(): string {
  return keyTable(policySchema(), path => path.startsWith('configs[].') && !RULE_KEYS.has(path))
}

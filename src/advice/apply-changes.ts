import { parseDocument } from 'yaml'
import type { ConfigDocument } from '../formats/config-document.ts'
import type { ChangeReport } from '../report/report.ts'
import { type LineRange, writeFlags } from './shell-flags.ts'
import { writeTomlKeys } from './toml-keys.ts'

type Change = Pick<ChangeReport, 'key' | 'to' | 'style'> & { readonly line?: number | null }

/**
 * The file's text with the changes written into it; null: this file has no place for one of them. `command`: the lines of
 * the command that is meant, where a script has several.
 */
export function applyChanges(
  document: ConfigDocument,
  changes: readonly Change[],
  command?: LineRange | null,
): string | null {
  // Commands stand in scripts, and in the block scalars of a launcher's YAML.
  if (changes.some(({ style }) => style !== undefined)) return writeFlags(document.text, changes, command)
  switch (document.syntax) {
    case 'yaml':
    case 'json':
      return writeYamlKeys(document, changes)
    case 'toml':
      return writeTomlKeys(document.text, changes)
    case 'shell':
      return writeFlags(document.text, changes, command)
    case 'text':
      return null
  }
}

/** Only files of one document: which of several a run is from is not for us to guess. */
function writeYamlKeys({ text, roots }: ConfigDocument, changes: readonly Change[]): string | null {
  if (roots.length !== 1) return null
  // In YAML 1.1 the library would write new mappings as `!!omap`; scalars that are there keep their spelling.
  const yaml = parseDocument(text, { version: '1.2', uniqueKeys: false })
  if (yaml.errors.length > 0) return null
  try {
    for (const { key, to } of changes) yaml.setIn(key.split('.'), to)
    return yaml.toString()
  } catch {
    // A scalar or an alias stands where the key would need a mapping.
    return null
  }
}

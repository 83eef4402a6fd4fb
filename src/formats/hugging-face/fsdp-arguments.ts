import type { Engine } from '../../launch/engine.ts'
import { fsdpWords, LOADS_ON_EVERY_RANK, readFsdp } from '../../launch/fsdp.ts'
import { type Libraries, versionDefault } from '../../launch/version-defaults.ts'
import { byDefault } from '../../plan/plan-draft.ts'
import { Fields } from '../fields.ts'
import { type CompanionScope, openCompanion } from './companions.ts'

/** `fsdp` and `fsdp_config` of TrainingArguments: words, a mapping, or the path of a JSON. null: FSDP is off. */
export async function trainerFsdp(fields: Fields, scope: CompanionScope, libraries: Libraries): Promise<Engine | null> {
  const words = fsdpWords(fields, 'fsdp')
  if (words === null) return null
  const config = await fsdpConfig(fields, scope)
  const version = versionDefault('transformers.fsdp_version', libraries)
  const wrap = byDefault<'layers' | 'root'>(
    'layers',
    'transformers 5.18: TRANSFORMER_BASED_WRAP with _no_split_modules',
  )
  return readFsdp({ config, words, defaults: { version, wrap, efficientLoading: LOADS_ON_EVERY_RANK } })
}

async function fsdpConfig(fields: Fields, scope: CompanionScope): Promise<Fields | undefined> {
  const node = fields.raw('fsdp_config')
  if (node?.kind === 'mapping') return fields.mapping('fsdp_config')
  const name = fields.isSet('fsdp_config') ? fields.string('fsdp_config') : undefined
  const root = name && (await openCompanion(scope, name))
  return root ? new Fields({ node: root, findings: scope.findings, from: 'launch' }) : undefined
}

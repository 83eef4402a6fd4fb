import type { DraftValue, MutablePlanDraft, PlanValues } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'
import { positive, setKey } from '../key-rows.ts'

type Targets = PlanValues['adapter.targetModules']

interface LoraKeys {
  readonly rank: readonly string[]
  readonly targets: readonly string[]
  readonly parameters: readonly string[]
  readonly modulesToSave: readonly string[]
  readonly dropout: readonly string[]
  readonly dora: readonly string[]
}

interface LoraDefaults {
  readonly rank: Sourced<number>
  readonly targets: DraftValue<Targets>
  readonly dropout: Sourced<number>
  /** Words that mean every Linear. */
  readonly allWords: readonly string[]
}

/** LoRA settings under a framework's own names. The adapter's type and dtype are left to the caller. */
export function readLoraKeys(fields: Fields, keys: LoraKeys, defaults: LoraDefaults): MutablePlanDraft {
  const named = <T>(
    names: readonly string[],
    read: (key: string) => Sourced<T> | undefined,
  ): Sourced<T> | undefined => {
    const key = setKey(fields, names)
    return key === undefined ? undefined : read(key)
  }
  const parameters = named(keys.parameters, key => fields.strings(key))
  const save = named(keys.modulesToSave, key => listOf(fields, key))
  return {
    'adapter.rank': named(keys.rank, key => positive(fields, key)) ?? defaults.rank,
    'adapter.dropout': named(keys.dropout, key => fields.number(key, { min: 0, max: 1 })) ?? defaults.dropout,
    'adapter.targetModules':
      named(keys.targets, key => readTargets(fields, key, defaults.allWords)) ?? defaults.targets,
    ...(parameters ? { 'adapter.targetParameters': parameters } : {}),
    ...(save ? { 'adapter.modulesToSave': save } : {}),
  }
}

/** A list, a comma-separated text, one of the words for every Linear, or a regular expression. */
function readTargets(fields: Fields, key: string, allWords: readonly string[]): Sourced<Targets> | undefined {
  const names = listOf(fields, key)
  if (!names || names.value.length === 0) return undefined
  if (names.value.some(name => allWords.includes(name.toLowerCase()))) return { ...names, value: 'all-linear' }
  const [only] = names.value
  if (names.value.length === 1 && only !== undefined && /[\\^$*+?()|[\]]/.test(only))
    return { ...names, value: { regex: only } }
  return names
}

/** A list of names, or a text of names with commas or spaces between them. */
export function listOf(fields: Fields, key: string): Sourced<readonly string[]> | undefined {
  const node = fields.raw(key)
  if (node?.kind === 'scalar' && typeof node.scalar === 'string') {
    const text = node.scalar.trim()
    const names = /[\\^$*?()|[\]]/.test(text) ? [text] : text.split(/[,\s]+/).filter(Boolean)
    return fields.sourced(key, names)
  }
  return fields.strings(key)
}

export function adapterTypeOf(fields: Fields, keys: readonly string[]): 'lora' | 'dora' {
  const key = setKey(fields, keys)
  return key !== undefined && fields.boolean(key)?.value ? 'dora' : 'lora'
}

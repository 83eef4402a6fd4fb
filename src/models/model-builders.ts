import data from '../../data/model-builders.json' with { type: 'json' }
import type { ModelReference } from '../plan/plan-draft.ts'

interface BuilderRow {
  readonly hub?: string
  readonly config?: Readonly<Record<string, unknown>>
  /** Parameters as the framework allocates them, where its dimensions give the number. */
  readonly parameters?: number
}

const ROWS = {
  torchtune: new Map<string, BuilderRow>(Object.entries(data.torchtune.models)),
  litgpt: new Map<string, BuilderRow>(Object.entries(data.litgpt.models)),
  torchtitan: new Map<string, BuilderRow>(Object.entries(data.torchtitan.models)),
}

/** A model that a framework builds by name, in its own dimensions (vocabulary padding and tying); null: not known. */
export function findModelBuilder(framework: keyof typeof ROWS, name: string): ModelReference | null {
  const row = ROWS[framework].get(name) ?? renamed(framework, name)
  if (row?.config) return { kind: 'inline', config: { id: name, ...row.config } }
  return row?.hub ? { kind: 'hub', id: row.hub, revision: null } : null
}

/** litgpt/config.py finds a configuration by the last part of its Hub id too; folders differ from it in case. */
function renamed(framework: keyof typeof ROWS, name: string): BuilderRow | undefined {
  const lower = name.toLowerCase()
  const plain = lower.replace(/^meta-/, '')
  return [...ROWS[framework]].find(([key]) => key.toLowerCase() === lower || key.toLowerCase() === plain)?.[1]
}

/** Every builder with its own parameter count, for checks. */
export function countedModelBuilders(): readonly {
  readonly framework: string
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly parameters: number
}[] {
  return Object.entries(ROWS).flatMap(([framework, rows]) =>
    [...rows].flatMap(([name, { config, parameters }]) =>
      config && parameters ? [{ framework, name, config, parameters }] : [],
    ),
  )
}

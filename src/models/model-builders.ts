import data from '../../data/model-builders.json' with { type: 'json' }
import type { ModelReference } from '../plan/plan-draft.ts'
import { rowOf } from '../plan/row-of.ts'

interface BuilderRow {
  readonly hub?: string
  readonly config?: Readonly<Record<string, unknown>>
  /** Parameters as the framework allocates them, where its dimensions give the number. */
  readonly parameters?: number
}

const FRAMEWORKS = ['torchtune', 'litgpt', 'torchtitan'] as const
type Framework = (typeof FRAMEWORKS)[number]

function rowsOf(framework: Framework): Readonly<Record<string, BuilderRow>> {
  return data[framework].models
}

/** A model that a framework builds by name, in its own dimensions (vocabulary padding and tying); null: not known. */
export function findModelBuilder(framework: Framework, name: string): ModelReference | null {
  const row = rowOf(rowsOf(framework), name) ?? renamed(framework, name)
  if (row?.config) return { kind: 'inline', config: { id: name, ...row.config } }
  return row?.hub ? { kind: 'hub', id: row.hub, revision: null } : null
}

/** litgpt/config.py finds a configuration by the last part of its Hub id too; folders differ from it in case. */
function renamed(framework: Framework, name: string): BuilderRow | undefined {
  const lower = name.toLowerCase()
  const plain = lower.replace(/^meta-/, '')
  return Object.entries(rowsOf(framework)).find(
    ([key]) => key.toLowerCase() === lower || key.toLowerCase() === plain,
  )?.[1]
}

/** Every builder with its own parameter count, for checks. */
export function countedModelBuilders(): readonly {
  readonly framework: string
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly parameters: number
}[] {
  return FRAMEWORKS.flatMap(framework =>
    Object.entries(rowsOf(framework)).flatMap(([name, { config, parameters }]) =>
      config && parameters ? [{ framework, name, config, parameters }] : [],
    ),
  )
}

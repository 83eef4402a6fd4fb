import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { ConfigNode } from '../config-document.ts'
import type { Fields } from '../fields.ts'
import { setKey } from '../key-rows.ts'

/** `model` from the first of the keys; a local folder is the path of its config.json. */
export function hubModel(
  fields: Fields,
  keys: readonly string[],
  revisionKeys: readonly string[],
  findings: Finding[],
): MutablePlanDraft {
  const key = setKey(fields, keys)
  const name = key ? fields.string(key) : undefined
  if (!name || name.value === '') {
    const node = fields.node
    const message = `\`${keys[0]}\` is missing; the run has no model.`
    findings.push(finding('missing-key', { path: node.path, line: node.line, column: node.column, message }))
    return {}
  }
  const revisionKey = setKey(fields, revisionKeys)
  const revision = revisionKey ? (fields.string(revisionKey)?.value ?? null) : null
  if (isLocalPath(name.value)) {
    const folder = name.value.replace(/^\.\//, '').replace(/\/+$/, '')
    const path = /\.json$/.test(folder) ? folder : `${folder}/config.json`
    return { model: { ...name, value: { kind: 'path', path } } }
  }
  return { model: { ...name, value: { kind: 'hub', id: name.value, revision } } }
}

/** Neither `name` nor `organisation/name`. */
function isLocalPath(name: string): boolean {
  return /^[./~]/.test(name) || name.split('/').length > 2 || name.endsWith('/')
}

/** Names of data sets: texts, lists, mappings with `path`, `name`, `id` or `dataset_name`, or mappings by name. */
export function datasetNames(fields: Fields, keys: readonly string[]): Sourced<readonly string[]> | undefined {
  const key = setKey(fields, keys)
  const node = key === undefined ? undefined : fields.raw(key)
  if (key === undefined || node === undefined) return undefined
  return fields.sourced(key, namesIn(node))
}

export function namesIn(node: ConfigNode): readonly string[] {
  if (node.kind === 'scalar')
    return typeof node.scalar === 'string'
      ? node.scalar
          .split(',')
          .map(name => name.trim())
          .filter(Boolean)
      : []
  if (node.kind === 'sequence')
    return node.items.flatMap(item => (item.kind === 'mapping' ? nameOf(item) : namesIn(item)))
  const own = nameOf(node)
  return own.length > 0 ? own : [...node.entries.keys()]
}

function nameOf(node: ConfigNode): readonly string[] {
  for (const key of ['path', 'id', 'dataset_name', 'name']) {
    const scalar = node.entries.get(key)?.scalar
    if (typeof scalar === 'string') return [scalar]
  }
  return []
}

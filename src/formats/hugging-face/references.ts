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
  // an unset variable has been said
  if (key && !name) return {}
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

/** Keys beside a data set's name that take a part or another configuration of it. */
const PART_KEYS = ['dataset_config', 'dataset_config_name', 'max_train_samples', 'dataset_num_samples']
const PART_KEYS_OF_ITEM = ['name', 'config', 'subset', 'shards', 'weight', 'samples', 'num_samples', 'data_dir']

/** The data sets' names, and whether the run takes each of them whole, so that its size is theirs. */
export function datasetDraft(fields: Fields, keys: readonly string[]): MutablePlanDraft {
  const key = setKey(fields, keys)
  const node = key === undefined ? undefined : fields.raw(key)
  if (key === undefined || node === undefined) return {}
  const items = node.kind === 'sequence' ? node.items : [node]
  const isPart =
    PART_KEYS.some(part => fields.isSet(part)) ||
    !isTrainSplit(fields.node.entries.get('dataset_train_split')?.scalar) ||
    items.some(takesPart)
  return {
    'dataset.names': fields.sourced(key, namesIn(node)),
    ...(isPart ? { 'dataset.whole': fields.sourced(key, false) } : {}),
  }
}

function takesPart(item: ConfigNode): boolean {
  if (item.kind !== 'mapping') return false
  const isNamed = ['path', 'id', 'dataset_name'].some(key => item.entries.has(key))
  if (!isNamed && !item.entries.has('name')) return [...item.entries.values()].some(({ scalar }) => scalar !== 1)
  const parts = isNamed ? PART_KEYS_OF_ITEM : PART_KEYS_OF_ITEM.filter(key => key !== 'name')
  return (
    parts.some(key => (item.entries.get(key)?.scalar ?? null) !== null) ||
    !isTrainSplit(item.entries.get('split')?.scalar)
  )
}

function isTrainSplit(split: unknown): boolean {
  return split === undefined || split === null || split === 'train'
}

/** Loaders of the datasets library that read `data_files` instead of a data set of their name. */
const FILE_LOADERS: ReadonlySet<string> = new Set(['json', 'csv', 'parquet', 'text', 'arrow'])

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
  const files = node.entries.get('data_files')
  const loader = node.entries.get('path')?.scalar
  if (files !== undefined && typeof loader === 'string' && FILE_LOADERS.has(loader)) return namesIn(files)
  for (const key of ['path', 'id', 'dataset_name', 'name']) {
    const scalar = node.entries.get(key)?.scalar
    if (typeof scalar === 'string') return [scalar]
  }
  return []
}

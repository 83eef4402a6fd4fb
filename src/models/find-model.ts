import type { FileSource } from '../files/file-source.ts'
import { folderOf, possiblePaths } from '../files/repository-path.ts'
import { plainData } from '../formats/config-document.ts'
import { parseDocument } from '../formats/parse-document.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { ModelReference } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { Architecture } from './architecture.ts'
import { findByFolder } from './catalogue.ts'
import { checkedArchitecture } from './checked-architecture.ts'
import type { ModelSource } from './model-source.ts'

export interface FoundModel {
  readonly name: string
  readonly architecture: Architecture | null
  /** Where the shapes came from, for the assumptions table. */
  readonly origin: string
  readonly findings: readonly Finding[]
  /** Repository paths that were read. */
  readonly dependencies: readonly string[]
}

interface FindModelOptions {
  readonly reference: Sourced<ModelReference>
  /** `models:` of the policy. */
  readonly known: Readonly<Record<string, string | object>>
  readonly files: FileSource
  readonly models: ModelSource
  readonly configPath: string
  readonly transformersMajor: 4 | 5
  /** The name came from an adapter's own config: another adapter is not followed. */
  readonly isBase?: boolean
}

interface Reading {
  readonly name: string
  readonly origin: string
  readonly dependencies?: readonly string[]
  /** Parameters as the publisher counts them. */
  readonly parameters?: number | null
}

type ReadModel = ReturnType<typeof checkedArchitecture>
type ReadModelOptions = Parameters<typeof checkedArchitecture>[1]

/** A config is read once for all runs that name it: a sweep holds one architecture, not thousands. */
const remembered = new WeakMap<object, Map<string, ReadModel>>()

function knownArchitecture(config: unknown, options: ReadModelOptions): ReadModel {
  if (typeof config !== 'object' || config === null) return checkedArchitecture(config, options)
  const readings = remembered.get(config) ?? new Map<string, ReadModel>()
  remembered.set(config, readings)
  const key = JSON.stringify(options)
  const reading = readings.get(key) ?? checkedArchitecture(config, options)
  readings.set(key, reading)
  return reading
}

/** Plan mapping → `models:` of the policy → file in the repository → catalogue → Hub. */
export async function findModel(options: FindModelOptions): Promise<FoundModel> {
  const { reference, known } = options
  const place = {
    path: reference.path ?? options.configPath,
    line: reference.line ?? null,
    column: reference.column ?? null,
  }
  const read = (config: unknown, { name, origin, dependencies = [], parameters = null }: Reading): FoundModel => {
    const { architecture, findings } = knownArchitecture(config, {
      name,
      transformersMajor: options.transformersMajor,
      parameters,
    })
    return {
      name,
      architecture,
      origin,
      dependencies,
      findings: findings.map(problem => (problem.path ? problem : { ...problem, ...place })),
    }
  }
  if (reference.value.kind === 'inline')
    return read(reference.value.config, { name: inlineName(reference.value.config), origin: 'the config itself' })
  const name = reference.value.kind === 'hub' ? reference.value.id : reference.value.path
  const fromPolicy = Object.hasOwn(known, name) ? known[name] : undefined
  if (typeof fromPolicy === 'object') return read(fromPolicy, { name, origin: 'the policy’s `models`' })
  for (const path of repositoryCandidates(fromPolicy ?? name, options.configPath)) {
    const config = await readJson(options.files, path)
    if (config !== null) return read(config, { name, origin: `\`${path}\` in this repository`, dependencies: [path] })
  }
  const adapter = await repositoryAdapter(options, fromPolicy ?? name)
  if (adapter !== null && !options.isBase) {
    const base = await findModel({
      ...options,
      isBase: true,
      reference: { ...reference, value: { kind: 'hub', id: adapter.base, revision: null } },
    })
    return { ...base, dependencies: [adapter.path, ...base.dependencies] }
  }
  const unknown = (message: string, code: 'unknown-model' | 'model-access'): FoundModel => ({
    name,
    architecture: null,
    origin: 'not found',
    dependencies: [],
    findings: [finding(code, { ...place, message })],
  })
  if (reference.value.kind === 'path') {
    const namesake = findByFolder(name)
    if (namesake === null) return unknown(`\`${name}\` holds no config.json in this repository.`, 'unknown-model')
    const found = read(namesake.config, {
      name: namesake.id,
      origin: `the folder’s name (model catalogue ${namesake.asOf})`,
    })
    const folder = name.replace(/\/config\.json$/, '')
    const message = `\`${folder}\` is not in this repository; its shapes are taken to be those of ${namesake.id}, after which it is named.`
    return { ...found, findings: [finding('assumed-default', { ...place, message }), ...found.findings] }
  }
  const result = await options.models.config(reference.value.id, reference.value.revision ?? undefined)
  if (result.status === 'found')
    return read(result.config, {
      name: result.resolvedId,
      origin: result.origin,
      parameters: result.parameters ?? null,
    })
  return unknown(result.message, result.status === 'unknown' ? 'unknown-model' : 'model-access')
}

/** Repository paths that a model reference may be read from, whether they exist or not: a change of one changes the run. */
export function modelConfigPaths(
  reference: ModelReference,
  { known, configPath }: Pick<FindModelOptions, 'known' | 'configPath'>,
): readonly string[] {
  if (reference.kind === 'inline') return []
  const name = reference.kind === 'hub' ? reference.id : reference.path
  const fromPolicy = Object.hasOwn(known, name) ? known[name] : undefined
  if (typeof fromPolicy === 'object') return []
  return repositoryCandidates(fromPolicy ?? name, configPath).flatMap(path => [
    path,
    path.replace(/config\.json$/, 'adapter_config.json'),
  ])
}

function inlineName(config: unknown): string {
  const nameless = 'a model given by its shapes'
  if (typeof config !== 'object' || config === null) return nameless
  const named = 'id' in config ? config.id : '_name_or_path' in config ? config._name_or_path : null
  const type = 'model_type' in config ? config.model_type : null
  return typeof named === 'string' ? named : typeof type === 'string' ? `a ${type} model given by its shapes` : nameless
}

function repositoryCandidates(name: string, configPath: string): readonly string[] {
  const paths = possiblePaths(name, folderOf(configPath))
  return paths.map(path => (path.endsWith('.json') ? path : `${path}/config.json`))
}

/** A folder of the repository that holds an adapter: the base model that its adapter_config.json names. */
async function repositoryAdapter(
  { files, configPath }: FindModelOptions,
  name: string,
): Promise<{ readonly path: string; readonly base: string } | null> {
  for (const candidate of repositoryCandidates(name, configPath)) {
    if (!candidate.endsWith('/config.json')) continue
    const path = candidate.replace(/config\.json$/, 'adapter_config.json')
    const config = await readJson(files, path)
    const base =
      typeof config === 'object' && config !== null && 'base_model_name_or_path' in config
        ? config.base_model_name_or_path
        : null
    if (typeof base === 'string' && base !== '' && base !== name) return { path, base }
  }
  return null
}

async function readJson(files: FileSource, path: string): Promise<unknown> {
  const content = await files.read(path)
  if (content.status !== 'found') return null
  const root = parseDocument(path, content.text).roots[0]
  return root?.kind === 'mapping' ? plainData(root) : null
}

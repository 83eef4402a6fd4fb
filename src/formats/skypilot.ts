import { findGpu } from '../hardware/gpu-catalogue.ts'
import { blockOf, type ClusterJob, gpusDraft, jobTrains, readClusterJob, textEntries } from '../launch/cluster-job.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { PricePlan } from '../plan/training-plan.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import type { FormatReader } from './reader.ts'
import { keyTable } from './section.ts'

const RESOURCE_KEYS = ['accelerators', 'infra', 'cloud', 'instance_type', 'any_of', 'ordered', 'use_spot']

const KEYS = keyTable('SkyPilot docs/source/reference/yaml-spec.rst @0048bbf', [
  ['resources.accelerators', 'hardware.gpu, gpusPerNode', 'the policy'],
  ['num_nodes', 'gpus', '1'],
  ['resources.any_of, resources.ordered', 'the first entry with accelerators', 'none'],
  [
    'resources.infra, resources.cloud, resources.region, resources.use_spot',
    'hardware.price: provider, region, spot',
    'none',
  ],
  ['envs, secrets', 'variables of the commands', 'none'],
  ['file_mounts', 'where named configs lie in the repository', 'none'],
  ['setup, run', 'the training command, read like a shell script', 'required'],
])

/** SkyPilot tasks that train (docs/source/reference/yaml-spec.rst @0048bbf). */
export function skyPilotReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'skypilot',
    keys: KEYS,
    recognise: document => document.roots.some(root => isTask(root) && jobTrains(document, readTask(document, root))),
    async read(document, context) {
      const root = document.roots.find(isTask)
      if (root === undefined) return { runs: [], findings: [] }
      return readClusterJob(document, readTask(document, root), context, readers())
    },
  }
}

function isTask(root: ConfigNode): boolean {
  const resources = root.entries.get('resources')
  return hasAnyKey(root, 'run', 'setup') && !hasKeys(root, 'type') && hasAnyKey(resources, ...RESOURCE_KEYS)
}

function readTask(document: ConfigDocument, root: ConfigNode): ClusterJob {
  const findings: Finding[] = []
  const fields = new Fields({ node: root, findings, from: 'launch' })
  const nodes = fields.integer('num_nodes', { min: 1, max: 100_000 })
  const resources = fields.mapping('resources')
  const chosen = resources === undefined ? undefined : firstAlternative(resources, findings)
  const accelerator = chosen && readAccelerator(chosen, findings)
  const price = resources && chosen && readPrice(resources, chosen)
  const draft = {
    ...gpusDraft(accelerator?.count, nodes),
    ...(accelerator === undefined ? {} : { 'hardware.gpu': accelerator.gpu }),
    ...(price === undefined ? {} : { 'hardware.price': price }),
  }
  const perNode = accelerator?.count.value
  const variables = {
    SKYPILOT_NUM_NODES: String(nodes?.value ?? 1),
    SKYPILOT_NODE_RANK: '0',
    ...(perNode === undefined ? {} : { SKYPILOT_NUM_GPUS_PER_NODE: String(perNode) }),
    ...textEntries(root.entries.get('envs')),
    ...textEntries(root.entries.get('secrets')),
  }
  const blocks = [...blockOf(document, root.entries.get('setup')), ...blockOf(document, root.entries.get('run'))]
  const mounts = new Map(Object.entries(mountsOf(root.entries.get('file_mounts'))))
  return { draft, findings, blocks, variables, mounts }
}

/** Of `any_of` and `ordered` the first entry that names accelerators. */
function firstAlternative(resources: Fields, findings: Finding[]): Fields {
  for (const key of ['any_of', 'ordered']) {
    const node = resources.raw(key)
    const item = node?.items.find(candidate => hasKeys(candidate, 'accelerators'))
    if (node !== undefined && item !== undefined) {
      if (node.items.length > 1) findings.push(alternatives(node, `resources.${key}`))
      return new Fields({ node: item, findings, from: 'launch', prefix: `resources.${key}.` })
    }
  }
  return resources
}

/** `H100:8`, `{H100: 8}`, a list in order of preference, or a set of which the cheapest is taken. */
function readAccelerator(
  fields: Fields,
  findings: Finding[],
): { readonly gpu: Sourced<string>; readonly count: Sourced<number> } | undefined {
  const node = fields.raw('accelerators')
  if (node === undefined) return undefined
  const named = node.kind === 'sequence' ? node.items[0] : node
  const [first] = named?.entries ?? []
  const text = named?.kind === 'scalar' ? String(named.scalar ?? '') : `${first?.[0] ?? ''}:${first?.[1].scalar ?? 1}`
  if (node.items.length > 1 || node.entries.size > 1) findings.push(alternatives(node, 'resources.accelerators'))
  const match = /^([\w.-]+)(?::(\d+(?:\.\d+)?))?$/.exec(text.trim().replace(/:$/, ''))
  if (match?.[1] === undefined || match[1] === '') return fields.invalid('accelerators', 'NAME:COUNT')
  const name = findGpu(match[1], 'skypilot')?.id ?? match[1]
  const count = Math.max(1, Math.ceil(Number(match[2] ?? 1)))
  return { gpu: fields.sourced('accelerators', name), count: fields.sourced('accelerators', count) }
}

function alternatives(node: ConfigNode, key: string): Finding {
  const message = `\`${key}\` lists several kinds of GPU; read with the first.`
  return finding('swept-values', { path: node.path, line: node.line, column: node.column, message })
}

/** `infra: cloud/region/zone`, or the older `cloud:` and `region:`. */
function readPrice(resources: Fields, chosen: Fields): Sourced<PricePlan> | undefined {
  const text = (key: string): Sourced<string> | undefined =>
    chosen.isSet(key) ? chosen.string(key) : resources.isSet(key) ? resources.string(key) : undefined
  const infra = text('infra')
  const cloud = text('cloud')
  const spot = chosen.isSet('use_spot') ? chosen.boolean('use_spot') : resources.boolean('use_spot')
  const place = infra ?? cloud ?? spot
  if (place === undefined) return undefined
  const [provider, region] = infra?.value.split('/') ?? [cloud?.value, text('region')?.value]
  const price: PricePlan = {
    perGpuHour: null,
    currency: null,
    provider: known(provider)?.toLowerCase() ?? null,
    region: known(region) ?? null,
    spot: spot?.value ?? false,
  }
  return { ...place, value: price }
}

function known(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === '*' ? undefined : text
}

function mountsOf(node: ConfigNode | undefined): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [target, source] of node?.entries ?? []) {
    if (typeof source.scalar === 'string' && !source.scalar.includes('://')) found[target] = source.scalar
  }
  return found
}

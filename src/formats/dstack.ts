import { blockOf, type ClusterJob, gpusDraft, jobTrains, readClusterJob, textEntries } from '../launch/cluster-job.ts'
import type { Finding } from '../plan/finding.ts'
import type { Sourced } from '../plan/provenance.ts'
import type { PricePlan } from '../plan/training-plan.ts'
import { type ConfigDocument, type ConfigNode, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import type { FormatReader } from './reader.ts'
import { keyTable } from './section.ts'

const KEYS = keyTable('dstack src/dstack/_internal/core/models/resources.py @511c318', [
  ['resources.gpu', 'hardware.gpu, gpusPerNode (of ranges the smallest)', 'the policy'],
  ['nodes', 'gpus', '1'],
  ['env', 'variables of the commands', 'none'],
  ['spot_policy, backends, regions', 'hardware.price: spot, provider, region', 'none'],
  ['commands', 'the training command, read like a shell script', 'required'],
])

/** dstack tasks that train (src/dstack/_internal/core/models/resources.py @511c318). */
export function dstackReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'dstack',
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
  return root.entries.get('type')?.scalar === 'task' && hasKeys(root, 'commands')
}

function readTask(document: ConfigDocument, root: ConfigNode): ClusterJob {
  const findings: Finding[] = []
  const fields = new Fields({ node: root, findings, from: 'launch' })
  const nodes = fields.integer('nodes', { min: 1, max: 100_000 })
  const resources = fields.raw('resources')?.kind === 'mapping' ? fields.mapping('resources') : undefined
  const gpu = resources && readGpu(resources)
  const price = readPrice(fields)
  const perNode = gpu?.count
  const variables = {
    DSTACK_NODES_NUM: String(nodes?.value ?? 1),
    DSTACK_NODE_RANK: '0',
    ...(perNode === undefined
      ? {}
      : { DSTACK_GPUS_PER_NODE: String(perNode.value), DSTACK_GPUS_NUM: String(perNode.value * (nodes?.value ?? 1)) }),
    ...environmentOf(root.entries.get('env')),
  }
  const draft = {
    ...gpusDraft(perNode, nodes),
    ...(gpu?.name === undefined ? {} : { 'hardware.gpu': gpu.name }),
    ...(price === undefined ? {} : { 'hardware.price': price }),
  }
  const blocks = (root.entries.get('commands')?.items ?? []).flatMap(item => blockOf(document, item))
  return { draft, findings, blocks, variables }
}

/** `env` as a list of `NAME=value`, or as a mapping. */
function environmentOf(node: ConfigNode | undefined): Readonly<Record<string, string>> {
  const found: Record<string, string> = { ...textEntries(node) }
  for (const { scalar } of node?.items ?? []) {
    const match = typeof scalar === 'string' ? /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(scalar) : null
    if (match?.[1] !== undefined) found[match[1]] = match[2] ?? ''
  }
  return found
}

interface GpuRequest {
  readonly name: Sourced<string> | undefined
  readonly count: Sourced<number>
}

/** `[vendor:]NAME[,NAME]:MEMORY:COUNT` in any order, or a mapping; of ranges the smallest counts. */
function readGpu(resources: Fields): GpuRequest | undefined {
  const node = resources.raw('gpu')
  if (node === undefined) return undefined
  const [names, memory, count] = node.kind === 'mapping' ? mappingParts(node) : textParts(String(node.scalar ?? ''))
  const name =
    names[0] === undefined
      ? undefined
      : resources.sourced('gpu', memory === null ? names[0] : `${names[0]}-${memory}GB`)
  return { name, count: resources.sourced('gpu', count) }
}

type GpuParts = readonly [names: readonly string[], memoryGb: number | null, count: number]

function textParts(text: string): GpuParts {
  let names: readonly string[] = []
  let memory: number | null = null
  let count = 1
  for (const part of text.split(':').map(piece => piece.trim())) {
    if (/^(?:nvidia|amd|google|intel|tenstorrent)$/i.test(part) || part === '') continue
    const gigabytes = /^(\d+(?:\.\d+)?)\s*GB/i.exec(part)?.[1] ?? /^\.\.(\d+(?:\.\d+)?)\s*GB/i.exec(part)?.[1]
    if (gigabytes !== undefined) memory = Number(gigabytes)
    else if (/^\d*(?:\.\.\d*)?$/.test(part)) count = Math.max(1, Number(/^\d+/.exec(part)?.[0] ?? 1))
    else names = part.split(',').map(name => name.trim())
  }
  return [names, memory, count]
}

function mappingParts(node: ConfigNode): GpuParts {
  const name = node.entries.get('name')
  const names = (name?.kind === 'sequence' ? name.items : name ? [name] : []).flatMap(item =>
    item.scalar === null ? [] : [String(item.scalar)],
  )
  const memory = /^(\d+)/.exec(String(node.entries.get('memory')?.scalar ?? ''))?.[1]
  const counted = node.entries.get('count')
  const count = counted?.entries.get('min')?.scalar ?? /^\d+/.exec(String(counted?.scalar ?? ''))?.[0] ?? 1
  return [
    names.flatMap(text => text.split(',')),
    memory === undefined ? null : Number(memory),
    Math.max(1, Number(count) || 1),
  ]
}

function readPrice(fields: Fields): Sourced<PricePlan> | undefined {
  const backends = fields.isSet('backends') ? fields.strings('backends') : undefined
  const regions = fields.isSet('regions') ? fields.strings('regions') : undefined
  const policy = fields.isSet('spot_policy') ? fields.string('spot_policy') : undefined
  const place = backends ?? policy ?? regions
  if (place === undefined) return undefined
  const spot = policy === undefined || policy.value === 'auto' ? null : policy.value === 'spot'
  const provider = backends?.value.length === 1 ? (backends.value[0] ?? null) : null
  const region = regions?.value.length === 1 ? (regions.value[0] ?? null) : null
  return { ...place, value: { perGpuHour: null, currency: null, provider, region, spot } }
}

import { blockOf, type ClusterJob, gpusDraft, jobTrains, readClusterJob } from '../launch/cluster-job.ts'
import type { Place } from '../launch/shell/shell-word.ts'
import type { Finding } from '../plan/finding.ts'
import type { Sourced } from '../plan/provenance.ts'
import { type ConfigDocument, type ConfigNode, nodeAt } from './config-document.ts'
import { Fields } from './fields.ts'
import type { FormatReader } from './reader.ts'
import { keyTable } from './section.ts'

const KEYS = keyTable('Kubeflow Trainer pkg/apis/trainer/v1alpha1/trainjob_types.go @8c0f505', [
  ['spec.trainer.numNodes', 'gpus', 'the runtime’s'],
  ['spec.trainer.resourcesPerNode', 'gpusPerNode (nvidia.com/gpu and its kin)', 'the containers’ limits'],
  ['spec.mlPolicy', 'nodes of a runtime', 'none'],
  ['spec.pytorchReplicaSpecs, spec.mpiReplicaSpecs', 'nodes of a v1 job', 'none'],
  ['nvidia.com/gpu.product', 'hardware.gpu (node selector or affinity)', 'the policy'],
  ['command, args', 'the training command, read like a shell script', 'required'],
])

const GPU_RESOURCES = ['nvidia.com/gpu', 'amd.com/gpu', 'gpu.intel.com/i915']

/** Node labels that name the GPU: NVIDIA and AMD device plugins, GKE, Karpenter. */
const GPU_LABELS = [
  'nvidia.com/gpu.product',
  'amd.com/gpu.product-name',
  'cloud.google.com/gke-accelerator',
  'karpenter.k8s.aws/instance-gpu-name',
  'gpu.nvidia.com/class',
]

const MAX_DEPTH = 24

/** Kubeflow TrainJob and runtimes (pkg/apis/trainer/v1alpha1 @8c0f505), PyTorchJob and the other v1 jobs. */
export function kubeflowReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'kubeflow',
    keys: KEYS,
    recognise: document => document.roots.some(root => isJob(root) && jobTrains(document, readJob(document, root))),
    async read(document, context) {
      const runs = []
      for (const root of document.roots.filter(isJob)) {
        const result = await readClusterJob(document, readJob(document, root), context, readers())
        runs.push(...result.runs)
      }
      return { runs, findings: [] }
    },
  }
}

function isJob(root: ConfigNode): boolean {
  return /^(?:trainer\.)?kubeflow\.org\//.test(String(root.entries.get('apiVersion')?.scalar ?? ''))
}

function readJob(document: ConfigDocument, root: ConfigNode): ClusterJob {
  const findings: Finding[] = []
  const containers = containersOf(root)
  const trainer = nodeAt(root, 'spec.trainer')
  const policy = nodeAt(root, 'spec.mlPolicy')
  const count = (node: ConfigNode | undefined, key: string): Sourced<number> | undefined =>
    node && new Fields({ node, findings, from: 'launch' }).integer(key, { min: 0, max: 100_000 })
  const nodes = whole(trainer, 'numNodes', count) ?? whole(policy, 'numNodes', count) ?? replicasOf(root, count)
  const limits =
    resourcesOf(trainer?.entries.get('resourcesPerNode')) ??
    containers.map(node => resourcesOf(node.entries.get('resources'))).find(Boolean)
  const key = GPU_RESOURCES.find(name => limits?.entries.has(name))
  const perNode = key === undefined ? undefined : count(limits, key)
  const label = labelOf(root)
  const draft = {
    ...gpusDraft(perNode?.value === 0 ? undefined : perNode, nodes),
    ...(label === undefined ? {} : { 'hardware.gpu': label }),
  }
  const blocks = containers.flatMap(node => commandBlocks(document, node))
  return { draft, findings, blocks, variables: environmentOf(containers) }
}

type Count = (node: ConfigNode | undefined, key: string) => Sourced<number> | undefined

function whole(node: ConfigNode | undefined, key: string, count: Count): Sourced<number> | undefined {
  return typeof node?.entries.get(key)?.scalar === 'number' ? count(node, key) : undefined
}

/** PyTorchJob: one master and its workers. */
function replicasOf(root: ConfigNode, count: Count): Sourced<number> | undefined {
  const specs = [
    ...((nodeAt(root, 'spec.pytorchReplicaSpecs') ?? nodeAt(root, 'spec.mpiReplicaSpecs'))?.entries.entries() ?? []),
  ]
  const found = specs.filter(([name]) => name !== 'Launcher').flatMap(([, node]) => count(node, 'replicas') ?? [])
  const [first] = found
  return (
    first && {
      ...first,
      value: Math.max(
        1,
        found.reduce((sum, { value }) => sum + value, 0),
      ),
    }
  )
}

function resourcesOf(node: ConfigNode | undefined): ConfigNode | undefined {
  return node?.entries.get('limits') ?? node?.entries.get('requests')
}

/** The trainer's own command first, then every pod template's containers. */
function containersOf(root: ConfigNode): readonly ConfigNode[] {
  const found: ConfigNode[] = []
  const trainer = nodeAt(root, 'spec.trainer')
  if (trainer !== undefined) found.push(trainer)
  const visit = (node: ConfigNode, depth: number): void => {
    if (depth > MAX_DEPTH || found.length > 64) return
    for (const [key, child] of node.entries) {
      if (key === 'containers') found.push(...child.items)
      else visit(child, depth + 1)
    }
    for (const item of node.items) visit(item, depth + 1)
  }
  visit(root, 0)
  return found
}

/** `command` and `args` as one command line, or the script of `bash -c`. */
function commandBlocks(
  document: ConfigDocument,
  container: ConfigNode,
): readonly (Place & { readonly text: string })[] {
  const words = [...itemsOf(container, 'command'), ...itemsOf(container, 'args')]
  const shell = words.findIndex(node => /(?:^|\/)(?:ba)?sh$/.test(String(node.scalar)))
  const flag = words.findIndex((node, index) => index > shell && /^-[a-z]*c$/.test(String(node.scalar)))
  if (shell === 0 && flag > 0) return blockOf(document, words[flag + 1])
  return words.map((node, index) => {
    const quoted = `'${String(node.scalar ?? '').replaceAll("'", "'\\''")}'`
    return { text: index < words.length - 1 ? `${quoted} \\` : quoted, line: node.line, column: node.column }
  })
}

function itemsOf(container: ConfigNode, key: string): readonly ConfigNode[] {
  const node = container.entries.get(key)
  return node?.kind === 'sequence' ? node.items.filter(item => item.kind === 'scalar') : []
}

function environmentOf(containers: readonly ConfigNode[]): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const item of containers.flatMap(node => node.entries.get('env')?.items ?? [])) {
    const name = item.entries.get('name')?.scalar
    const value = item.entries.get('value')?.scalar
    if (typeof name === 'string' && value !== null && value !== undefined) found[name] = String(value)
  }
  return found
}

function labelOf(root: ConfigNode, depth = 0): Sourced<string> | undefined {
  if (depth > MAX_DEPTH) return undefined
  const selector = root.entries.get('nodeSelector')
  for (const key of GPU_LABELS) {
    const value = selector?.entries.get(key)
    if (typeof value?.scalar === 'string') {
      const name = value.scalar.replace(/^nvidia-(?:tesla-)?/i, '')
      return { value: name, from: 'launch', path: value.path, line: value.line, column: value.column, key }
    }
  }
  for (const child of [...root.entries.values(), ...root.items]) {
    const found = labelOf(child, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

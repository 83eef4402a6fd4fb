import { findGpu } from '../hardware/gpu-catalogue.ts'
import { blockOf, type ClusterJob, jobTrains, readClusterJob } from '../launch/cluster-job.ts'
import type { Finding } from '../plan/finding.ts'
import { overlayDrafts, type PlanDraft } from '../plan/plan-draft.ts'
import { type ConfigDocument, type ConfigNode, hasAnyKey, hasKeys } from './config-document.ts'
import { Fields } from './fields.ts'
import { isFoundryConfig, readFoundryDraft } from './llm-foundry.ts'
import type { FormatReader, ReadContext } from './reader.ts'
import { runPerDocument } from './run-per-document.ts'
import { keyTable, mapped, section } from './section.ts'

/** Runs of the MosaicML platform: an LLM Foundry config under `parameters:`, or a command that names one. */
export function mcliReader(readers: () => readonly FormatReader[]): FormatReader {
  return {
    format: 'mcli',
    keys: keyTable('LLM Foundry @8c8dd48 mcli/*.yaml', [
      ['compute.gpus', 'gpus', 'none'],
      ['compute.gpu_type', 'hardware.gpu', 'none'],
      ['parameters', 'the LLM Foundry config of the run', 'none'],
      ['command', 'the config file that the command names, with the arguments laid over it', 'none'],
    ]),
    recognise: document =>
      document.roots.some(root => isRun(root) && (hasParameters(root) || jobTrains(document, readJob(document, root)))),
    async read(document, context) {
      const root = document.roots.find(isRun)
      if (root === undefined) return { runs: [], findings: [] }
      const job = readJob(document, root)
      if (hasParameters(root)) {
        const parameters = document.roots.flatMap(run => run.entries.get('parameters') ?? [])
        const inner = { ...document, roots: parameters }
        const result = await runPerDocument(inner, isFoundryConfig, readFoundryDraft)
        const runs = result.runs.map(run => ({
          ...run,
          draft: overlayDrafts(run.draft, job.draft),
          findings: [...job.findings, ...run.findings],
        }))
        return { ...result, runs }
      }
      return readClusterJob(document, job, inClone(context, root), readers())
    },
  }
}

function isRun(root: ConfigNode): boolean {
  return (
    hasKeys(root, 'compute', 'image') &&
    hasAnyKey(root, 'command', 'parameters') &&
    hasAnyKey(root.entries.get('compute'), 'gpus', 'gpu_type', 'cluster', 'nodes')
  )
}

function hasParameters(root: ConfigNode): boolean {
  const parameters = root.entries.get('parameters')
  return parameters !== undefined && isFoundryConfig(parameters)
}

function readJob(document: ConfigDocument, root: ConfigNode): ClusterJob {
  const findings: Finding[] = []
  const compute = section(root, 'compute', findings)
  const fields = new Fields({ node: compute.node, findings, from: 'launch', prefix: 'compute.' })
  const gpus = fields.integer('gpus', { min: 1 })
  const gpu = fields.string('gpu_type')
  const draft: PlanDraft = {
    ...(gpus ? { gpus, gpusPerNode: mapped(gpus, count => Math.min(8, count)) } : {}),
    ...(gpu ? { 'hardware.gpu': mapped(gpu, name => findGpu(name)?.id ?? name) } : {}),
  }
  return { draft, findings, blocks: blockOf(document, root.entries.get('command')), variables: {} }
}

/** The command runs in the clone of an integration: `cd llm-foundry/scripts` is `scripts` of that repository. */
function inClone(context: ReadContext, root: ConfigNode): ReadContext {
  const command = String(root.entries.get('command')?.scalar ?? '')
  const [, folder = ''] = /^\s*cd\s+([\w./-]+)/m.exec(command) ?? []
  const inside = folder.replace(/^\/+/, '').split('/').slice(1).join('/')
  return {
    libraries: context.libraries,
    open: (path, from) => context.open(path, from),
    readConfig: async (path, from) =>
      (inside === '' ? null : await context.readConfig(`${inside}/${path}`, from)) ??
      (await context.readConfig(path, from)),
    list: path => context.list(path),
  }
}

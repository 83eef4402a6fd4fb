import type { ConfigDocument, ConfigNode } from '../formats/config-document.ts'
import type { FormatReader, ReadContext, ReadResult, RunDraft } from '../formats/reader.ts'
import type { Finding } from '../plan/finding.ts'
import type { MutablePlanDraft, PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { readTrainingCommand } from './read-training-command.ts'
import { type ShellSource, sourceOfBlocks } from './shell/shell-source.ts'
import type { Place } from './shell/shell-word.ts'
import { mayTrain, type ShellText, trainingScript, trainingScriptWithSources } from './training-script.ts'

/** A job of a cluster manager: the GPUs it asks for and the commands it runs there. */
export interface ClusterJob {
  readonly draft: PlanDraft
  readonly findings: readonly Finding[]
  readonly blocks: readonly (Place & { readonly text: string })[]
  readonly variables: Readonly<Record<string, string>>
  /** Folders of the job and what they hold: a path of the repository. */
  readonly mounts?: ReadonlyMap<string, string>
}

/** True when the job's commands start training. */
export function jobTrains(document: ConfigDocument, job: ClusterJob): boolean {
  const shell = shellOf(document, job)
  return mayTrain(shell.text) && trainingScript(shell).commands.length > 0
}

/** The runs that the job's commands start, on the job's GPUs. */
export async function readClusterJob(
  document: ConfigDocument,
  job: ClusterJob,
  context: ReadContext,
  readers: readonly FormatReader[],
): Promise<ReadResult> {
  const inside = withMounts(context, job.mounts ?? new Map())
  const { commands } = await trainingScriptWithSources(shellOf(document, job), document, inside)
  const runs: RunDraft[] = []
  for (const training of commands) {
    const found = await readTrainingCommand({ training, document, context: inside, readers, surroundings: job.draft })
    const name = commands.length > 1 ? `line ${training.place.line}: ${training.program}` : null
    runs.push(...found.map(run => ({ ...run, name: run.name ?? name, findings: [...job.findings, ...run.findings] })))
  }
  return { runs, findings: [] }
}

/** The GPUs of a job as plan values. */
export function gpusDraft(perNode: Sourced<number> | undefined, nodes: Sourced<number> | undefined): MutablePlanDraft {
  if (perNode === undefined) return {}
  const total = { ...perNode, value: perNode.value * (nodes?.value ?? 1) }
  const note = nodes === undefined ? {} : { note: `${perNode.value} a node × ${nodes.value} nodes` }
  return { gpus: { ...total, ...note }, gpusPerNode: perNode }
}

/** A text of the file with the place where it starts: the line after `|` for a block. */
export function blockOf(
  document: ConfigDocument,
  node: ConfigNode | undefined,
): readonly (Place & { readonly text: string })[] {
  if (node?.kind !== 'scalar' || typeof node.scalar !== 'string') return []
  const written = document.text.split('\n', node.line)[node.line - 1] ?? ''
  const isBlock = /[|>][-+\d]*\s*(?:#.*)?$/.test(written)
  return [{ text: node.scalar, line: node.line + (isBlock ? 1 : 0), column: isBlock ? 1 : node.column }]
}

/** Plain texts of a mapping, e.g. `envs:`; null values are variables that the user must give. */
export function textEntries(node: ConfigNode | undefined): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const [key, value] of node?.entries ?? []) {
    if (value.kind === 'scalar' && value.scalar !== null && /^[A-Za-z_]\w*$/.test(key))
      found[key] = String(value.scalar)
  }
  return found
}

function shellOf(document: ConfigDocument, job: ClusterJob): ShellText {
  const source: ShellSource = sourceOfBlocks(job.blocks)
  return { path: document.path, text: source.text, source, variables: job.variables }
}

/** A context in which the job's mounted folders are those of the repository. */
function withMounts(context: ReadContext, mounts: ReadonlyMap<string, string>): ReadContext {
  const mapped = (path: string): string => {
    for (const [target, source] of mounts) {
      const folder = `${target.replace(/\/+$/, '')}/`
      if (path === target) return source
      if (path.startsWith(folder)) return `${source.replace(/\/+$/, '')}/${path.slice(folder.length)}`
    }
    return path.replace(/^(?:~|\$HOME)?\/sky_workdir\//, '')
  }
  return {
    libraries: context.libraries,
    open: (path, from) => context.open(mapped(path), from),
    readConfig: (path, from) => context.readConfig(mapped(path), from),
    list: folder => context.list(folder),
  }
}

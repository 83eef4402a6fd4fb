import type { PlanDraft } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'

/** What `#SBATCH` lines ask for. */
export interface SchedulerRequest {
  readonly draft: PlanDraft
  /** Variables that the scheduler sets inside the job. */
  readonly variables: Readonly<Record<string, string>>
}

const DIRECTIVE = /^#SBATCH\s+(-{1,2}[A-Za-z][\w-]*)(?:[=\s]\s*(\S+))?/
const GPU_OPTIONS = /^--(?:gres|gpus-per-node|gpus|gpus-per-task)$|^-G$/

/** Slurm's nodes and GPUs, from the comment lines at the head of a batch script (sbatch(1)). */
export function readSchedulerDirectives(path: string, text: string): SchedulerRequest {
  const draft: { gpus?: Sourced<number>; gpusPerNode?: Sourced<number>; 'hardware.gpu'?: Sourced<string> } = {}
  let nodes = 1
  let perNode: Sourced<number> | undefined
  let total: Sourced<number> | undefined
  for (const [index, line] of text.slice(0, 20_000).split('\n', 200).entries()) {
    const [, option = '', value = ''] = DIRECTIVE.exec(line) ?? []
    const place = { from: 'launch', path, line: index + 1, column: 1, key: `#SBATCH ${option}` } as const
    if (option === '--nodes' || option === '-N') nodes = Number(/^\d+/.exec(value)?.[0] ?? 1) || 1
    const request = GPU_OPTIONS.test(option) ? /^(?:gpu:)?(?:([A-Za-z][\w.-]*):)?(\d+)/.exec(value) : null
    if (request === null) continue
    const count = { ...place, value: Number(request[2]) }
    if (option === '--gpus' || option === '-G') total = count
    else perNode = count
    if (request[1] !== undefined && request[1] !== 'gpu') draft['hardware.gpu'] = { ...place, value: request[1] }
  }
  const gpusPerNode =
    perNode ?? (total === undefined ? undefined : { ...total, value: Math.max(1, Math.floor(total.value / nodes)) })
  const variables: Record<string, string> = {}
  if (/^#SBATCH\s/m.test(text.slice(0, 20_000))) {
    for (const name of ['SLURM_NNODES', 'SLURM_JOB_NUM_NODES']) variables[name] = String(nodes)
  }
  if (gpusPerNode === undefined) return { draft, variables }
  for (const name of ['SLURM_GPUS_ON_NODE', 'SLURM_GPUS_PER_NODE']) variables[name] = String(gpusPerNode.value)
  const gpus = { ...gpusPerNode, value: total?.value ?? gpusPerNode.value * nodes }
  return { draft: { ...draft, gpus, gpusPerNode }, variables }
}

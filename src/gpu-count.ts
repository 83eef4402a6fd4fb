import type { RunEstimate } from './estimate-run.ts'
import type { Finding } from './plan/finding.ts'
import { finding } from './plan/finding-texts.ts'
import { fewestFitting } from './policy/judge.ts'
import type { Policy } from './policy/policy.ts'

/** Several GPUs share the run and nobody says how many: what it costs on an assumed number breaks and keeps no limit. */
export function sharesOpenly({ memoryByGpus }: Pick<RunEstimate, 'memoryByGpus'>): boolean {
  return memoryByGpus !== null && memoryByGpus[0]?.gpus !== 1
}

/** The fewest GPUs on which the run fits, where their number is not known and decides; null: it does not. */
export function decisiveGpus({ memoryByGpus, memory }: RunEstimate, { budget }: Policy): number | null {
  const usable = memory?.usableBytes ?? null
  return usable === null ? null : fewestFitting({ byGpus: memoryByGpus }, (budget.memory.fail ?? 1) * usable)
}

/** Where the number of GPUs is not known: on how many the run fits, and what settles it. */
export function gpuCountFindings(estimate: RunEstimate, policy: Policy, path: string): readonly Finding[] {
  const { plan, provenance } = estimate.resolved
  const decisive = decisiveGpus(estimate, policy)
  if (decisive === null && !sharesOpenly(estimate)) return []
  const fits = decisive === null ? '' : ` It fits on ${decisive} or more.`
  // an assumption with a place is a default in a launch script
  const { gpus, 'parallelism.data': data } = provenance
  const isDefaulted = gpus?.from === 'assumed' && gpus.line !== undefined
  const unsaid = isDefaulted
    ? `how many there are hangs on \`${gpus.key}\`, which the job may set; the figures are those of ${plan.gpus}, the script’s default.`
    : `neither the config, nor its launch files, nor the policy say how many there are; the figures are those of ${plan.gpus}.`
  const message = `The run shards over its GPUs, and ${unsaid}${fits}`
  const { path: own = path, line = null, column = null } = (isDefaulted ? gpus : data) ?? {}
  const severity = decisive === null ? 'notice' : 'warning'
  return [finding('no-gpu-count', { path: own, line, column, message, severity })]
}

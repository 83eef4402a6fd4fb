import { findAlternatives } from './advice/find-alternatives.ts'
import { findCauses } from './advice/find-causes.ts'
import { findFixes } from './advice/find-fixes.ts'
import { createEvaluator, type RunEstimate } from './estimate-run.ts'
import type { ReadConfig } from './formats/read-session.ts'
import type { Policy } from './policy/policy.ts'
import type { AlternativeReport, CauseReport, FixReport } from './report/report.ts'

export interface Advice {
  readonly fixes: readonly FixReport[]
  readonly alternatives: readonly AlternativeReport[]
  readonly causes: readonly CauseReport[]
}

interface AdviseOptions {
  readonly config: ReadConfig
  readonly estimate: RunEstimate
  readonly base: RunEstimate | null
  readonly policy: Policy
}

/** Fixes and other hardware for a run that does not fit; causes for one that changed. */
export function advise({ config, estimate, base, policy }: AdviseOptions): Advice {
  const { run, memory, resolved } = estimate
  if (!run || !memory) return { fixes: [], alternatives: [], causes: [] }
  const evaluate = createEvaluator(run.architecture, policy)
  const limit = memory.usableBytes === null ? null : memory.usableBytes * (policy.budget.memory.fail ?? 1)
  const isOver = limit !== null && memory.highBytes > limit
  const shared = { plan: resolved.plan, provenance: resolved.provenance, evaluate, limitBytes: limit }
  return {
    fixes: isOver ? findFixes({ ...shared, format: config.format, document: config.document }) : [],
    alternatives: isOver ? findAlternatives(shared) : [],
    causes: base?.run
      ? findCauses({
          basePlan: base.resolved.plan,
          headPlan: resolved.plan,
          provenance: resolved.provenance,
          evaluate,
          limitBytes: limit,
        })
      : [],
  }
}

import type { DraftValue, MutablePlanDraft, PlanDraft, PlanKey } from '../plan/plan-draft.ts'
import type { Sourced } from '../plan/provenance.ts'
import { sequenceTokensOf } from '../plan/record-length.ts'
import type { BillingPlan, OverheadPlan, PricePlan } from '../plan/training-plan.ts'
import type { Policy, PolicyDataset } from './policy.ts'
import { BUILT_IN_POLICY } from './policy-set.ts'

/** What the policy adds where neither config nor launch files say it: hardware, retries, sizes of data sets. */
export function applyPolicy(draft: PlanDraft, policy: Policy, policyPath: string): PlanDraft {
  const result: MutablePlanDraft = { ...draft }
  const give = <T>(value: T, note?: string): Sourced<T> => ({
    value,
    from: 'policy',
    path: policyPath,
    ...(note ? { note } : {}),
  })
  if (policy.hardware.gpu !== null && !isSaid(draft, 'hardware.gpu')) result['hardware.gpu'] = give(policy.hardware.gpu)
  if (policy.hardware.gpus !== null && !isSaid(draft, 'gpus')) result.gpus = give(policy.hardware.gpus)
  if (policy.hardware.price !== null && !isSaid(draft, 'hardware.price'))
    result['hardware.price'] = give(ownPrice(policy))
  if (policy.retries !== null && !isSaid(draft, 'retries')) result.retries = give(policy.retries)
  const { billing, overheads, calibration } = policy
  if (says(billing)) result.billing = give(billing)
  if (says(overheads)) result.overheads = give(overheads)
  if (calibration.length > 0) result.calibration = give(calibration, 'measured ÷ estimated step times of finished runs')
  const data = dataFromPolicy(draft, policy)
  if (data.samples !== null && !isKnown(draft, 'dataset.samples'))
    result['dataset.samples'] = give(data.samples, data.note)
  if (data.meanCompletionTokens !== null && !isKnown(draft, 'reinforcement.meanCompletionLength'))
    result['reinforcement.meanCompletionLength'] = give(data.meanCompletionTokens, data.note)
  const meanTokens = data.meanTokens === null ? null : sequenceTokensOf(result, data.meanTokens)
  if (meanTokens !== null && !isKnown(draft, 'meanSequenceLength'))
    result.meanSequenceLength = give(meanTokens, data.note)
  return result
}

/** A price belongs to the GPU that it is stated beside. */
function ownPrice({ hardware }: Policy): PricePlan {
  const price = hardware.price ?? NO_PRICE
  return price.perGpuHour === null || hardware.gpu === null ? price : { ...price, gpu: hardware.gpu }
}

const NO_PRICE: PricePlan = { perGpuHour: null, currency: null, provider: null, region: null, spot: null }

/** Differs from what holds without a policy. */
function says(part: BillingPlan | OverheadPlan): boolean {
  const { billing, overheads } = BUILT_IN_POLICY
  return ![billing, overheads].some(builtIn => builtIn === part || JSON.stringify(builtIn) === JSON.stringify(part))
}

/** The config or its launcher sets the key itself. */
function isSaid(draft: PlanDraft, key: PlanKey): boolean {
  const value: DraftValue<unknown> | undefined = draft[key]
  return value !== undefined && typeof value !== 'function' && (value.from === 'file' || value.from === 'launch')
}

function isKnown(draft: PlanDraft, key: PlanKey): boolean {
  const value: DraftValue<unknown> | undefined = draft[key]
  return value !== undefined && (typeof value === 'function' || value.value !== null)
}

interface PolicyData {
  readonly samples: number | null
  readonly meanTokens: number | null
  readonly meanCompletionTokens: number | null
  readonly note: string
}

/** Sums the named data sets; null as soon as one of them is not in the policy. */
function dataFromPolicy(draft: PlanDraft, policy: Policy): PolicyData {
  const named = draft['dataset.names']
  const names = named && typeof named !== 'function' ? named.value : []
  const entries = names.map(name => (Object.hasOwn(policy.datasets, name) ? policy.datasets[name] : undefined))
  const known = entries.filter(entry => entry !== undefined)
  const note = `datasets in the policy: ${names.join(', ')}`
  if (names.length === 0 || known.length !== names.length)
    return { samples: null, meanTokens: null, meanCompletionTokens: null, note }
  const samples = known.every(entry => entry.samples !== null)
    ? known.reduce((sum, entry) => sum + (entry.samples ?? 0), 0)
    : null
  return {
    samples,
    meanTokens: meanOverSamples(known, ({ meanTokens }) => meanTokens),
    meanCompletionTokens: meanOverSamples(known, ({ meanCompletionTokens }) => meanCompletionTokens ?? null),
    note,
  }
}

/** A mean per data set, weighted by its samples; the only one needs no weight. null: one of them is open. */
function meanOverSamples(sets: readonly PolicyDataset[], meanOf: (set: PolicyDataset) => number | null): number | null {
  const [only] = sets
  if (sets.length === 1 && only) return meanOf(only)
  let [samples, tokens] = [0, 0]
  for (const set of sets) {
    const mean = meanOf(set)
    if (mean === null || set.samples === null) return null
    samples += set.samples
    tokens += set.samples * mean
  }
  return samples === 0 ? null : tokens / samples
}

import picomatch from 'picomatch'
import type { Finding } from '../plan/finding.ts'
import type { Policy } from './policy.ts'
import type { PolicyFile, PolicySettings } from './read-policy.ts'

/** The policy in force for a repository: one {@link Policy} for each path. */
export interface PolicySet {
  readonly findings: readonly Finding[]
  forPath(path: string): Policy
}

/** DESIGN §4 built-in policy: memory fails above 100 % of usable and warns above 90 %; nothing else is limited. */
export const BUILT_IN_POLICY: Policy = {
  hardware: { gpu: null, gpus: null, price: null },
  currency: null,
  exchangeRates: {},
  prices: 'embedded',
  billing: { unit: 'second', discounts: {}, reserved: {}, prices: [] },
  retries: null,
  overheads: { startUpSeconds: null, interruptionShare: 0 },
  calibration: [],
  estimator: 'detailed',
  budget: {
    cost: { warn: null, fail: null },
    costIncrease: { warn: null, fail: null },
    hours: { warn: null, fail: null },
    gpuHours: { warn: null, fail: null },
    memory: { warn: 0.9, fail: 1 },
  },
  failOn: 'new',
  onUnknown: 'warn',
  onRefusal: 'fail',
  overrideLabel: null,
  datasets: {},
  models: {},
  ignore: false,
  rule: null,
}

/** Built-in, then the file's defaults, then its first matching rule, then the Action's inputs or the CLI's flags. */
export function createPolicySet(file: PolicyFile | null, inputs: PolicySettings = {}): PolicySet {
  const base = merge(BUILT_IN_POLICY, file?.settings ?? {})
  const unruled = merge(base, inputs)
  const rules = (file?.rules ?? []).map(({ paths, line, settings }, index) => ({
    matches: globMatcher(paths),
    policy: merge({ ...merge(base, settings), rule: { index, paths, line } }, inputs),
  }))
  return {
    findings: file?.findings ?? [],
    forPath: path => rules.find(({ matches }) => matches(path))?.policy ?? unruled,
  }
}

/** Globs with `!` excludes; no include means everything. */
export function globMatcher(globs: readonly string[]): (path: string) => boolean {
  const includes = globs.filter(glob => !glob.startsWith('!'))
  const excludes = globs.filter(glob => glob.startsWith('!')).map(glob => glob.slice(1))
  const options = { dot: true, maxLength: 4096 }
  const isIncluded = includes.length > 0 ? picomatch(includes, options) : () => true
  const isExcluded = excludes.length > 0 ? picomatch(excludes, options) : () => false
  return path => isIncluded(path) && !isExcluded(path)
}

function merge(policy: Policy, over: PolicySettings): Policy {
  const budget = over.budget ?? {}
  return {
    hardware: {
      gpu: over.gpu ?? policy.hardware.gpu,
      gpus: over.gpus ?? policy.hardware.gpus,
      price: over.price ?? policy.hardware.price,
    },
    currency: over.currency ?? policy.currency,
    exchangeRates: { ...policy.exchangeRates, ...over.exchangeRates },
    prices: over.prices ?? policy.prices,
    billing: over.billing ? { ...policy.billing, ...over.billing } : policy.billing,
    retries: over.retries ?? policy.retries,
    overheads: over.overheads ? { ...policy.overheads, ...over.overheads } : policy.overheads,
    calibration: over.calibration ?? policy.calibration,
    estimator: over.estimator ?? policy.estimator,
    budget: {
      cost: mergeLimit(policy.budget.cost, budget.cost),
      costIncrease: mergeLimit(policy.budget.costIncrease, budget.costIncrease),
      hours: mergeLimit(policy.budget.hours, budget.hours),
      gpuHours: mergeLimit(policy.budget.gpuHours, budget.gpuHours),
      memory: mergeLimit(policy.budget.memory, budget.memory),
    },
    failOn: over.failOn ?? policy.failOn,
    onUnknown: over.onUnknown ?? policy.onUnknown,
    onRefusal: over.onRefusal ?? policy.onRefusal,
    overrideLabel: over.overrideLabel ?? policy.overrideLabel,
    datasets: { ...policy.datasets, ...over.datasets },
    models: { ...policy.models, ...over.models },
    ignore: over.ignore ?? policy.ignore,
    rule: policy.rule,
  }
}

interface TwoLevels<T> {
  readonly warn: T | null
  readonly fail: T | null
}

function mergeLimit<T>(under: TwoLevels<T>, over: TwoLevels<T> | undefined): TwoLevels<T> {
  return { warn: over?.warn ?? under.warn, fail: over?.fail ?? under.fail }
}

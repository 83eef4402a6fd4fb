import { type ConfigDocument, plainData } from '../formats/config-document.ts'
import { Fields } from '../formats/fields.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type { BillingPlan, CalibrationPlan, OverheadPlan, PricePlan } from '../plan/training-plan.ts'
import type { Increase, Limit, PolicyDataset } from './policy.ts'
import { POLICY_KEYS } from './policy-keys.ts'
import { readBilling, readCalibration, readOverheads } from './read-billing.ts'
import { parseShare, readShare } from './read-share.ts'
import { unknownPolicyKeys } from './unknown-policy-keys.ts'

/** What one level of the policy file says; absent values are undefined and fall through to the level below. */
export interface PolicySettings {
  readonly gpu?: string
  readonly gpus?: number
  readonly price?: PricePlan
  readonly currency?: string
  readonly exchangeRates?: Readonly<Record<string, number>>
  readonly prices?: 'embedded' | 'live'
  readonly billing?: Partial<BillingPlan>
  readonly retries?: number
  readonly overheads?: Partial<OverheadPlan>
  readonly calibration?: readonly CalibrationPlan[]
  readonly estimator?: 'detailed' | 'rule-of-thumb'
  readonly budget?: BudgetSettings
  readonly failOn?: 'new' | 'any'
  readonly onUnknown?: 'pass' | 'warn' | 'fail'
  readonly onRefusal?: 'pass' | 'warn' | 'fail'
  readonly overrideLabel?: string
  readonly datasets?: Readonly<Record<string, PolicyDataset>>
  readonly models?: Readonly<Record<string, string | object>>
  readonly ignore?: boolean
}

export interface BudgetSettings {
  readonly cost?: Limit
  readonly costIncrease?: { readonly warn: Increase | null; readonly fail: Increase | null }
  readonly hours?: Limit
  readonly gpuHours?: Limit
  readonly memory?: Limit
}

export interface PolicyRule {
  readonly paths: readonly string[]
  readonly line: number
  readonly settings: PolicySettings
}

export interface PolicyFile {
  readonly settings: PolicySettings
  readonly rules: readonly PolicyRule[]
  readonly findings: readonly Finding[]
}

/** Reads `.github/preflop.yml` (DESIGN §4). Every problem is a `policy-error` with its line; what is right still counts. */
export function readPolicy(document: ConfigDocument): PolicyFile {
  const problems: Finding[] = []
  const root = document.roots[0]
  if (root?.kind !== 'mapping') {
    const syntax = document.findings.map(asPolicyError)
    const empty = finding('policy-error', {
      path: document.path,
      line: 1,
      message: 'The policy is empty or not a mapping; expected `version: 1` and settings.',
    })
    const isBlank = document.text.replaceAll(/^\s*#.*$/gm, '').trim() === ''
    return { settings: {}, rules: [], findings: syntax.length > 0 ? syntax : isBlank ? [] : [empty] }
  }
  const fields = new Fields({ node: root, findings: problems, from: 'policy' })
  fields.integer('version', { min: 1, max: 1 })
  const settings = readSettings(fields, problems)
  const rules = (fields.raw('configs')?.items ?? []).flatMap(node => {
    if (node.kind !== 'mapping') return []
    const rule = new Fields({ node, findings: problems, from: 'policy', prefix: 'configs[].' })
    const written = rule.strings('paths')?.value ?? []
    const paths = written.filter(glob => glob.length <= MAX_GLOB && !/^!?$/.test(glob))
    if (paths.length < written.length) rule.invalid('paths', `globs of 1 to ${MAX_GLOB} characters`)
    if (paths.length === 0)
      problems.push(
        finding('policy-error', {
          path: node.path,
          line: node.line,
          message: 'A rule under `configs` has no `paths`; expected a list of globs.',
        }),
      )
    const ignore = rule.boolean('ignore')?.value
    const ruleSettings = { ...readSettings(rule, problems), ...(ignore === undefined ? {} : { ignore }) }
    problems.push(...unknownPolicyKeys(rule, POLICY_KEYS.rule))
    return [{ paths, line: node.line, settings: ruleSettings }]
  })
  problems.push(...unknownPolicyKeys(fields, POLICY_KEYS.root))
  return { settings, rules, findings: [...document.findings, ...problems].map(asPolicyError) }
}

/** Longer than any repository path. */
const MAX_GLOB = 1000

function asPolicyError(problem: Finding): Finding {
  return problem.code === 'duplicate-key' ? problem : { ...problem, code: 'policy-error', severity: 'error' }
}

function readSettings(fields: Fields, problems: Finding[]): PolicySettings {
  const hardware = fields.mapping('hardware')
  const price = hardware?.mapping('price')
  const budget = fields.mapping('budget')
  const settings = {
    gpu: hardware?.string('gpu')?.value,
    gpus: hardware?.integer('gpus', { min: 1, max: 1_000_000 })?.value,
    price: price && readPrice(price),
    currency: fields.currency('currency')?.value,
    exchangeRates: readRates(fields),
    prices: fields.oneOf('prices', ['embedded', 'live'])?.value,
    billing: readBilling(fields, problems),
    retries: fields.integer('retries', { min: 1, max: 1000 })?.value,
    overheads: readOverheads(fields, problems),
    calibration: readCalibration(fields, problems),
    estimator: fields.oneOf('estimator', ['detailed', 'rule-of-thumb'])?.value,
    budget: budget && readBudget(budget, problems),
    failOn: fields.oneOf('fail_on', ['new', 'any'])?.value,
    onUnknown: fields.oneOf('on_unknown', ['pass', 'warn', 'fail'])?.value,
    onRefusal: fields.oneOf('on_refusal', ['pass', 'warn', 'fail'])?.value,
    overrideLabel: fields.string('override_label')?.value,
    datasets: readDatasets(fields, problems),
    models: readModels(fields),
  }
  if (hardware) problems.push(...unknownPolicyKeys(hardware, POLICY_KEYS.hardware))
  if (price) problems.push(...unknownPolicyKeys(price, POLICY_KEYS.price))
  if (budget) problems.push(...unknownPolicyKeys(budget, POLICY_KEYS.budget))
  return withoutUndefined(settings)
}

type Defined<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> }

function withoutUndefined<T extends object>(value: T): Defined<T> {
  const result: Defined<T> = {}
  for (const [key, entry] of Object.entries(value)) if (entry !== undefined) Object.assign(result, { [key]: entry })
  return result
}

function readPrice(price: Fields): PricePlan {
  return {
    perGpuHour: price.number('per_gpu_hour', { min: 0, max: 1e6 })?.value ?? null,
    currency: price.currency('currency')?.value ?? null,
    provider: price.string('provider')?.value ?? null,
    region: price.string('region')?.value ?? null,
    spot: price.boolean('spot')?.value ?? null,
  }
}

function readRates(fields: Fields): Readonly<Record<string, number>> | undefined {
  const rates = fields.mapping('exchange_rates')
  if (!rates) return undefined
  const entries = [...rates.node.entries.keys()].flatMap(code => {
    if (!/^[A-Za-z]{3}$/.test(code)) return rates.invalid(code, 'a rate under a currency code of three letters') ?? []
    const rate = rates.number(code, { min: 1e-9, max: 1e9 })
    return rate ? [[code.toUpperCase(), rate.value] as const] : []
  })
  return Object.fromEntries(entries)
}

function readDatasets(fields: Fields, problems: Finding[]): PolicySettings['datasets'] {
  const datasets = fields.mapping('datasets')
  if (!datasets) return undefined
  const entries = [...datasets.node.entries.keys()].flatMap(name => {
    const entry = datasets.mapping(name)
    if (!entry) return []
    const samples = entry.integer('samples', { min: 0, max: 1e13 })?.value ?? null
    const meanTokens = entry.number('mean_tokens', { min: 1, max: 1e9 })?.value ?? null
    const meanCompletionTokens = entry.number('mean_completion_tokens', { min: 1, max: 1e9 })?.value ?? null
    problems.push(...unknownPolicyKeys(entry, POLICY_KEYS.dataset))
    return [[name, { samples, meanTokens, meanCompletionTokens }] as const]
  })
  return Object.fromEntries(entries)
}

function readModels(fields: Fields): Readonly<Record<string, string | object>> | undefined {
  const models = fields.mapping('models')
  if (!models) return undefined
  const entries = [...models.node.entries].flatMap(([id, node]) => {
    const data = plainData(node)
    return typeof data === 'string' || (typeof data === 'object' && data !== null) ? [[id, data] as const] : []
  })
  return Object.fromEntries(entries)
}

function readBudget(budget: Fields, problems: Finding[]): BudgetSettings {
  return withoutUndefined({
    cost: readLimit(budget, 'cost', readAmount, problems),
    costIncrease: readIncrease(budget, problems),
    hours: readLimit(budget, 'hours', readAmount, problems),
    gpuHours: readLimit(budget, 'gpu_hours', readAmount, problems),
    memory: readLimit(budget, 'memory', readShare, problems),
  })
}

function readLimit(
  budget: Fields,
  key: string,
  read: (fields: Fields, key: string) => number | null,
  problems: Finding[],
): Limit | undefined {
  const limit = limitMapping(budget, key)
  if (!limit) return undefined
  const result = { warn: read(limit, 'warn'), fail: read(limit, 'fail') }
  problems.push(...unknownPolicyKeys(limit, POLICY_KEYS.limit))
  return result
}

/** A bare figure does not say whether it fails or warns. */
function limitMapping(budget: Fields, key: string): Fields | undefined {
  const written = budget.raw(key)?.scalar
  if (written === undefined || written === null) return budget.mapping(key)
  return budget.invalid(key, `the level with it, such as \`${key}: { fail: ${written} }\``)
}

function readAmount(fields: Fields, key: string): number | null {
  return fields.number(key, { min: 0, max: 1e15 })?.value ?? null
}

function readIncrease(budget: Fields, problems: Finding[]): BudgetSettings['costIncrease'] {
  const limit = limitMapping(budget, 'cost_increase')
  if (!limit) return undefined
  const read = (key: string): Increase | null => {
    if (!limit.isSet(key)) return null
    const written = limit.raw(key)?.scalar
    if (typeof written === 'number' && written >= 0) return { kind: 'amount', amount: written }
    const share = typeof written === 'string' && written.trim().endsWith('%') ? parseShare(written) : null
    if (share !== null) return { kind: 'share', share }
    return limit.invalid(key, 'an amount or a percentage such as 25%') ?? null
  }
  const result = { warn: read('warn'), fail: read('fail') }
  problems.push(...unknownPolicyKeys(limit, POLICY_KEYS.limit))
  return result
}

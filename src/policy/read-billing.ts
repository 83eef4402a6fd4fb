import { Fields } from '../formats/fields.ts'
import { findGpu, nearestGpus } from '../hardware/gpu-catalogue.ts'
import type { Finding } from '../plan/finding.ts'
import { finding } from '../plan/finding-texts.ts'
import type {
  BillingPlan,
  CalibrationPlan,
  NegotiatedPrice,
  OverheadPlan,
  TrainingKind,
} from '../plan/training-plan.ts'
import { FRAMEWORKS } from '../plan/vocabulary.ts'
import { POLICY_KEYS } from './policy-keys.ts'
import { readShare } from './read-share.ts'
import { unknownPolicyKeys } from './unknown-policy-keys.ts'

/** `billing:` of the policy; what is wrong in it is left out with a finding. */
export function readBilling(fields: Fields, problems: Finding[]): Partial<BillingPlan> | undefined {
  const billing = fields.mapping('billing')
  if (!billing) return undefined
  problems.push(...unknownPolicyKeys(billing, POLICY_KEYS.billing))
  const unit = billing.oneOf('unit', ['second', 'minute', 'hour'])?.value
  const discounts = entriesOf(billing.mapping('discounts'), (rates, provider) => readDiscount(rates, provider))
  const reserved = entriesOf(billing.mapping('reserved'), (counts, gpu) => {
    const count = counts.integer(gpu, { min: 0, max: 1_000_000 })
    const id = gpuId(counts, gpu, gpu, problems)
    return count && id !== null ? [id, count.value] : null
  })
  const prices = mappingsOf(billing, 'negotiated', problems).flatMap(row => readNegotiated(row, problems))
  return {
    ...(unit === undefined ? {} : { unit }),
    ...(discounts === undefined ? {} : { discounts }),
    ...(reserved === undefined ? {} : { reserved }),
    ...(billing.isSet('negotiated') ? { prices } : {}),
  }
}

/** A whole discount makes nothing cost anything: `reserved` says that. */
function readDiscount(rates: Fields, provider: string): readonly [string, number] | null {
  const share = readShare(rates, provider)
  if (share === null) return null
  if (share < 1) return [provider, share]
  rates.invalid(provider, 'a discount below 100%')
  return null
}

function readNegotiated(row: Fields, problems: Finding[]): readonly NegotiatedPrice[] {
  problems.push(...unknownPolicyKeys(row, POLICY_KEYS.negotiated))
  const gpu = gpuId(row, 'gpu', row.string('gpu')?.value ?? '', problems)
  const instanceGpus = row.integer('instance_gpus', { min: 1, max: 1024 })?.value ?? 1
  const perGpu = row.number('per_gpu_hour', { min: 0, max: 1e6 })?.value
  const perInstance = row.number('per_instance_hour', { min: 0, max: 1e7 })?.value
  if (gpu === null) return []
  const perInstanceHour = perInstance ?? (perGpu === undefined ? undefined : perGpu * instanceGpus)
  if (perInstanceHour === undefined || (perGpu !== undefined && perInstance !== undefined)) {
    const message = 'A negotiated price needs one of `per_gpu_hour` and `per_instance_hour`.'
    problems.push(finding('policy-error', { path: row.node.path, line: row.node.line, message }))
    return []
  }
  return [
    {
      gpu,
      instanceGpus,
      perInstanceHour,
      instance: row.string('instance')?.value ?? null,
      currency: row.string('currency')?.value.toUpperCase() ?? 'USD',
      provider: row.string('provider')?.value ?? null,
      region: row.string('region')?.value ?? null,
      spot: row.boolean('spot')?.value ?? false,
    },
  ]
}

/** `overheads:` of the policy. */
export function readOverheads(fields: Fields, problems: Finding[]): Partial<OverheadPlan> | undefined {
  const overheads = fields.mapping('overheads')
  if (!overheads) return undefined
  problems.push(...unknownPolicyKeys(overheads, POLICY_KEYS.overheads))
  const startUpSeconds = overheads.number('start_up_seconds', { min: 0, max: 1e6 })?.value
  const interruptionShare = readShare(overheads, 'spot_interruptions')
  return {
    ...(startUpSeconds === undefined ? {} : { startUpSeconds }),
    ...(interruptionShare === null ? {} : { interruptionShare }),
  }
}

const TRAINING_KINDS = [
  'full',
  'adapter',
  'quantized-adapter',
  'mixture-of-experts',
  'offload',
] as const satisfies readonly TrainingKind[]

/** `calibration:` of the policy, as `preflop calibrate` writes it. */
export function readCalibration(fields: Fields, problems: Finding[]): readonly CalibrationPlan[] | undefined {
  if (!fields.isSet('calibration')) return undefined
  return mappingsOf(fields, 'calibration', problems).flatMap(row => {
    problems.push(...unknownPolicyKeys(row, POLICY_KEYS.calibration))
    const gpu = gpuId(row, 'gpu', row.string('gpu')?.value ?? '', problems)
    const factor = row.number('step_factor', { min: 0.01, max: 100 })?.value
    if (factor === undefined && !row.has('step_factor'))
      problems.push(
        finding('policy-error', {
          path: row.node.path,
          line: row.node.line,
          message: 'A calibration has no `step_factor`; expected measured ÷ estimated seconds of a step.',
        }),
      )
    if (gpu === null || factor === undefined) return []
    return [
      {
        gpu,
        training: row.oneOf('training', TRAINING_KINDS)?.value ?? null,
        framework: row.oneOf('framework', FRAMEWORKS)?.value ?? null,
        stepFactor: factor,
        low: row.number('low', { min: 0.01, max: 100 })?.value ?? factor,
        high: row.number('high', { min: 0.01, max: 100 })?.value ?? factor,
        runs: row.integer('runs', { min: 1, max: 1e6 })?.value ?? 1,
      },
    ]
  })
}

function mappingsOf(fields: Fields, key: string, problems: Finding[]): readonly Fields[] {
  const node = fields.raw(key)
  if (node === undefined) return []
  if (node.kind !== 'sequence') {
    fields.invalid(key, 'a list of mappings')
    return []
  }
  return node.items.flatMap(item => {
    if (item.kind === 'mapping')
      return [new Fields({ node: item, findings: problems, from: 'policy', prefix: `${key}[].` })]
    const message = `An entry of \`${key}\` is a ${item.kind}; expected a mapping.`
    problems.push(finding('policy-error', { path: item.path, line: item.line, message }))
    return []
  })
}

function entriesOf(
  fields: Fields | undefined,
  read: (fields: Fields, key: string) => readonly [string, number] | null,
): Readonly<Record<string, number>> | undefined {
  if (!fields) return undefined
  return Object.fromEntries(
    [...fields.node.entries.keys()].flatMap(key => {
      const entry = read(fields, key)
      return entry === null ? [] : [entry]
    }),
  )
}

function gpuId(fields: Fields, key: string, name: string, problems: Finding[]): string | null {
  const found = findGpu(name)
  if (found) return found.id
  const near = nearestGpus(name)
  const at = fields.node.entries.get(key) ?? fields.node
  problems.push(
    finding('policy-error', {
      path: fields.node.path,
      line: at.keyLine || at.line,
      message: name === '' ? 'An entry has no `gpu`.' : `\`${name.slice(0, 100)}\` is not a GPU of the catalogue.`,
      hint: near.length > 0 ? `Did you mean ${near.map(id => `\`${id}\``).join(', ')}?` : '`preflop gpus` lists them.',
    }),
  )
  return null
}

import { group } from '../plan/figure-text.ts'
import { exactMoney } from '../plan/money-text.ts'
import { GB } from '../plan/units.ts'
import { DATA_PARALLELISM_NAMES } from '../plan/vocabulary.ts'
import { plain } from './escape-markdown.ts'
import { count } from './figures.ts'
import type { RuleOfThumbReport, RunReport } from './report.ts'

/** `Llama 2 7B …, full fine-tune, 8 × A100`. */
export function describePlan({ plan, parameters, gpuName, assumptions }: RunReport): string {
  if (!plan) return ''
  const size = parameters ? ` (${count(parameters.total)} parameters, ${count(parameters.trainable)} train)` : ''
  const method = plan.adapter
    ? `${plan.quantization === 'none' ? '' : `${plan.quantization} + `}${plan.adapter.type} r${plan.adapter.rank}`
    : 'full fine-tune'
  const sharding = plan.parallelism.data === 'none' ? '' : `, ${DATA_PARALLELISM_NAMES[plan.parallelism.data]}`
  const isAssumed = assumptions.some(({ planKey, from }) => planKey === 'gpus' && from === 'assumed')
  const place = `${plan.gpus} × ${gpuName ?? 'unknown GPU'}${isAssumed ? ' (number of GPUs assumed)' : ''}`
  return plain(
    `${plan.model ?? (parameters ? 'a model given by its shapes' : 'a model that is not known')}${size}, ${plan.stage}, ${method}, ${plan.precision.compute}${sharding}, ${plan.microBatchSize} × ${plan.sequenceLength} tokens, ${place}`,
  )
}

/** `A100-40GB` for `A100 SXM4 40GB`: what a narrow column holds. The whole name is in the run's own part. */
export function shortGpuName(name: string): string {
  return name
    .replace(/ \(.*\)$/, '')
    .replace(/^(?:Tesla|GeForce|Instinct) /, '')
    .replace(/ SXM\d?(?= |$)/, '')
    .replace(/ (?=\d+GB$)/, '-')
}

/** What the rule takes every run for. */
export function ruleConditions({ plan }: RunReport): string {
  const step = plan ? `, ${plan.ruleOfThumb.stepSeconds} s a step` : ''
  return `every parameter trained, nothing sharded${step}`
}

export function ruleOfThumb({
  fixedBytes,
  dynamicBytes,
  peakBytes,
  steps,
  seconds,
  billedHours,
  cost,
  currency,
}: RuleOfThumbReport): string {
  const memory = `${(fixedBytes / GB).toFixed(1)} GB fixed + ${(dynamicBytes / GB).toFixed(1)} GB dynamic = ${(peakBytes / GB).toFixed(1)} GB`
  const time =
    steps === null || seconds === null ? '' : `, ${group(String(steps))} steps, ${group(seconds.toFixed(1))} s`
  const bill = billedHours === null ? '' : `, ${billedHours} billed hour${billedHours === 1 ? '' : 's'}`
  return `${memory}${time}${bill}${cost === null ? '' : `, ${exactMoney(cost, currency)}`}`
}

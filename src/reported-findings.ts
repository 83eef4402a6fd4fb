import { convertMoney } from './cost/convert-money.ts'
import type { RunEstimate } from './estimate-run.ts'
import { RENTED_GPUS } from './hardware/price-catalogue.ts'
import type { Finding } from './plan/finding.ts'
import { finding } from './plan/finding-texts.ts'
import type { TrainingPlan } from './plan/training-plan.ts'
import type { Judgement } from './policy/judge.ts'
import type { Policy } from './policy/policy.ts'

/** What a report cannot say for want of a size or a price, and what settles it. */
export function unknownFindings(
  { time, price, resolved, findings: own }: RunEstimate,
  path: string,
): readonly Finding[] {
  const findings: Finding[] = []
  const names = resolved.plan.dataset.names
  if (time && time.steps === null && !time.findings.some(({ code }) => code === 'unknown-dataset-size'))
    findings.push(
      finding('unknown-dataset-size', {
        path,
        message:
          names.length > 0
            ? `The size of ${names
                .slice(0, 3)
                .map(name => `\`${name}\``)
                .join(', ')} is not known.`
            : 'The config names no data set of known size and no step limit.',
      }),
    )
  if (time && !price && !own.some(({ code }) => code === 'no-price'))
    findings.push(
      finding('no-price', {
        path,
        ...unpriced(resolved.plan.hardware.gpu),
      }),
    )
  return findings
}

/** The catalogue's prices are of one provider each, and a run is never billed by a provider that nobody named. */
function unpriced(gpu: string | null): { readonly message: string; readonly hint?: string } {
  const given = 'Neither the config nor the policy gives a price'
  if (gpu === null || !RENTED_GPUS.includes(gpu))
    return { message: `${given}, and the catalogue has none for this GPU.` }
  return {
    message: `${given} or names the provider whose catalogue price of ${gpu} to take.`,
    hint: `Set \`hardware.price.provider\` (\`preflop prices ${gpu}\` lists them) or \`hardware.price.per_gpu_hour\` in the policy.`,
  }
}

export function rateFindings({ cost }: RunEstimate, policy: Policy, path: string): readonly Finding[] {
  if (!cost || convertMoney(1, cost.currency, policy) !== null) return []
  const message = `The price is in ${cost.currency}; the policy counts in ${policy.currency} and has no rate for it.`
  return [finding('no-exchange-rate', { path, message })]
}

export function unshardedFinding(plan: TrainingPlan, judgement: Judgement, path: string): readonly Finding[] {
  const { data, tensor, pipeline } = plan.parallelism
  const isSharded = !['none', 'ddp'].includes(data) || tensor > 1 || pipeline > 1
  if (plan.gpus < 2 || isSharded || !judgement.findings.some(({ code }) => code === 'over-memory')) return []
  return [
    finding('unsharded-gpus', {
      path,
      message: `${plan.gpus} GPUs hold ${plan.gpus} full copies: nothing is sharded, so they do not add up to one larger memory.`,
    }),
  ]
}

import type { Finding } from '../../plan/finding.ts'
import { finding } from '../../plan/finding-texts.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { Fields } from '../fields.ts'
import { reportUnmodelled } from '../run-per-document.ts'
import { switchedOn } from './switched-on.ts'

const ALWAYS = {
  fp8_param_gather: 'weights stored in 8 bit',
  mtp_num_layers: 'layers of multi-token prediction',
  fine_grained_activation_offloading: 'activations of some modules on the host',
} as const

/** Arguments of Megatron-LM core 0.20 that change memory and have no place in the plan. */
export function reportMegatronUnmodelled(fields: Fields, findings: Finding[]): void {
  reportUnmodelled(fields, ALWAYS, findings)
  const online = switchedOn(fields, 'perform_rl_step')
  if (online) findings.push(unpricedRollouts(online))
  const granularity = fields.string('recompute_granularity')?.value
  const together = fields.integer('recompute_num_layers', { min: 1 })?.value ?? 1
  if (granularity === 'full' && fields.string('recompute_method')?.value === 'uniform' && together > 1)
    reportUnmodelled(fields, { recompute_num_layers: 'several layers are recomputed at once' }, findings)
  const modules = (fields.isSet('recompute_modules') && fields.strings('recompute_modules')?.value) || []
  // transformer_config.py: core_attn alone is the default, which a flash kernel makes free.
  if (granularity === 'selective' && modules.some(name => name !== 'core_attn'))
    reportUnmodelled(fields, { recompute_modules: 'modules that are recomputed beside the attention scores' }, findings)
}

/**
 * The inference engine's cache stays in GPU memory beside the optimizer (`rl_kv_cache_management_mode: persist`,
 * `inference_dynamic_batching_buffer_size_gb` 40), and rollouts take most of the time: no run passes on the update alone.
 */
function unpricedRollouts({ path, line, column }: Sourced<boolean>): Finding {
  return finding('unsupported-option', {
    severity: 'error',
    path: path ?? null,
    line: line ?? null,
    column: column ?? null,
    message:
      '`perform_rl_step` generates rollouts in the same GPUs: their cache and their time are not in the figures, which are those of the update alone.',
  })
}

import type { Finding } from '../../plan/finding.ts'
import type { Fields } from '../fields.ts'
import { reportUnmodelled } from '../run-per-document.ts'

const ALWAYS = {
  fp8_param_gather: 'weights stored in 8 bit',
  perform_rl_step: 'rollouts and a reference model',
  mtp_num_layers: 'layers of multi-token prediction',
  fine_grained_activation_offloading: 'activations of some modules on the host',
} as const

/** Arguments of Megatron-LM core 0.20 that change memory and have no place in the plan. */
export function reportMegatronUnmodelled(fields: Fields, findings: Finding[]): void {
  reportUnmodelled(fields, ALWAYS, findings)
  const granularity = fields.string('recompute_granularity')?.value
  const together = fields.integer('recompute_num_layers', { min: 1 })?.value ?? 1
  if (granularity === 'full' && fields.string('recompute_method')?.value === 'uniform' && together > 1)
    reportUnmodelled(fields, { recompute_num_layers: 'several layers are recomputed at once' }, findings)
  const modules = (fields.isSet('recompute_modules') && fields.strings('recompute_modules')?.value) || []
  // transformer_config.py: core_attn alone is the default, which a flash kernel makes free.
  if (granularity === 'selective' && modules.some(name => name !== 'core_attn'))
    reportUnmodelled(fields, { recompute_modules: 'modules that are recomputed beside the attention scores' }, findings)
}

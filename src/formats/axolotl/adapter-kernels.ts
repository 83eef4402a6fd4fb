import { versionDefault } from '../../launch/version-defaults.ts'
import { byDefault, type MutablePlanDraft } from '../../plan/plan-draft.ts'
import type { Sourced } from '../../plan/provenance.ts'
import type { AdapterKernel } from '../../plan/vocabulary.ts'
import type { Fields } from '../fields.ts'

const KERNEL_KEYS: Readonly<Record<string, AdapterKernel | null>> = {
  lora_qkv_kernel: 'qkv',
  lora_o_kernel: 'output',
  lora_mlp_kernel: 'mlp',
  /** Keeps what PEFT keeps. */
  lora_embedding_kernel: null,
}
const ALL: readonly AdapterKernel[] = ['qkv', 'output', 'mlp']

/**
 * Adapters that run inside their projections (axolotl 0.18 utils/schemas/config.py check_auto_enable_lora_kernels): on when no key names
 * one, but for reinforcement, 8-bit LoRA, remote code and FSDP 1; before 0.16 with `lora_dropout: 0` alone.
 */
export function readAdapterKernels(
  fields: Fields,
  libraries: Readonly<Record<string, string>>,
): Pick<MutablePlanDraft, 'adapter.kernels'> {
  const named = Object.keys(KERNEL_KEYS).filter(key => fields.isSet(key))
  const [first] = named
  if (first !== undefined) {
    const value = named.flatMap(key => (fields.boolean(key)?.value ? (KERNEL_KEYS[key] ?? []) : []))
    return { 'adapter.kernels': fields.sourced(first, value) }
  }
  const rule = versionDefault('axolotl.lora_kernels', libraries)
  const is = (key: string) => fields.isSet(key) && fields.boolean(key)?.value === true
  const dropout = fields.isSet('lora_dropout') ? fields.number('lora_dropout')?.value : undefined
  const adapter = fields.string('adapter')?.value ?? ''
  const eightBit = adapter === 'lora' && is('load_in_8bit')
  const off =
    rule.value === 'off' ||
    !/^q?lora$/.test(adapter) ||
    (rule.value === 'without dropout' && dropout !== 0) ||
    eightBit ||
    fields.isSet('rl') ||
    is('trust_remote_code')
  const sourced = (value: readonly AdapterKernel[]): Sourced<readonly AdapterKernel[]> => ({ ...rule, value })
  if (off) return { 'adapter.kernels': sourced([]) }
  const shardsWithoutVersion2 = fields.isSet('fsdp_config') && fields.integer('fsdp_version')?.value !== 2
  return {
    'adapter.kernels': facts =>
      shardsWithoutVersion2 && facts.gpus > 1
        ? byDefault([], 'axolotl 0.18 utils/schemas/config.py: no LoRA kernels under FSDP 1')
        : sourced(ALL),
  }
}
